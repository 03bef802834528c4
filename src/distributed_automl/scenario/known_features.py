"""What columns whose future is known say beyond their own value: events to come, price cuts, the others' prices."""

from collections.abc import Iterator, Mapping

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.entityset import CODE_COL, PERIOD_COL, group_col, is_dated
from distributed_automl.scenario.features import Feature, Ranked, named, of_kind
from distributed_automl.scenario.primitives.past import PastStatistic, PastValue
from distributed_automl.scenario.primitives.peers import PeersNow
from distributed_automl.scenario.primitives.row import DaysBetween, Least, Ratio
from distributed_automl.scenario.primitives.runs import (
    ComingCategory,
    FormerCategory,
    PeriodsSinceChange,
    PeriodsSinceOn,
    PeriodsUntilChange,
    PeriodsUntilOn,
)

_BEHIND = 28
"""Periods that events and changes are looked back for."""
_AHEAD_SHARE = 4
"""A row looks ahead over a quarter of the horizon. The known future ends with the horizon, and its last rows see less
of what comes than the rows that were learned from; so that is kept to few of them."""


def given_columns(kinds: Kinds, problem: Problem) -> list[str]:
    """Return the columns that enter as they are, because their future is known."""
    given = {*problem.known_in_advance, *problem.static}
    return [*(name for name, kind in kinds.items() if name in given and kind != "datetime"), *problem.series_keys]


def known_features(
    base: Mapping[str, Feature], kinds: Kinds, problem: Problem, synthesis: Synthesis
) -> Iterator[Ranked]:
    """Yield what is derived from columns that are known in advance and from dates that do not change.

    Args:
        base: column -> its feature.
        kinds: feature column -> kind.
        problem: the use case.
        synthesis: which windows.
    """
    for name in of_kind(problem.known_in_advance, kinds, "numeric"):
        yield from _own_past(base, name, synthesis)
        yield from _among_series(base, name, problem)
        yield from _events(base, name, problem)
        yield from _changes(base, name, problem)
    for name in of_kind(problem.known_in_advance, kinds, "categorical"):
        yield from _changes(base, name, problem)
        yield from _neighbours(base, name, problem)
    for name in of_kind((*problem.known_in_advance, *problem.static), kinds, "datetime"):
        if is_dated(problem):
            yield 1, named(DaysBetween(), [base[str(problem.timestamp)], base[name]], f"{name}__days_since")


def _own_past(base: Mapping[str, Feature], name: str, synthesis: Synthesis) -> Iterator[Ranked]:
    """Yield how a number compares with its own past: a price cut, a rare promotion."""
    inputs = [base[CODE_COL], base[name]]
    windows = synthesis.windows
    for rank, statistic, role in ((1, "mean", "to_past"), (2, "max", "to_past_max"), (2, "min", "to_past_min")):
        if windows:
            past = named(PastStatistic(statistic, max(windows)), inputs, f"{name}__past_{statistic}")
            yield rank, named(Ratio(), [base[name], past], f"{name}__{role}")
    previous = named(PastValue(1), inputs, f"{name}__previous")
    yield 2, named(Ratio(), [base[name], previous], f"{name}__to_previous")


def _among_series(base: Mapping[str, Feature], name: str, problem: Problem) -> Iterator[Ranked]:
    """Yield how a number compares with that of the scenario's other series at the same time."""
    if problem.series_keys:
        inputs = [base[group_col("scenario")], base[PERIOD_COL], base[name]]
        yield 1, named(PeersNow("ratio"), inputs, f"{name}__to_scenario")
        yield 1, named(PeersNow("rank"), inputs, f"{name}__rank_in_scenario")


def _events(base: Mapping[str, Feature], name: str, problem: Problem) -> Iterator[Ranked]:
    """Yield how far the last and the next period are in which a number is not zero."""
    inputs, ahead = [base[CODE_COL], base[name]], problem.horizon // _AHEAD_SHARE
    last = named(PeriodsSinceOn(_BEHIND), inputs, f"{name}__since_on")
    yield 4, last
    if ahead:
        coming = named(PeriodsUntilOn(ahead), inputs, f"{name}__until_on")
        yield 4, coming
        yield 5, named(Least(), [last, coming], f"{name}__nearest_on")


def _changes(base: Mapping[str, Feature], name: str, problem: Problem) -> Iterator[Ranked]:
    """Yield the place in a run of equal values, and how soon the run ends."""
    inputs, ahead = [base[CODE_COL], base[name]], problem.horizon // _AHEAD_SHARE
    yield 3, named(PeriodsSinceChange(_BEHIND), inputs, f"{name}__since_change")
    if ahead:
        yield 3, named(PeriodsUntilChange(ahead), inputs, f"{name}__until_change")


def _neighbours(base: Mapping[str, Feature], name: str, problem: Problem) -> Iterator[Ranked]:
    """Yield the category that comes next and the one before: which holiday lies ahead."""
    inputs, ahead = [base[CODE_COL], base[name]], problem.horizon // _AHEAD_SHARE
    if ahead:
        yield 2, named(ComingCategory(ahead), inputs, f"{name}__coming")
        yield 3, named(FormerCategory(ahead), inputs, f"{name}__former")
