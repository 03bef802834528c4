"""Primitives over a group of series: what the others did until some periods ago, and what they are at this time."""

from typing import ClassVar

import numpy as np
import pandas as pd
from featuretools.primitives import TransformPrimitive
from woodwork.column_schema import ColumnSchema

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.primitives._base import (
    DOUBLE,
    NUMERIC,
    PrimitiveFunction,
    at_least,
    codes_of,
    floats,
    one_of,
)
from distributed_automl.scenario.primitives.windows import STATISTICS, ratio, window_statistic


def group_period_means(groups: IntArray, periods: IntArray, values: FloatArray) -> FloatArray:
    """Mean of the known values of each group in each period, shape (n_groups, n_periods); NaN without any."""
    shape = (int(groups.max()) + 1, int(periods.max()) + 1)
    known = ~np.isnan(values)
    cell = (groups * shape[1] + periods)[known]
    total = np.bincount(cell, weights=values[known], minlength=shape[0] * shape[1])
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    return ratio(total, count).reshape(shape)


class PeersStatistic(TransformPrimitive):  # type: ignore[misc]
    """A statistic of a group's means per period: what the series around this one did, until `gap` periods ago."""

    name = "peers_statistic"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC, NUMERIC]
    return_type = DOUBLE
    uses_full_dataframe = True

    def __init__(self, statistic: str = "mean", window: int = 7, gap: int = 1, stride: int = 1) -> None:
        self.statistic = one_of("statistic", statistic, STATISTICS)
        self.window = at_least("window", window, 1)
        self.gap = at_least("gap", gap, 1)
        self.stride = at_least("stride", stride, 1)

    def get_function(self) -> PrimitiveFunction:
        """Return (group code or -1, period, value) -> statistic; NaN where the group is unknown (-1)."""
        return self._of_peers

    def _of_peers(self, group: pd.Series, period: pd.Series, column: pd.Series) -> FloatArray:
        groups, periods, values = codes_of(group), codes_of(period), floats(column)
        out = np.full(len(values), np.nan)
        named = groups >= 0
        if named.any():
            means = group_period_means(groups[named], periods[named], values[named])
            codes = np.repeat(np.arange(means.shape[0]), means.shape[1])
            offsets = self.gap + self.stride * np.arange(self.window)
            per_cell = window_statistic(codes, means.ravel(), offsets, STATISTICS[self.statistic])
            out[named] = per_cell.reshape(means.shape)[groups[named], periods[named]]
        return out


class PeersNow(TransformPrimitive):  # type: ignore[misc]
    """Where a number stands among the group's at the same time: `ratio` to their mean, or `rank` from 0 to 1.

    For columns that are known in advance: it looks at the present.
    """

    name = "peers_now"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC, NUMERIC]
    return_type = DOUBLE
    uses_full_dataframe = True

    def __init__(self, measure: str = "ratio") -> None:
        self.measure = one_of("measure", measure, _MEASURES)

    def get_function(self) -> PrimitiveFunction:
        """Return (group code or -1, period, value) -> place; NaN where the group or the value is unknown."""
        return self._among_peers

    def _among_peers(self, group: pd.Series, period: pd.Series, column: pd.Series) -> FloatArray:
        groups, periods, values = codes_of(group), codes_of(period), floats(column)
        out = np.full(len(values), np.nan)
        known = (groups >= 0) & ~np.isnan(values)
        if known.any():
            cell = groups[known] * (int(periods.max()) + 1) + periods[known]
            out[known] = _MEASURES[self.measure](cell, values[known])
        return out


def ratio_to_mean(cell: IntArray, values: FloatArray) -> FloatArray:
    """Divide each value by the mean of its cell; NaN where that is zero."""
    total, count = np.bincount(cell, weights=values), np.bincount(cell)
    return ratio(values, (ratio(total, count))[cell])


def rank_in_cell(cell: IntArray, values: FloatArray) -> FloatArray:
    """Return the share of the cell's other values that are smaller, ties half; 0.5 for a value alone."""
    ranks = pd.Series(values).groupby(cell).rank(method="average").to_numpy()
    others = np.bincount(cell)[cell] - 1
    return np.where(others > 0, (ranks - 1.0) / np.maximum(others, 1), 0.5)


_MEASURES = {"ratio": ratio_to_mean, "rank": rank_in_cell}
