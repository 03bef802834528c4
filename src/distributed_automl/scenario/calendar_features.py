"""What the time itself says: parts of the date, waves of the year, the number of the period."""

from collections.abc import Iterator, Mapping

import pandas as pd

from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import offset_of
from distributed_automl.scenario.entityset import is_dated
from distributed_automl.scenario.features import Feature, Ranked, named
from distributed_automl.scenario.primitives.row import DatePart, PeriodNumber

_YEAR_WAVES = ("year_sin_1", "year_cos_1", "year_sin_2", "year_cos_2")
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
_WAVED = ("subdaily", "daily", "weekly")
_TREND = 4
"""Rank of the time itself. What is predicted lies beyond all that a tree has learned from it: often it does harm."""
_LONG_SEASON_DAYS: Mapping[str, int] = {"subdaily": 7, "daily": 364}
"""A longer season that tends to be there beside the given one: a week of hours, 52 weeks of days."""


def calendar_features(base: Mapping[str, Feature], problem: Problem, season: int) -> Iterator[Ranked]:
    """Yield what the timestamp of a row tells.

    Args:
        base: column -> its feature.
        problem: the use case.
        season: steps; 1 is none.
    """
    timestamp = str(problem.timestamp)
    if is_dated(problem):
        kind = pace(problem.frequency)
        for part in _CALENDARS[kind]:
            yield 1, named(DatePart(part), [base[timestamp]], f"{timestamp}__{part}")
        for part in _YEAR_WAVES if kind in _WAVED else ():
            yield 2, named(DatePart(part), [base[timestamp]], f"{timestamp}__{part}")
        yield _TREND, named(DatePart("epoch_days"), [base[timestamp]], f"{timestamp}__epoch_days")
        return
    step = int(problem.frequency or 1)
    yield _TREND, named(PeriodNumber(step), [base[timestamp]], f"{timestamp}__number")
    if season > 1:
        yield 1, named(PeriodNumber(step, season), [base[timestamp]], f"{timestamp}__of_season")


def long_season_steps(problem: Problem, season: int) -> int | None:
    """Return the steps of the longer season that the frequency has beside the given one, if it has one."""
    days = _LONG_SEASON_DAYS.get(pace(problem.frequency))
    steps = 0 if days is None else round(days / _period_days(str(problem.frequency)))
    return steps if steps > season else None


def pace(frequency: str | int | None) -> str:
    """Return the row of the calendar table that a frequency belongs to; "integer" without dates."""
    if frequency is None or isinstance(frequency, int):
        return "integer"
    days = _period_days(frequency)
    return next((name for name, limit in _PACE_LIMITS_DAYS.items() if days < limit), "yearly")


def _period_days(frequency: str) -> float:
    """Return the mean length of a period; 20 business days make four weeks."""
    start = pd.Timestamp("2021-01-04")
    return float((start + 20 * offset_of(frequency) - start) / pd.Timedelta(days=20))
