"""The columns of a scenario's frame: which there must be, of what kind each is, and how it is cast."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import GAP_COL, ROW_COL, SERIES_COL, FloatArray, Kind
from distributed_automl.scenario.naming import text_of

DatetimeArray = npt.NDArray[np.datetime64]
ObjectArray = npt.NDArray[np.object_]

RESERVED = frozenset({SERIES_COL, ROW_COL, GAP_COL})
"""Columns that the program adds to the user's."""
LARGEST = 1e30
"""Magnitude to which features are clipped, so that squares of them are numbers, and so are they as float32.

A target beyond it is not believed: a scenario is not trained on one, and a forecast does not look at it.
"""


def require_columns(found: Iterable[Any], problem: Problem, features: Iterable[str] = ()) -> None:
    """Raise TableError unless every column that the problem names, and every feature given, is among the found ones.

    The names must be text, each there once, and none that the program itself needs.
    """
    found = list(found)
    unusable = sorted({text_of(name) for name in found if not isinstance(name, str) or text_of(name) != name})
    unusable += sorted({name for name in found if isinstance(name, str) and name in RESERVED})
    unusable += sorted({name for name in found if isinstance(name, str) and found.count(name) > 1})
    if unusable:
        raise TableError(
            f"the columns {unusable} are there twice, are no text, or have a name that the program needs "
            f"({sorted(RESERVED)}): rename them, or take them out of the table"
        )
    needed = [*problem.roles, *problem.known_in_advance, *problem.static, *features]
    needed += [column for columns in problem.entities.values() for column in columns]
    needed += [column for column in (problem.timestamp, problem.group) if column is not None]
    missing = [column for column in dict.fromkeys(needed) if column not in found]
    if missing:
        raise TableError(
            f"the table lacks the columns {missing}; it has {found}: mend the table, or what `problem` names"
        )


def kinds_of(frame: pd.DataFrame, problem: Problem) -> dict[str, Kind]:
    """Find the kind of every feature column from its pandas dtype, in the frame's order.

    Booleans, integers, floats and Decimals are numeric; dates and datetimes are datetime; all else is categorical.

    Args:
        frame: rows of one or many scenarios. Every column that is not a role counts as a feature.
        problem: the use case.

    Raises:
        TableError: a column that the problem names is missing.
    """
    require_columns(frame.columns, problem)
    return {str(column): kind_of(frame[column]) for column in frame.columns if column not in problem.roles}


def kind_of(column: pd.Series) -> Kind:
    """Return the kind of a column's values; of an object column without any it is a guess: categorical."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "numeric"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "datetime"
    if column.dtype != object:
        return "categorical"
    return _KINDS_OF_OBJECTS.get(pd.api.types.infer_dtype(column, skipna=True), "categorical")


_KINDS_OF_OBJECTS: dict[str, Kind] = {
    "boolean": "numeric",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "date": "datetime",
    "datetime": "datetime",
    "datetime64": "datetime",
}


def beyond_scale(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which numbers are infinite or larger than LARGEST; NaN is neither."""
    return np.asarray(np.abs(values) > LARGEST)


def numbers_of(column: pd.Series, name: str) -> FloatArray:
    """Return a column as float64; NaN is missing.

    Raises:
        TableError: the column holds something that is no number.
    """
    if column.dtype == np.float64:
        return column.to_numpy()
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TableError(f"column '{name}' must be numeric; found {column.dtype}: {error}. Cast it") from error


def _finite_numbers(column: pd.Series, name: str) -> FloatArray:
    values = numbers_of(column, name)
    return np.where(np.isinf(values), np.nan, np.clip(values, -LARGEST, LARGEST))


def _categories(column: pd.Series, name: str) -> ObjectArray:
    """Return a column as an object array of str; None is missing."""
    codes, uniques = _factorized(column, name)
    texts = np.array([*(text_of(value) for value in uniques), None], dtype=object)
    return texts[codes]  # a missing value has the code -1: the last text


def _factorized(column: pd.Series, name: str) -> tuple[npt.NDArray[np.intp], pd.Index]:
    try:
        codes, uniques = pd.factorize(told_apart(column))
    except TypeError as error:
        raise TableError(
            f"column '{name}' must hold single values; found lists or maps ({error}): unpack it"
        ) from error
    return codes, pd.Index(uniques)


def told_apart(column: pd.Series) -> pd.Series:
    """Return a column whose values are equal only where they read the same: 1 and True in one column do not.

    Raises:
        TypeError: the column holds lists or maps.
    """
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True).startswith("mixed"):
        pd.factorize(column)  # raises for what is no single value
        return column.map(text_of, na_action="ignore")
    return column + 0.0 if pd.api.types.is_float_dtype(column.dtype) else column  # -0.0 becomes 0.0


def _datetimes(column: pd.Series, name: str) -> DatetimeArray:
    """Return a column as datetime64[ns]; NaT is missing, or a date that pandas cannot hold (9999-12-31)."""
    try:
        return datetimes_of(column, name)
    except pd.errors.OutOfBoundsDatetime:
        return _without_zone(pd.to_datetime(column, errors="coerce"))


def datetimes_of(column: pd.Series, name: str) -> DatetimeArray:
    """Return a column of dates or datetimes as datetime64[ns], in UTC if it had a time zone.

    Raises:
        TableError: the column holds something else.
        OutOfBoundsDatetime: a date before 1677 or after 2262.
    """
    found = kind_of(column)
    if found != "datetime" and not column.isna().all():
        raise TableError(f"column '{name}' must hold dates or timestamps; found {column.dtype} ({found}): cast it")
    return _without_zone(pd.to_datetime(column))


def _without_zone(column: pd.Series) -> DatetimeArray:
    index = pd.DatetimeIndex(column)
    return (index if index.tz is None else index.tz_convert(None)).to_numpy().astype("datetime64[ns]")


CASTS: dict[Kind, Callable[[pd.Series, str], npt.NDArray[Any]]] = {
    "numeric": _finite_numbers,
    "categorical": _categories,
    "datetime": _datetimes,
}
"""Kind -> cast of a feature column, given with its name for the errors."""
MISSING: dict[Kind, Any] = {"numeric": np.nan, "categorical": None, "datetime": np.datetime64("NaT", "ns")}
"""Kind -> what stands for a missing value after the cast."""


def key_texts(column: pd.Series, name: str) -> ObjectArray:
    """Return a key column as an object array of str.

    Raises:
        TableError: a key is null.
    """
    codes, uniques = _factorized(column, name)
    if (codes < 0).any():
        n_null = int((codes < 0).sum())
        raise TableError(f"key column '{name}' must have a value in every row; {n_null} of {len(codes)} are null")
    return np.array([text_of(value) for value in uniques], dtype=object)[codes]
