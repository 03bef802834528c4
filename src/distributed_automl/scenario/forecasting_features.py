"""Which features a forecast learns from: of the target and observed columns, nothing younger than a horizon."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import featuretools as ft
import pandas as pd

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.entityset import (
    CODE_COL,
    PERIOD_COL,
    SAMPLES,
    empty_rows,
    entityset_of,
    group_col,
    is_dated,
    peer_groups,
)
from distributed_automl.scenario.features import Feature, in_order, named, of_kind
from distributed_automl.scenario.primitives import (
    DatePart,
    DaysBetween,
    PastCategory,
    PastMean,
    PastStatistic,
    PastValue,
    PeersStatistic,
    PeriodsSinceNonZero,
    Ratio,
)

_CALENDARS: Mapping[str, tuple[str, ...]] = {
    "subdaily": ("hour", "weekday", "day", "month"),
    "daily": ("weekday", "day", "week", "month", "is_month_start", "is_month_end"),
    "weekly": ("week", "month"),
    "monthly": ("month", "quarter"),
    "quarterly": ("quarter",),
    "yearly": (),
}
"""What varies at a frequency, and so can tell its periods apart."""
_PACE_LIMITS_DAYS = {"subdaily": 0.99, "daily": 6.0, "weekly": 27.0, "monthly": 80.0, "quarterly": 300.0}
_LONG_SEASON_DAYS: Mapping[str, int] = {"subdaily": 7, "daily": 364}
"""A longer season that tends to be there beside the given one: a week of hours, 52 weeks of days."""


def forecasting_features(kinds: Kinds, problem: Problem, synthesis: Synthesis, season: int) -> list[Feature]:
    """Define the features of a forecast's row: columns whose future is known first, derived ones after them.

    Args:
        kinds: feature column -> kind.
        problem: the use case.
        synthesis: which lags and windows, and how many features.
        season: steps of the season; 1 is none.
    """
    plan = _PastPlan(problem, synthesis, season)
    entityset = entityset_of(empty_rows(kinds, problem), kinds, problem, {})
    base = {name: ft.Feature(entityset[SAMPLES].ww[name]) for name in entityset[SAMPLES].columns}
    raw = [base[name] for name in _given_columns(kinds, problem)]
    derived = [
        *_calendar_features(base, problem),
        *_target_features(base, plan),
        *_known_features(base, kinds, plan),
        *_peer_features(base, plan),
        *_observed_features(base, kinds, plan),
    ]
    return in_order(raw, derived, synthesis.max_features, kinds)


@dataclass(frozen=True)
class _PastPlan:
    """Which periods of the past a feature may look at.

    ``first`` is the youngest whole season that a row may see:

        ... |--season--|--season--|--- horizon ---| row
                       ^ first                 (not known yet)
    """

    problem: Problem
    synthesis: Synthesis
    season: int

    @property
    def horizon(self) -> int:
        return self.problem.horizon

    @property
    def first(self) -> int:
        return self.season * -(-self.horizon // self.season)

    @property
    def lags(self) -> list[int]:
        """Whole seasons, then the youngest periods where those are younger than the first whole season."""
        seasonal = [self.first + self.season * i for i in range(self.synthesis.seasonal_lags)]
        recent = range(self.horizon, min(self.first, self.horizon + 3))
        return seasonal + list(recent)

    @property
    def long_season(self) -> int | None:
        """The first whole long season that may be seen, if the frequency has one beside the given season."""
        frequency = self.problem.frequency
        days = _LONG_SEASON_DAYS.get(pace(frequency))
        steps = 0 if days is None else round(days / _period_days(str(frequency)))
        return steps * -(-self.horizon // steps) if steps > self.season else None


def _target_features(base: Mapping[str, Feature], plan: _PastPlan) -> Iterator[Feature]:
    target = plan.problem.target
    inputs = [base[CODE_COL], base[target]]
    for periods in plan.lags:
        yield named(PastValue(periods), inputs, f"{target}__lag_{periods}")
    yield from _seasonal_features(inputs, target, plan)
    yield from _rolling_features(inputs, target, plan)
    yield named(PastMean(plan.horizon), inputs, f"{target}__mean_so_far")
    yield named(PeriodsSinceNonZero(plan.horizon), inputs, f"{target}__since_non_zero")
    yield from _long_season_features(inputs, target, plan)


def _seasonal_features(inputs: Sequence[Feature], target: str, plan: _PastPlan) -> Iterator[Feature]:
    """Yield statistics of the last values at the same point of the season."""
    n_seasons = plan.synthesis.seasonal_lags
    if plan.season == 1 or n_seasons == 0:
        return
    for statistic, window in (("mean", n_seasons), ("mean", 2 * n_seasons), ("median", 2 * n_seasons)):
        past = PastStatistic(statistic, window=window, gap=plan.first, stride=plan.season)
        yield named(past, inputs, f"{target}__season_{statistic}_{window}")


def _rolling_features(inputs: Sequence[Feature], target: str, plan: _PastPlan) -> Iterator[Feature]:
    """Yield statistics of the windows that end a horizon ago, and how each window compares with the next longer one."""
    means: dict[int, Feature] = {}
    windows = sorted(set(plan.synthesis.windows))
    for window in windows:
        for statistic in ("mean", "median", "std"):
            past = PastStatistic(statistic, window=window, gap=plan.horizon)
            feature = named(past, inputs, f"{target}__{statistic}_{window}")
            means.setdefault(window, feature)
            yield feature
    for short, long in itertools.pairwise(windows):
        yield named(Ratio(), [means[short], means[long]], f"{target}__trend_{short}_{long}")
    if windows:
        past = PastStatistic("zero_share", window=windows[-1], gap=plan.horizon)
        yield named(past, inputs, f"{target}__zero_share_{windows[-1]}")


def _long_season_features(inputs: Sequence[Feature], target: str, plan: _PastPlan) -> Iterator[Feature]:
    """Yield what was a long season ago, by itself and averaged over one season around it."""
    steps = plan.long_season
    if steps is None:
        return
    yield named(PastValue(steps), inputs, f"{target}__lag_{steps}")
    around = PastStatistic("mean", window=plan.season, gap=max(plan.horizon, steps - plan.season // 2))
    yield named(around, inputs, f"{target}__mean_around_{steps}")


def _known_features(base: Mapping[str, Feature], kinds: Kinds, plan: _PastPlan) -> Iterator[Feature]:
    """Yield how a column that is known in advance compares with its own past: a price cut, a rare promotion."""
    windows = plan.synthesis.windows
    for name in of_kind(plan.problem.known_in_advance, kinds, "numeric"):
        if windows:
            past = named(PastStatistic("mean", max(windows)), [base[CODE_COL], base[name]], f"{name}__past_mean")
            yield named(Ratio(), [base[name], past], f"{name}__to_past")
    for name in of_kind((*plan.problem.known_in_advance, *plan.problem.static), kinds, "datetime"):
        if is_dated(plan.problem):
            yield named(DaysBetween(), [base[str(plan.problem.timestamp)], base[name]], f"{name}__days_since")


def _peer_features(base: Mapping[str, Feature], plan: _PastPlan) -> Iterator[Feature]:
    """Yield what the series of the scenario, or of the same entity in it, did on average."""
    target = plan.problem.target
    for group in peer_groups(plan.problem):
        inputs = [base[group_col(group)], base[PERIOD_COL], base[target]]
        for window in sorted(set(plan.synthesis.windows))[:2]:
            peers = PeersStatistic("mean", window=window, gap=plan.horizon)
            yield named(peers, inputs, f"{group}__{target}_mean_{window}")
        if plan.season > 1 and plan.synthesis.seasonal_lags:
            peers = PeersStatistic("mean", plan.synthesis.seasonal_lags, gap=plan.first, stride=plan.season)
            yield named(peers, inputs, f"{group}__{target}_season_mean_{plan.synthesis.seasonal_lags}")


def _observed_features(base: Mapping[str, Feature], kinds: Kinds, plan: _PastPlan) -> Iterator[Feature]:
    """Yield the past of the columns whose future is not known."""
    given = {*plan.problem.known_in_advance, *plan.problem.static}
    observed = [name for name in kinds if name not in given]
    for name in of_kind(observed, kinds, "numeric"):
        inputs = [base[CODE_COL], base[name]]
        yield named(PastValue(plan.first), inputs, f"{name}__lag_{plan.first}")
        for window in sorted(set(plan.synthesis.windows))[:2]:
            past = PastStatistic("mean", window=window, gap=plan.horizon)
            yield named(past, inputs, f"{name}__mean_{window}")
    for name in of_kind(observed, kinds, "categorical"):
        past = PastCategory(plan.horizon)
        yield named(past, [base[CODE_COL], base[name]], f"{name}__lag_{plan.horizon}")


def _calendar_features(base: Mapping[str, Feature], problem: Problem) -> Iterator[Feature]:
    if is_dated(problem):
        timestamp = str(problem.timestamp)
        for part in _CALENDARS[pace(problem.frequency)]:
            yield named(DatePart(part), [base[timestamp]], f"{timestamp}__{part}")


def pace(frequency: str | int | None) -> str:
    """Return the row of the calendar table that a frequency belongs to; "integer" without dates."""
    if frequency is None or isinstance(frequency, int):
        return "integer"
    days = _period_days(frequency)
    return next((name for name, limit in _PACE_LIMITS_DAYS.items() if days < limit), "yearly")


def _period_days(frequency: str) -> float:
    """Return the mean length of a period; 20 business days make four weeks."""
    start = pd.Timestamp("2021-01-04")
    return float((start + 20 * pd.tseries.frequencies.to_offset(frequency) - start) / pd.Timedelta(days=20))


def _given_columns(kinds: Kinds, problem: Problem) -> list[str]:
    """Return the columns that enter as they are, because their future is known."""
    given = {*problem.known_in_advance, *problem.static}
    return [*(name for name, kind in kinds.items() if name in given and kind != "datetime"), *problem.series_keys]
