"""What a row may know of the past of the target and of observed columns: nothing younger than a gap."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.calendar_features import long_season_steps
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.entityset import CODE_COL, PERIOD_COL, group_col, peer_groups
from distributed_automl.scenario.features import Feature, Ranked, named, of_kind
from distributed_automl.scenario.primitives.past import (
    PastCategory,
    PastExpanding,
    PastMeanOfAlike,
    PastStatistic,
    PastValue,
    PeriodsSinceNonZero,
)
from distributed_automl.scenario.primitives.peers import PeersStatistic
from distributed_automl.scenario.primitives.row import Product, Ratio


@dataclass(frozen=True)
class PastPlan:
    """Which periods of the past a feature may look at.

    ``first`` is the youngest whole season that a row may see:

        ... |--season--|--season--|----- gap -----| row
                       ^ first                 (not known yet)

    The names of features say their role and not their age, so that they are the same at every gap.
    """

    problem: Problem
    synthesis: Synthesis
    season: int
    gap: int

    @property
    def first(self) -> int:
        return _whole(self.season, self.gap)

    @property
    def n_recent(self) -> int:
        """How many of the youngest periods are lags of their own; as many at every gap."""
        return min(_whole(self.season, self.problem.horizon) - self.problem.horizon, 3)

    @property
    def windows(self) -> list[int]:
        return sorted(set(self.synthesis.windows))

    @property
    def cycle(self) -> int | None:
        """The longest season there is, if a window fits into it."""
        steps = long_season_steps(self.problem, self.season) or self.season
        return steps if any(window <= steps for window in self.windows) else None


def past_features(base: Mapping[str, Feature], kinds: Kinds, plan: PastPlan) -> list[Ranked]:
    """Return what is derived from the past that a row may see.

    Args:
        base: column -> its feature.
        kinds: feature column -> kind.
        plan: the gap, the season, lags and windows.
    """
    return [
        *_target_features(base, plan),
        *_alike_features(base, kinds, plan),
        *_peer_features(base, plan),
        *_observed_features(base, kinds, plan),
    ]


def _whole(season: int, periods: int) -> int:
    """Round periods up to whole seasons."""
    return season * -(-periods // season)


def _target_features(base: Mapping[str, Feature], plan: PastPlan) -> Iterator[Ranked]:
    target = plan.problem.target
    inputs = [base[CODE_COL], base[target]]
    role = "season_lag" if plan.season > 1 else "recent"
    for i in range(plan.synthesis.seasonal_lags):
        yield 1, named(PastValue(plan.first + i * plan.season), inputs, f"{target}__{role}_{i + 1}")
    for i in range(plan.n_recent):
        yield 1, named(PastValue(plan.gap + i), inputs, f"{target}__recent_{i + 1}")
    yield from _seasonal_features(inputs, target, plan)
    yield from _rolling_features(inputs, target, plan)
    for statistic, rank in (("mean", 1), ("std", 3), ("max", 4)):
        yield rank, named(PastExpanding(statistic, plan.gap), inputs, f"{target}__{statistic}_so_far")
    yield 1, named(PeriodsSinceNonZero(plan.gap), inputs, f"{target}__since_non_zero")
    yield from _long_season_features(inputs, target, plan)
    yield from _growth_features(inputs, target, plan)


def _seasonal_features(inputs: Sequence[Feature], target: str, plan: PastPlan) -> Iterator[Ranked]:
    """Yield statistics of the last values at the same point of the season, and their trend."""
    n_seasons = plan.synthesis.seasonal_lags
    if plan.season == 1 or n_seasons == 0:
        return
    means = []
    for statistic, window in (("mean", n_seasons), ("mean", 2 * n_seasons), ("median", 2 * n_seasons)):
        past = PastStatistic(statistic, window=window, gap=plan.first, stride=plan.season)
        means.append(named(past, inputs, f"{target}__season_{statistic}_{window}"))
        yield 1, means[-1]
    yield 3, named(Ratio(), means[:2], f"{target}__season_trend")
    if plan.windows:
        level = _rolling("mean", plan.windows[-1], inputs, target, plan)
        yield 3, named(Ratio(), [means[1], level], f"{target}__season_share")


def _rolling(statistic: str, window: int, inputs: Sequence[Feature], target: str, plan: PastPlan) -> Feature:
    past = PastStatistic(statistic, window=window, gap=plan.gap)
    return named(past, inputs, f"{target}__{statistic}_{window}")


def _rolling_features(inputs: Sequence[Feature], target: str, plan: PastPlan) -> Iterator[Ranked]:
    """Yield statistics of the windows that end a gap ago, and how each window compares with the next longer one."""
    for window in plan.windows:
        for statistic in ("mean", "median", "std"):
            yield 1, _rolling(statistic, window, inputs, target, plan)
        yield 3, _rolling("fading_mean", window, inputs, target, plan)
    for short, long in itertools.pairwise(plan.windows):
        means = [_rolling("mean", window, inputs, target, plan) for window in (short, long)]
        yield 1, named(Ratio(), means, f"{target}__trend_{short}_{long}")
    for window in plan.windows[-1:]:
        yield 1, _rolling("zero_share", window, inputs, target, plan)
        for statistic in ("high", "low", "max", "min"):
            yield 2, _rolling(statistic, window, inputs, target, plan)


def _long_season_features(inputs: Sequence[Feature], target: str, plan: PastPlan) -> Iterator[Ranked]:
    """Yield what was long seasons ago: by itself, and averaged over one season around it."""
    steps = long_season_steps(plan.problem, plan.season)
    if steps is None:
        return
    first = _whole(steps, plan.gap)
    yield 1, named(PastValue(first), inputs, f"{target}__long_season_lag")
    around = PastStatistic("mean", window=plan.season, gap=max(plan.gap, first - plan.season // 2))
    yield 1, named(around, inputs, f"{target}__long_season_mean")
    yield 4, named(PastValue(first + steps), inputs, f"{target}__long_season_lag_2")


def _growth_features(inputs: Sequence[Feature], target: str, plan: PastPlan) -> Iterator[Ranked]:
    """Yield how the level compares with that of one long season before, and what that makes of the value then."""
    if plan.cycle is None or plan.season == 1:
        return
    window = max(window for window in plan.windows if window <= plan.cycle)
    level = _rolling("mean", window, inputs, target, plan)
    then = PastStatistic("mean", window=window, gap=plan.gap + plan.cycle)
    growth = named(Ratio(), [level, named(then, inputs, f"{target}__mean_{window}_then")], f"{target}__growth")
    lag = named(PastValue(_whole(plan.cycle, plan.gap)), inputs, f"{target}__then")
    yield 3, growth
    yield 3, named(Product(), [lag, growth], f"{target}__then_grown")


def _alike_features(base: Mapping[str, Feature], kinds: Kinds, plan: PastPlan) -> Iterator[Ranked]:
    """Yield what the target was on average where a column that is known in advance was as it is now."""
    target = plan.problem.target
    level = named(PastExpanding("mean", plan.gap), [base[CODE_COL], base[target]], f"{target}__mean_so_far")
    known = plan.problem.known_in_advance
    for name in [*of_kind(known, kinds, "categorical"), *of_kind(known, kinds, "numeric")]:
        inputs = [base[CODE_COL], base[target], base[name]]
        mean = named(PastMeanOfAlike(plan.gap), inputs, f"{target}__mean_if_{name}")
        yield 5, mean
        yield 3, named(Ratio(), [mean, level], f"{target}__lift_of_{name}")


def _peer_features(base: Mapping[str, Feature], plan: PastPlan) -> Iterator[Ranked]:
    """Yield what the series of the scenario, or of the same entity in it, did on average."""
    target = plan.problem.target
    for group in peer_groups(plan.problem):
        inputs = [base[group_col(group)], base[PERIOD_COL], base[target]]
        for window in plan.windows[:2]:
            peers = named(
                PeersStatistic("mean", window=window, gap=plan.gap), inputs, f"{group}__{target}_mean_{window}"
            )
            yield 1, peers
        if plan.windows:
            own = _rolling("mean", plan.windows[:2][-1], [base[CODE_COL], base[target]], target, plan)
            yield 3, named(Ratio(), [own, peers], f"{target}__to_{group}")
        if plan.season > 1 and plan.synthesis.seasonal_lags:
            season = PeersStatistic("mean", plan.synthesis.seasonal_lags, gap=plan.first, stride=plan.season)
            yield 1, named(season, inputs, f"{group}__{target}_season_mean_{plan.synthesis.seasonal_lags}")


def _observed_features(base: Mapping[str, Feature], kinds: Kinds, plan: PastPlan) -> Iterator[Ranked]:
    """Yield the past of the columns whose future is not known."""
    given = {*plan.problem.known_in_advance, *plan.problem.static}
    observed = [name for name in kinds if name not in given]
    for name in of_kind(observed, kinds, "numeric"):
        inputs = [base[CODE_COL], base[name]]
        role = "season_lag" if plan.season > 1 else "recent"
        yield 1, named(PastValue(plan.first), inputs, f"{name}__{role}_1")
        means = [_rolling("mean", window, inputs, name, plan) for window in plan.windows[:2]]
        yield from ((1, mean) for mean in means)
        if len(means) == 2:
            yield 3, named(Ratio(), means, f"{name}__trend")
    for name in of_kind(observed, kinds, "categorical"):
        yield 1, named(PastCategory(plan.gap), [base[CODE_COL], base[name]], f"{name}__recent_1")
