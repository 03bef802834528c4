"""Primitives of a row alone: ratios, products, times and their parts."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import pandas as pd
from featuretools.primitives import TransformPrimitive
from woodwork.column_schema import ColumnSchema

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.primitives._base import (
    DATETIME,
    DOUBLE,
    NUMERIC,
    PrimitiveFunction,
    at_least,
    codes_of,
    floats,
    one_of,
)
from distributed_automl.scenario.primitives.windows import ratio

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
    "year_sin_1": lambda time: np.sin(_year_angle(time)),
    "year_cos_1": lambda time: np.cos(_year_angle(time)),
    "year_sin_2": lambda time: np.sin(2.0 * _year_angle(time)),
    "year_cos_2": lambda time: np.cos(2.0 * _year_angle(time)),
    "epoch_days": lambda time: (time - pd.Timestamp(0)) / pd.Timedelta(days=1),
}

OF_THE_YEAR = frozenset({"week", "month", "quarter", "year_sin_1", "year_cos_1", "year_sin_2", "year_cos_2"})
"""Parts that come again after a year."""
OF_NO_CYCLE = frozenset({"year", "epoch_days"})
"""Parts that never come again."""


def _year_angle(time: pd.Series) -> pd.Series:
    days: pd.Series = time.dt.dayofyear - 1.0
    return days * (2.0 * np.pi / 365.25)


class Ratio(TransformPrimitive):  # type: ignore[misc]
    """One number relative to another; NaN where that is zero."""

    name = "ratio"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC]
    return_type = DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (numerator, denominator) -> ratio."""
        return lambda numerator, denominator: ratio(floats(numerator), floats(denominator))


class Product(TransformPrimitive):  # type: ignore[misc]
    """One number times another."""

    name = "product"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC]
    return_type = DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (number, number) -> product."""
        return lambda one, other: floats(one) * floats(other)


class Least(TransformPrimitive):  # type: ignore[misc]
    """The smaller of two numbers; NaN where one is missing."""

    name = "least"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC, NUMERIC]
    return_type = DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (number, number) -> the smaller."""
        return lambda one, other: np.minimum(floats(one), floats(other))


class PeriodNumber(TransformPrimitive):  # type: ignore[misc]
    """The number of an integer timestamp's period; its place in a cycle of so many periods, if there is one."""

    name = "period_number"
    input_types: ClassVar[list[ColumnSchema]] = [NUMERIC]
    return_type = DOUBLE

    def __init__(self, step: int = 1, cycle: int = 0) -> None:
        self.step = at_least("step", step, 1)
        self.cycle = at_least("cycle", cycle, 0)

    def get_function(self) -> PrimitiveFunction:
        """Return timestamp -> number, from 0 to `cycle` - 1 if there is a cycle."""
        return self._number

    def _number(self, timestamp: pd.Series) -> FloatArray:
        number = codes_of(timestamp) // self.step
        return (number % self.cycle if self.cycle else number).astype(np.float64)


class DaysBetween(TransformPrimitive):  # type: ignore[misc]
    """Days from one time to another, negative if it lies before; NaN where one is missing."""

    name = "days_between"
    input_types: ClassVar[list[ColumnSchema]] = [DATETIME, DATETIME]
    return_type = DOUBLE

    def get_function(self) -> PrimitiveFunction:
        """Return (later, earlier) -> days."""
        return lambda later, earlier: ((later - earlier) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)


class DatePart(TransformPrimitive):  # type: ignore[misc]
    """A part of a date as a number; flags are 0 and 1, `epoch_days` counts from 1970-01-01."""

    name = "date_part"
    input_types: ClassVar[list[ColumnSchema]] = [DATETIME]
    return_type = DOUBLE

    def __init__(self, part: str = "weekday") -> None:
        self.part = one_of("part of a date", part, DATE_PARTS)

    def get_function(self) -> PrimitiveFunction:
        """Return time -> part; NaN where the time is missing."""
        part = DATE_PARTS[self.part]
        return lambda time: np.where(time.isna(), np.nan, floats(part(time)))
