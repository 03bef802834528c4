"""Primitives over the past of a series, never younger than a gap."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
from featuretools.primitives import TransformPrimitive
from woodwork.column_schema import ColumnSchema

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.primitives._base import (
    CATEGORICAL,
    CATEGORY,
    DOUBLE,
    NUMERIC,
    PrimitiveFunction,
    at_least,
    codes_of,
    floats,
    one_of,
    texts,
)
from distributed_automl.scenario.primitives.windows import (
    STATISTICS,
    Statistic,
    lagged,
    per_series,
    periods_so_far,
    ratio,
    running_sum,
    window_statistic,
)


class PastPrimitive(TransformPrimitive):  # type: ignore[misc]
    """Base: (series code, value) -> float, over the whole frame."""

    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC]
    return_type = DOUBLE
    uses_full_dataframe = True


class PastValue(PastPrimitive):
    """The value some periods earlier."""

    name = "past_value"

    def __init__(self, periods: int = 1) -> None:
        self.periods = at_least("periods", periods, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> value `periods` earlier."""
        return lambda series, column: lagged(codes_of(series), floats(column), self.periods)


class PastCategory(PastPrimitive):
    """The category some periods earlier."""

    name = "past_category"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, CATEGORY]
    return_type = CATEGORICAL

    def __init__(self, periods: int = 1) -> None:
        self.periods = at_least("periods", periods, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, category) -> category `periods` earlier, None before the series began."""
        return lambda series, column: lagged(codes_of(series), column.to_numpy(dtype=object), self.periods, None)


class PastStatistic(PastPrimitive):
    """A statistic of `window` values, `stride` periods apart, the youngest of them `gap` periods earlier."""

    name = "past_statistic"

    def __init__(self, statistic: str = "mean", window: int = 7, gap: int = 1, stride: int = 1) -> None:
        self.statistic = one_of("statistic", statistic, STATISTICS)
        self.window = at_least("window", window, 1)
        self.gap = at_least("gap", gap, 1)
        self.stride = at_least("stride", stride, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> statistic of the window."""
        offsets = self.gap + self.stride * np.arange(self.window)
        statistic = STATISTICS[self.statistic]
        return lambda series, column: window_statistic(codes_of(series), floats(column), offsets, statistic)


class PastExpanding(PastPrimitive):
    """A statistic of everything that is at least `gap` periods old: `mean`, `std`, `min` or `max`."""

    name = "past_expanding"

    def __init__(self, statistic: str = "mean", gap: int = 1) -> None:
        self.statistic = one_of("statistic", statistic, EXPANDING)
        self.gap = at_least("gap", gap, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> statistic of the known values; NaN without any (std: with fewer than two)."""
        statistic = EXPANDING[self.statistic]
        return lambda series, column: lagged(
            codes_of(series), per_series(codes_of(series), floats(column), statistic), self.gap
        )


class PeriodsSinceNonZero(PastPrimitive):
    """How many periods the last value other than zero was ago, as seen `gap` periods earlier."""

    name = "periods_since_non_zero"

    def __init__(self, gap: int = 1) -> None:
        self.gap = at_least("gap", gap, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> periods; 0 if the value then was not zero, NaN if there was none yet."""
        return self._since

    def _since(self, series: pd.Series, column: pd.Series) -> FloatArray:
        codes, values = codes_of(series), floats(column)
        row, before = np.arange(len(values)), periods_so_far(codes)
        sold = ~np.isnan(values) & (values != 0.0)
        since = row - np.maximum.accumulate(np.where(sold, row, -1))
        return lagged(codes, np.where(since <= before, since, np.nan).astype(np.float64), self.gap)


class PastMeanOfAlike(PastPrimitive):
    """The mean of the past values, at least `gap` periods old, of rows that resembled this one in a column.

    Rows are alike that have the same category, or a number that is zero or missing where this one's is.
    """

    name = "past_mean_of_alike"
    input_types: ClassVar[list[list[ColumnSchema]]] = [[NUMERIC, NUMERIC, CATEGORY], [NUMERIC, NUMERIC, NUMERIC]]

    def __init__(self, gap: int = 1) -> None:
        self.gap = at_least("gap", gap, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value, category or number) -> mean; NaN if no such value was known."""
        return lambda series, column, like: mean_of_alike(codes_of(series), floats(column), _kinds(like), self.gap)


def mean_of_alike(codes: IntArray, values: FloatArray, kinds: IntArray, gap: int) -> FloatArray:
    """Return the mean of the known values of the same series and kind at least `gap` rows earlier, shape (n_rows,)."""
    n_rows = len(values)
    cell = codes * (int(kinds.max(initial=0)) + 1) + kinds
    order = np.argsort(cell, kind="stable")
    known = ~np.isnan(values[order])
    totals = running_sum(cell[order], np.where(known, values[order], 0.0))
    counts = running_sum(cell[order], known.astype(np.float64))
    # Rows of a cell lie side by side and ascend: the last of them that is old enough is found by bisection.
    place = cell[order] * n_rows + order
    last = np.searchsorted(place, cell * n_rows + np.maximum(np.arange(n_rows) - gap, -1), side="right") - 1
    found = (last >= 0) & (cell[order][np.maximum(last, 0)] == cell)
    return np.where(found, ratio(totals[last], counts[last]), np.nan)


def _kinds(column: pd.Series) -> IntArray:
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object:
        return np.asarray(pd.factorize(texts(column), use_na_sentinel=False)[0], dtype=np.intp)
    return np.asarray(np.nan_to_num(floats(column)) != 0.0, dtype=np.intp)


def _expanding_mean(values: FloatArray) -> FloatArray:
    known = ~np.isnan(values)
    return ratio(np.cumsum(np.where(known, values, 0.0)), np.cumsum(known))


def _expanding_std(values: FloatArray) -> FloatArray:
    """Population standard deviation; around the first known value, so that a high level does not drown it."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full(len(values), np.nan)
    deviations = np.where(known, values - values[np.argmax(known)], 0.0)
    count = np.cumsum(known)
    mean, square = ratio(np.cumsum(deviations), count), ratio(np.cumsum(deviations**2), count)
    return np.where(count > 1, np.sqrt(np.maximum(square - mean**2, 0.0)), np.nan)


def _expanding_max(values: FloatArray) -> FloatArray:
    return np.fmax.accumulate(values)


def _expanding_min(values: FloatArray) -> FloatArray:
    return np.fmin.accumulate(values)


EXPANDING: Mapping[str, Statistic] = {
    "mean": _expanding_mean,
    "std": _expanding_std,
    "min": _expanding_min,
    "max": _expanding_max,
}
