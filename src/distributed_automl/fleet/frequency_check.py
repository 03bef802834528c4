"""How much of the calendar the rows of a fleet cover: a frequency finer than the data is found before it is fitted."""

import logging

import pandas as pd

from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import Frequency, steps_after

logger = logging.getLogger(__name__)

SPARSE = 0.25
"""Share of its periods with a row below which a scenario's frequency is doubted: days taken for hours have 0.04, weeks
for days 0.14."""
N_LOOKED_AT = 200
"""Scenarios whose calendar is counted."""


def warn_if_sparse(sizes: pd.DataFrame, problem: Problem) -> None:
    """Warn where most scenarios have no row in most of their periods; see share_of_calendar."""
    share = share_of_calendar(sizes, problem)
    if share < SPARSE:
        logger.warning(
            "in half of the scenarios at most %s of the periods between the first and the last have a row: is "
            "`problem.frequency: %s` finer than the data? If not: `problem.missing_rows: %s` says what the other "
            "periods are taken for",
            f"{share:.0%}",
            problem.frequency,
            problem.missing_rows,
        )


def share_of_calendar(sizes: pd.DataFrame, problem: Problem) -> float:
    """Return how many rows there are per period in the median scenario; 1 in tabular tasks.

    Series count together, so that several of them hide what one would show.

    Args:
        sizes: n_rows, first_timestamp, last_timestamp (str or None), one row per scenario; those whose timestamps are
            not of the frequency's type do not count.
        problem: the use case.
    """
    if not problem.is_forecasting or problem.frequency is None:
        return 1.0
    names = ["first_timestamp", "last_timestamp"]
    known = sizes[["n_rows", *names]].assign(**{name: _read(sizes[name], problem.frequency) for name in names}).dropna()
    looked_at = known.iloc[:: max(1, len(known) // N_LOOKED_AT)]
    n_periods = [
        steps_after(first, pd.Series([last]), problem.frequency)[0] + 1
        for first, last in zip(looked_at["first_timestamp"], looked_at["last_timestamp"], strict=True)
    ]
    return float((looked_at["n_rows"] / n_periods).median()) if n_periods else 1.0


def _read(column: pd.Series, frequency: Frequency) -> pd.Series:
    """Return timestamps that were cast to text; null where they are of another type than the frequency's."""
    if isinstance(frequency, int):
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.where(numbers % 1 == 0).astype("Int64")
    return pd.to_datetime(column, errors="coerce", format="ISO8601")
