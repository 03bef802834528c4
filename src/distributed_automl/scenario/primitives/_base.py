"""What primitives share: column schemas, the columns as arrays, and bounds of arguments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from woodwork.column_schema import ColumnSchema
from woodwork.logical_types import Categorical, Datetime, Double

from distributed_automl.scenario.design import FloatArray, IntArray

PrimitiveFunction = Callable[..., npt.NDArray[Any]]

NUMERIC = ColumnSchema(semantic_tags={"numeric"})
INDEX = ColumnSchema(semantic_tags={"index"})
CATEGORY = ColumnSchema(semantic_tags={"category"})
DATETIME = ColumnSchema(logical_type=Datetime)
DOUBLE = ColumnSchema(logical_type=Double, semantic_tags={"numeric"})
CATEGORICAL = ColumnSchema(logical_type=Categorical, semantic_tags={"category"})


def at_least(name: str, value: int, lowest: int) -> int:
    """Return the value, or raise ValueError that names it."""
    if value < lowest:
        raise ValueError(f"`{name}` must be at least {lowest}, found {value}")
    return value


def one_of(what: str, value: str, known: Any) -> str:
    """Return the value, or raise ValueError that lists the known ones."""
    if value not in known:
        raise ValueError(f"unknown {what} '{value}': expected one of {sorted(known)}")
    return value


def floats(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def codes_of(column: pd.Series) -> IntArray:
    return column.to_numpy(dtype=np.intp)


def texts(column: pd.Series) -> npt.NDArray[np.object_]:
    """Return str, None where it is missing."""
    values = np.array(column, dtype=object)
    values[column.isna().to_numpy()] = None
    return values
