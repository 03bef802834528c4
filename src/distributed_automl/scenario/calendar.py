"""The calendar of a forecasting problem: its periods, its season, and steps between timestamps.

Timestamps are datetimes with a pandas offset alias as frequency, or integers with an integer step. Inside, both are
int64 (nanoseconds for datetimes), so that a calendar of a few hundred periods costs microseconds.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import BaseOffset, Tick, Week

from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import IntArray, Timestamp

Frequency: TypeAlias = str | int
Int64Array: TypeAlias = npt.NDArray[np.int64]

_MINUTE = 60 * 10**9
_DAY = 24 * 60 * _MINUTE
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ALIAS = re.compile(r"^(\d*)([A-Za-z]+)(-[A-Za-z]+)?$")
_RENAMED = {
    "H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns",
    "M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "BM": "BME", "BQ": "BQE", "BY": "BYE", "BA": "BYE", "AS": "YS",
}  # fmt: skip
"""Aliases that pandas 2.2 renamed, and still reads with a warning."""
_PERIODS_A_YEAR = {"W": 52, "MS": 12, "ME": 12, "BMS": 12, "BME": 12, "QS": 4, "QE": 4, "BQS": 4, "BQE": 4}


@lru_cache(maxsize=64)
def offset_of(frequency: str) -> BaseOffset:
    """Return the pandas offset of an alias; the old spellings ("M", "H", "Q") are understood.

    Raises:
        ValueError: the alias is unknown, or its step is not positive.
    """
    count, name, anchor = _parts(frequency)
    try:
        offset = to_offset(f"{count}{_RENAMED.get(name, name)}{anchor}")
    except ValueError as error:
        raise ValueError(_unknown(frequency)) from error
    if offset.n < 1:
        raise ValueError(_unknown(frequency))
    return offset


def _parts(frequency: str) -> tuple[str, str, str]:
    """Cut "2W-THU" into ("2", "W", "-THU")."""
    found = _ALIAS.match(frequency)
    if found is None:
        raise ValueError(_unknown(frequency))
    return found[1], found[2], found[3] or ""


def _unknown(frequency: str) -> str:
    return (
        f"`frequency` must be a pandas offset alias such as 'h', 'D', 'W-SUN', 'MS' or '2h', or an integer step "
        f"for an integer timestamp; found '{frequency}'"
    )


def season_of(problem: Problem) -> int:
    """Return the steps of a season: `problem.season`, else what the frequency suggests; 1 is none.

    A day of hours (or of quarter hours), a week of days, a year of weeks, months or quarters.
    """
    if problem.season is not None:
        return problem.season
    if problem.frequency is None or isinstance(problem.frequency, int):
        return 1
    offset = offset_of(problem.frequency)
    if isinstance(offset, Tick):
        return _season_of_ticks(offset.nanos)
    name = offset.rule_code.split("-")[0]
    return 5 if (name, offset.n) == ("B", 1) else _whole(_PERIODS_A_YEAR.get(name, 1), offset.n)


def _season_of_ticks(step: int) -> int:
    if step < 15 * _MINUTE:
        return 1
    if step < _DAY:
        return _whole(_DAY, step)
    return {_DAY: 7, 7 * _DAY: 52}.get(step, 1)


def _whole(cycle: int, step: int) -> int:
    """Return how many steps make a cycle; 1 if they do not fill it exactly."""
    return cycle // step if cycle % step == 0 else 1


def int64_of(timestamps: pd.Series | pd.Index) -> Int64Array:
    """Return timestamps as int64: nanoseconds since 1970 for datetimes, the numbers themselves for integers."""
    values = timestamps.to_numpy()
    if values.dtype.kind == "M":
        return values.astype("datetime64[ns]").view(np.int64)
    return values.astype(np.int64)


def index_of(values: Int64Array, frequency: Frequency) -> pd.Index:
    """Return int64 values (see `int64_of`) as an index of timestamps."""
    return pd.Index(values) if isinstance(frequency, int) else pd.DatetimeIndex(values.view("datetime64[ns]"))


def timestamp_of(value: int, frequency: Frequency) -> Timestamp:
    """Return one int64 value (see `int64_of`) as a timestamp."""
    return int(value) if isinstance(frequency, int) else pd.Timestamp(int(value))


def value_of(timestamp: Timestamp) -> int:
    """Return one timestamp as an integer (see `int64_of`)."""
    return int(timestamp.as_unit("ns").value) if isinstance(timestamp, pd.Timestamp) else int(timestamp)


def anchored(frequency: Frequency, values: Int64Array) -> Frequency:
    """Return the frequency with the anchor that the data sit on, where the alias leaves it open.

    "W" is any weekday that all timestamps share (pandas: Sunday); "M", "Q" and "Y" are starts of the period if every
    timestamp is the first of a month, and ends if not. An alias with an anchor ("W-SUN", "MS") is kept as it is.

    Args:
        frequency: alias or integer step.
        values: timestamps as int64, shape (n,), n > 0.
    """
    if isinstance(frequency, int):
        return frequency
    count, name, anchor = _parts(frequency)
    if anchor or name not in ("W", "M", "Q", "Y", "A"):
        return frequency
    return f"{count}{_weekly(values) if name == 'W' else _yearly(name, values)}"


def _weekly(values: Int64Array) -> str:
    weekdays = _weekday(values)
    return f"W-{_WEEKDAYS[int(weekdays[0])]}" if (weekdays == weekdays[0]).all() else "W-SUN"


def _weekday(values: Int64Array) -> Int64Array:
    return (values // _DAY + 3) % 7  # 1970-01-01 was a Thursday


def _yearly(name: str, values: Int64Array) -> str:
    index = pd.DatetimeIndex(values.view("datetime64[ns]"))
    edge = "S" if bool((index.day == 1).all()) else "E"
    if name == "M":
        return f"M{edge}"
    return f"{'Q' if name == 'Q' else 'Y'}{edge}-{_MONTHS[int(index[0].month) - 1]}"


def _step_of(frequency: Frequency) -> int | None:
    """Return the constant distance between periods as int64, or None where it varies (months, business days)."""
    if isinstance(frequency, int):
        return frequency
    offset = offset_of(frequency)
    if isinstance(offset, Week):
        return int(offset.n) * 7 * _DAY
    return int(offset.nanos) if isinstance(offset, Tick) else None


def grid_positions(values: Int64Array, frequency: Frequency) -> tuple[Int64Array, npt.NDArray[np.bool_]]:
    """Return each timestamp's position on the grid that starts at the earliest one, and whether it is on the grid.

    Args:
        values: timestamps as int64, any order, shape (n,), n > 0.
        frequency: as `anchored` returns it.

    Returns:
        Positions (int64, the earliest is 0) and a mask, both of shape (n,). A position off the grid means nothing.
    """
    first, step = int(values.min()), _step_of(frequency)
    if step is not None:
        return (values - first) // step, ((values - first) % step == 0) & _on_weekday(values, frequency)
    grid = grid_values(first, int(values.max()), frequency)
    if len(grid) == 0:
        return np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=np.bool_)
    positions = np.searchsorted(grid, values).clip(max=len(grid) - 1)
    return positions.astype(np.int64), grid[positions] == values


def _on_weekday(values: Int64Array, frequency: Frequency) -> npt.NDArray[np.bool_]:
    anchor = _weekday_of(frequency)
    return np.ones(len(values), dtype=np.bool_) if anchor is None else np.equal(_weekday(values), anchor)


def _weekday_of(frequency: Frequency) -> int | None:
    """Return the weekday that a weekly frequency is anchored on, Monday is 0; None for other frequencies."""
    offset = None if isinstance(frequency, int) else offset_of(frequency)
    return int(getattr(offset, "weekday")) if isinstance(offset, Week) else None  # noqa: B009 - stubs lack it


def grid_values(first: int, last: int, frequency: Frequency) -> Int64Array:
    """Return the grid from `first` to `last`, both included if they are on it, as int64, ascending."""
    step = _step_of(frequency)
    if step is not None:
        return first + step * np.arange((last - first) // step + 1, dtype=np.int64)
    return int64_of(pd.date_range(pd.Timestamp(first), pd.Timestamp(last), freq=offset_of(str(frequency))))


def steps_after(origin: Timestamp, timestamps: pd.Series | pd.Index, frequency: Frequency) -> IntArray:
    """Return how many periods each timestamp lies after the origin: 1 is the next, 0 the origin, negative before it.

    An origin between two periods counts as the earlier one. Where the timestamps themselves are off the grid the count
    is rounded up to the next period (constant steps) or down (months).

    Returns:
        Shape (n_timestamps,), in the order of `timestamps`.
    """
    values, start = int64_of(timestamps), value_of(origin)
    if len(values) == 0:
        return np.zeros(0, dtype=np.intp)
    exact = anchored(frequency, values)
    step = _step_of(exact)
    if step is not None:
        return (-((start - values) // step)).astype(np.intp)
    grid = _grid_through(int(values.min()), [start, int(values.max())], str(exact))
    ranks = np.searchsorted(grid, values, side="right") - np.searchsorted(grid, start, side="right")
    return ranks.astype(np.intp)


def _grid_through(point: int, others: Sequence[int], frequency: str) -> Int64Array:
    """Return a grid in the phase of `point` that reaches from before the least to beyond the greatest of `others`."""
    offset, n_before = offset_of(frequency), 1
    while True:
        before = int64_of(pd.date_range(end=pd.Timestamp(point), periods=n_before, freq=offset))
        if before[0] <= min(others):
            return np.union1d(before, grid_values(point, max(*others, point), frequency))
        n_before *= 2
