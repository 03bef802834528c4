"""Featuretools primitives over the past of series: all series of a scenario at once, and never younger than a gap.

Featuretools finds a primitive by its class when it loads saved definitions, so this module is imported wherever
definitions are loaded, and a class that stored models use is not renamed. Rows come in canonical order: sorted by
series and timestamp, without gaps, so that "periods before" is "rows before, within the series".
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from featuretools.primitives import AggregationPrimitive, TransformPrimitive
from woodwork.column_schema import ColumnSchema
from woodwork.logical_types import Categorical, Datetime, Double

from distributed_automl.scenario.design import FloatArray, IntArray

Statistic = Callable[[FloatArray], FloatArray]
PrimitiveFunction = Callable[..., npt.NDArray[Any]]

_NUMERIC = ColumnSchema(semantic_tags={"numeric"})
_INDEX = ColumnSchema(semantic_tags={"index"})
_CATEGORY = ColumnSchema(semantic_tags={"category"})
_DATETIME = ColumnSchema(logical_type=Datetime)
_DOUBLE = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
ENTITY_STATISTICS = ("count", "mean", "std", "min", "max", "nunique")
_CHUNK_CELLS = 1_000_000
"""Cells of a window matrix that are held at once (8 MB), so that memory does not grow with rows times window."""


def periods_so_far(codes: IntArray) -> IntArray:
    """Return how many rows of the same series stand before each row, shape (n_rows,)."""
    row = np.arange(len(codes))
    starts = np.concatenate([[True], codes[1:] != codes[:-1]])
    return row - np.maximum.accumulate(np.where(starts, row, 0))


def running_sum(codes: IntArray, values: FloatArray) -> FloatArray:
    """Return the sum of each series up to and including each row; the rounding of one never reaches another."""
    starts = np.flatnonzero(periods_so_far(codes) == 0)
    parts = [np.cumsum(part) for part in np.split(values, starts[1:])]
    return np.concatenate(parts) if parts else values


def lagged(codes: IntArray, values: npt.NDArray[Any], periods: int, missing: object = np.nan) -> npt.NDArray[Any]:
    """Return each row's value `periods` rows earlier in its series, `missing` before the series began."""
    row = np.arange(len(values))
    out = np.full(len(values), missing, dtype=values.dtype)
    inside = periods_so_far(codes) >= periods
    out[inside] = values[row[inside] - periods]
    return out


def window_statistic(codes: IntArray, values: FloatArray, offsets: IntArray, statistic: Statistic) -> FloatArray:
    """Return a statistic of the values that stand `offsets` rows earlier in the same series, shape (n_rows,).

    Each row sees nothing but its own window, so that a value does not depend on how much history is kept.
    """
    before = periods_so_far(codes)
    out = np.full(len(values), np.nan)
    step = max(1, _CHUNK_CELLS // len(offsets))
    for start in range(0, len(values), step):
        rows = np.arange(start, min(start + step, len(values)))
        inside = before[rows, None] >= offsets
        cells = values[np.maximum(rows[:, None] - offsets, 0)]
        out[rows] = statistic(np.where(inside, cells, np.nan))
    return out


def window_mean(window: FloatArray) -> FloatArray:
    """Mean of the known values of each row, shape (n_rows, n_periods) -> (n_rows,); NaN without any."""
    known = ~np.isnan(window)
    return ratio(np.where(known, window, 0.0).sum(axis=1), known.sum(axis=1))


def window_std(window: FloatArray) -> FloatArray:
    """Population standard deviation of the known values; NaN with fewer than two."""
    known = ~np.isnan(window)
    count = known.sum(axis=1)
    deviations = np.where(known, window - window_mean(window)[:, None], 0.0)
    return np.sqrt(ratio((deviations**2).sum(axis=1), np.where(count > 1, count, 0)))


def window_min(window: FloatArray) -> FloatArray:
    """Minimum of the known values; NaN without any."""
    lowest = np.where(np.isnan(window), np.inf, window).min(axis=1)
    return np.where(np.isinf(lowest), np.nan, lowest)


def window_max(window: FloatArray) -> FloatArray:
    """Maximum of the known values; NaN without any."""
    return -window_min(-window)


def window_median(window: FloatArray) -> FloatArray:
    """Median of the known values; NaN without any."""
    ordered = np.sort(window, axis=1)  # NaN last
    count = (~np.isnan(window)).sum(axis=1)
    row = np.arange(len(window))
    lower = ordered[row, np.maximum(count - 1, 0) // 2]
    upper = ordered[row, count // 2]
    return np.asarray((lower + upper) / 2, dtype=np.float64)


def window_zero_share(window: FloatArray) -> FloatArray:
    """Share of zeros among the known values; NaN without any."""
    return ratio((window == 0.0).sum(axis=1), (~np.isnan(window)).sum(axis=1))


STATISTICS: Mapping[str, Statistic] = {
    "mean": window_mean,
    "std": window_std,
    "min": window_min,
    "max": window_max,
    "median": window_median,
    "zero_share": window_zero_share,
}


DATE_PARTS: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    "hour": lambda time: time.dt.hour,
    "weekday": lambda time: time.dt.weekday,
    "day": lambda time: time.dt.day,
    "week": lambda time: time.dt.isocalendar().week,
    "month": lambda time: time.dt.month,
    "quarter": lambda time: time.dt.quarter,
    "year": lambda time: time.dt.year,
    "is_month_start": lambda time: time.dt.is_month_start,
    "is_month_end": lambda time: time.dt.is_month_end,
    "epoch_days": lambda time: (time - pd.Timestamp(0)) / pd.Timedelta(days=1),
}


def ratio(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> FloatArray:
    """Divide elementwise; NaN where the denominator is zero."""
    out: FloatArray = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def group_period_means(groups: IntArray, periods: IntArray, values: FloatArray) -> FloatArray:
    """Mean of the known values of each group in each period, shape (n_groups, n_periods); NaN without any."""
    shape = (int(groups.max()) + 1, int(periods.max()) + 1)
    known = ~np.isnan(values)
    cell = (groups * shape[1] + periods)[known]
    total = np.bincount(cell, weights=values[known], minlength=shape[0] * shape[1])
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    return ratio(total, count).reshape(shape)


def _at_least(name: str, value: int, lowest: int) -> int:
    if value < lowest:
        raise ValueError(f"`{name}` must be at least {lowest}, found {value}")
    return value


def _floats(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _codes(column: pd.Series) -> IntArray:
    return column.to_numpy(dtype=np.intp)


class _PastPrimitive(TransformPrimitive):  # type: ignore[misc]
    """Base: (series code, value) -> float, over the whole frame."""

    input_types: ClassVar[list[ColumnSchema]] = [_NUMERIC, _NUMERIC]
    return_type = _DOUBLE
    uses_full_dataframe = True


class PastValue(_PastPrimitive):
    """The value some periods earlier."""

    name = "past_value"

    def __init__(self, periods: int = 1) -> None:
        self.periods = _at_least("periods", periods, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> value `periods` earlier."""
        return lambda series, column: lagged(_codes(series), _floats(column), self.periods)


class PastCategory(_PastPrimitive):
    """The category some periods earlier."""

    name = "past_category"
    input_types: ClassVar[list[ColumnSchema]] = [_NUMERIC, _CATEGORY]
    return_type = ColumnSchema(logical_type=Categorical, semantic_tags={"category"})

    def __init__(self, periods: int = 1) -> None:
        self.periods = _at_least("periods", periods, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, category) -> category `periods` earlier, None before the series began."""
        return lambda series, column: lagged(_codes(series), column.to_numpy(dtype=object), self.periods, None)


class PastStatistic(_PastPrimitive):
    """A statistic of `window` values, `stride` periods apart, the youngest of them `gap` periods earlier."""

    name = "past_statistic"

    def __init__(self, statistic: str = "mean", window: int = 7, gap: int = 1, stride: int = 1) -> None:
        if statistic not in STATISTICS:
            raise ValueError(f"unknown statistic '{statistic}': expected one of {sorted(STATISTICS)}")
        self.statistic = statistic
        self.window = _at_least("window", window, 1)
        self.gap = _at_least("gap", gap, 1)
        self.stride = _at_least("stride", stride, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> statistic of the window."""
        offsets = self.gap + self.stride * np.arange(self.window)
        statistic = STATISTICS[self.statistic]
        return lambda series, column: window_statistic(_codes(series), _floats(column), offsets, statistic)


class PastMean(_PastPrimitive):
    """The mean of everything that is at least `gap` periods old."""

    name = "past_mean"

    def __init__(self, gap: int = 1) -> None:
        self.gap = _at_least("gap", gap, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> expanding mean; NaN without any known value."""
        return self._expanding_mean

    def _expanding_mean(self, series: pd.Series, column: pd.Series) -> FloatArray:
        codes, values = _codes(series), _floats(column)
        known = ~np.isnan(values)
        means = ratio(running_sum(codes, np.where(known, values, 0.0)), running_sum(codes, known.astype(np.float64)))
        return lagged(codes, means, self.gap)


class PeriodsSinceNonZero(_PastPrimitive):
    """How many periods the last value other than zero was ago, as seen `gap` periods earlier."""

    name = "periods_since_non_zero"

    def __init__(self, gap: int = 1) -> None:
        self.gap = _at_least("gap", gap, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> periods; 0 if the value then was not zero, NaN if there was none yet."""
        return self._since

    def _since(self, series: pd.Series, column: pd.Series) -> FloatArray:
        codes, values = _codes(series), _floats(column)
        row, before = np.arange(len(values)), periods_so_far(codes)
        sold = ~np.isnan(values) & (values != 0.0)
        since = row - np.maximum.accumulate(np.where(sold, row, -1))
        return lagged(codes, np.where(since <= before, since, np.nan).astype(np.float64), self.gap)


class PeersStatistic(TransformPrimitive):  # type: ignore[misc]
    """A statistic of a group's means per period: what the series around this one did, until `gap` periods ago."""

    name = "peers_statistic"
    input_types: ClassVar[list[ColumnSchema]] = [_NUMERIC, _NUMERIC, _NUMERIC]
    return_type = _DOUBLE
    uses_full_dataframe = True

    def __init__(self, statistic: str = "mean", window: int = 7, gap: int = 1, stride: int = 1) -> None:
        if statistic not in STATISTICS:
            raise ValueError(f"unknown statistic '{statistic}': expected one of {sorted(STATISTICS)}")
        self.statistic = statistic
        self.window = _at_least("window", window, 1)
        self.gap = _at_least("gap", gap, 1)
        self.stride = _at_least("stride", stride, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (group code or -1, period, value) -> statistic; NaN where the group is unknown (-1)."""
        return self._of_peers

    def _of_peers(self, group: pd.Series, period: pd.Series, column: pd.Series) -> FloatArray:
        groups, periods, values = _codes(group), _codes(period), _floats(column)
        out = np.full(len(values), np.nan)
        named = groups >= 0
        if named.any():
            means = group_period_means(groups[named], periods[named], values[named])
            codes = np.repeat(np.arange(means.shape[0]), means.shape[1])
            offsets = self.gap + self.stride * np.arange(self.window)
            per_cell = window_statistic(codes, means.ravel(), offsets, STATISTICS[self.statistic])
            out[named] = per_cell.reshape(means.shape)[groups[named], periods[named]]
        return out


class Ratio(TransformPrimitive):  # type: ignore[misc]
    """One number relative to another; NaN where that is zero."""

    name = "ratio"
    input_types: ClassVar[list[ColumnSchema]] = [_NUMERIC, _NUMERIC]
    return_type = _DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (numerator, denominator) -> ratio."""
        return lambda numerator, denominator: ratio(_floats(numerator), _floats(denominator))


class DaysBetween(TransformPrimitive):  # type: ignore[misc]
    """Days from one time to another, negative if it lies before; NaN where one is missing."""

    name = "days_between"
    input_types: ClassVar[list[ColumnSchema]] = [_DATETIME, _DATETIME]
    return_type = _DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (later, earlier) -> days."""
        return lambda later, earlier: ((later - earlier) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)


class DatePart(TransformPrimitive):  # type: ignore[misc]
    """A part of a date as a number; flags are 0 and 1, `epoch_days` counts from 1970-01-01."""

    name = "date_part"
    input_types: ClassVar[list[ColumnSchema]] = [_DATETIME]
    return_type = _DOUBLE

    def __init__(self, part: str = "weekday") -> None:
        if part not in DATE_PARTS:
            raise ValueError(f"unknown part of a date '{part}': expected one of {sorted(DATE_PARTS)}")
        self.part = part

    def get_function(self) -> PrimitiveFunction:
        """Return time -> part; NaN where the time is missing."""
        part = DATE_PARTS[self.part]
        return lambda time: np.where(time.isna(), np.nan, _floats(part(time)))


class EntityStatistic(AggregationPrimitive):  # type: ignore[misc]
    """A statistic of an entity's rows: `count`, `mean`, `std` (sample), `min`, `max` or `nunique`; nulls do not count.

    Pandas gets the statistic by name. Featuretools' own primitives pass numpy functions, which pandas deprecates.
    """

    name = "entity_statistic"
    input_types: ClassVar[list[list[ColumnSchema]]] = [[_NUMERIC], [_CATEGORY], [_INDEX]]
    return_type = _DOUBLE

    def __init__(self, statistic: str = "mean") -> None:
        if statistic not in ENTITY_STATISTICS:
            raise ValueError(f"unknown statistic '{statistic}': expected one of {list(ENTITY_STATISTICS)}")
        self.statistic = statistic

    def get_function(self) -> str:
        """Return pandas' name of the statistic."""
        return self.statistic
