"""Primitives over columns that are known in advance: runs of equal values, and events.

They look a few periods ahead, never further: what lies beyond is "not in sight", as it is at the end of the known
future. All counts are cut, so that they do not depend on how much history is kept.
"""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
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
    texts,
)
from distributed_automl.scenario.primitives.windows import periods_so_far

BoolArray = npt.NDArray[np.bool_]


def since(codes: IntArray, marks: BoolArray, limit: int) -> FloatArray:
    """Return the rows since the last mark of the same series, 0 at a mark; limit + 1 if it is further or not there."""
    row = np.arange(len(marks))
    age = row - np.maximum.accumulate(np.where(marks, row, -len(marks) - limit))
    return np.where(age <= periods_so_far(codes), np.minimum(age, limit + 1), limit + 1).astype(np.float64)


def until(codes: IntArray, marks: BoolArray, limit: int) -> FloatArray:
    """Return the rows until the next mark of the same series, 0 at a mark; limit + 1 if it is further or not there."""
    return since(codes[::-1], marks[::-1], limit)[::-1]


def run_starts(codes: IntArray, values: npt.NDArray[Any]) -> BoolArray:
    """Return where a value differs from the one before it in its series; missing values are equal."""
    kinds = pd.factorize(values, use_na_sentinel=False)[0]
    starts = np.ones(len(values), dtype=np.bool_)
    starts[1:] = (kinds[1:] != kinds[:-1]) | (codes[1:] != codes[:-1])
    return starts


def next_starts(codes: IntArray, values: npt.NDArray[Any], limit: int) -> FloatArray:
    """Return the rows until the value changes in its series; limit + 1 if that is further or not known."""
    changes = run_starts(codes, values) & (periods_so_far(codes) > 0)
    ahead = until(codes, changes, limit)
    after = np.full(len(values), limit + 1.0)
    inside = codes[1:] == codes[:-1]
    after[:-1][inside] = np.minimum(ahead[1:][inside] + 1.0, limit + 1.0)
    return after


class _RunPrimitive(TransformPrimitive):  # type: ignore[misc]
    """Base: (series code, number or category) -> periods, over the whole frame."""

    input_types: ClassVar[list[list[ColumnSchema]]] = [[NUMERIC, NUMERIC], [NUMERIC, CATEGORY]]
    return_type = DOUBLE
    uses_full_dataframe = True

    def __init__(self, limit: int = 28) -> None:
        self.limit = at_least("limit", limit, 1)


class PeriodsSinceOn(_RunPrimitive):
    """How many periods ago a flag was last on: 0 while it is; `limit` + 1 if that is further or never."""

    name = "periods_since_on"

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, flag) -> periods."""
        return lambda series, column: since(codes_of(series), _is_on(column), self.limit)


class PeriodsUntilOn(_RunPrimitive):
    """In how many periods a flag is next on: 0 while it is; `limit` + 1 if that is further or not in sight."""

    name = "periods_until_on"

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, flag) -> periods."""
        return lambda series, column: until(codes_of(series), _is_on(column), self.limit)


class PeriodsSinceChange(_RunPrimitive):
    """How many periods the value has been what it is: 0 where it is new; at most `limit` + 1."""

    name = "periods_since_change"

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> place in the run of equal values."""
        return lambda series, column: since(codes_of(series), run_starts(codes_of(series), _plain(column)), self.limit)


class PeriodsUntilChange(_RunPrimitive):
    """In how many periods the value becomes another; `limit` + 1 if that is further or not in sight."""

    name = "periods_until_change"

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, value) -> periods, at least 1."""
        return lambda series, column: next_starts(codes_of(series), _plain(column), self.limit)


class ComingCategory(_RunPrimitive):
    """The category that comes after this one, if the change is at most `limit` periods ahead; None if not."""

    name = "coming_category"
    input_types: ClassVar[list[list[ColumnSchema]]] = [[NUMERIC, CATEGORY]]
    return_type = CATEGORICAL

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, category) -> category."""
        return self._coming

    def _coming(self, series: pd.Series, column: pd.Series) -> npt.NDArray[np.object_]:
        values = texts(column)
        ahead = next_starts(codes_of(series), values, self.limit)
        row = np.arange(len(values)) + ahead.astype(np.intp)
        in_sight = ahead <= self.limit
        out = np.full(len(values), None, dtype=object)
        out[in_sight] = values[row[in_sight]]
        return out


class FormerCategory(_RunPrimitive):
    """The category that went before this one, if the change is at most `limit` periods ago; None if not."""

    name = "former_category"
    input_types: ClassVar[list[list[ColumnSchema]]] = [[NUMERIC, CATEGORY]]
    return_type = CATEGORICAL

    def get_function(self) -> PrimitiveFunction:
        """Return (series code, category) -> category."""
        return self._former

    def _former(self, series: pd.Series, column: pd.Series) -> npt.NDArray[np.object_]:
        codes, values = codes_of(series), texts(column)
        age = since(codes, run_starts(codes, values), self.limit)
        in_sight = (age <= self.limit) & (age < periods_so_far(codes))
        out = np.full(len(values), None, dtype=object)
        row = np.arange(len(values)) - age.astype(np.intp) - 1
        out[in_sight] = values[row[in_sight]]
        return out


def _is_on(column: pd.Series) -> BoolArray:
    """Return where a flag is on: a number that is not zero, a category that is not missing."""
    if _is_category(column):
        return column.notna().to_numpy()
    return np.asarray(np.nan_to_num(floats(column)) != 0.0)


def _plain(column: pd.Series) -> npt.NDArray[Any]:
    return texts(column) if _is_category(column) else floats(column)


def _is_category(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object
