"""Scenario ids and pool ids as Spark columns: the twins of what the scenario core computes from one row."""

from functools import reduce

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    CharType,
    DataType,
    DateType,
    DecimalType,
    IntegralType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
    VarcharType,
)

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem
from distributed_automl.tables import PART_COL, POOLED_PREFIX

SCENARIO_COL = "__scenario_id__"
"""Helper column of frames under way: the scenario's id. Never reaches the scenario core, nor a stored table."""
POOL_COL = "__pool_id__"
"""Helper column: the id of the scenario's pool."""
BUCKET_COL = "__bucket__"
"""Helper column: the task that handles the row."""

ESCAPES = (("%", "%25"), ("/", "%2F"), ("=", "%3D"))
"""What must not appear inside one part of an id; "%" first, or it would be escaped twice."""
_NULL = "%null"
"""A null among a pool's values; no escaped value can read so."""
_KEY_TYPES = (
    StringType,
    CharType,
    VarcharType,
    IntegralType,
    BooleanType,
    DateType,
    TimestampType,
    TimestampNTZType,
)


def with_ids(frame: DataFrame, problem: Problem) -> DataFrame:
    """Add SCENARIO_COL and POOL_COL; SCENARIO_COL is null where a scenario key is."""
    require_columns(frame, problem)
    return frame.withColumns({SCENARIO_COL: scenario_id_column(problem), POOL_COL: pool_id_column(problem)})


def without_helpers(frame: DataFrame) -> DataFrame:
    """Remove the helper columns and the part; what is left is the user's."""
    return frame.drop(SCENARIO_COL, POOL_COL, BUCKET_COL, PART_COL)


def scenario_id_column(problem: Problem) -> Column:
    """Return the scenario id: the plain string of one key, or ``key=value`` pairs, escaped and joined by "/"."""
    if len(problem.scenario_keys) == 1:
        return _text(problem.scenario_keys[0])
    pairs = [F.concat(F.lit(f"{escape(key)}="), escaped(_text(key))) for key in problem.scenario_keys]
    return reduce(lambda left, right: F.concat(left, F.lit("/"), right), pairs)


def pool_id_column(problem: Problem) -> Column:
    """Return the pool's id: POOLED_PREFIX and the escaped values of `pool_by`, or "all"."""
    if not problem.pool_by:
        return F.lit(f"{POOLED_PREFIX}all")
    values = [F.coalesce(escaped(_text(name)), F.lit(_NULL)) for name in problem.pool_by]
    return F.concat(F.lit(POOLED_PREFIX), F.concat_ws("/", *values))


def is_pool_column() -> Column:
    """Return whether a row's `scenario_id` is a pool's."""
    return F.col("scenario_id").startswith(POOLED_PREFIX)


def escape(text: str) -> str:
    """Escape one part of an id."""
    return reduce(lambda done, pair: done.replace(*pair), ESCAPES, text)


def escaped(text: Column) -> Column:
    """Escape one part of an id, as a column."""
    return reduce(lambda done, pair: F.replace(done, F.lit(pair[0]), F.lit(pair[1])), ESCAPES, text)


def _text(name: str) -> Column:
    return quoted(name).cast("string")


def quoted(name: str) -> Column:
    """Return a column by its name, whatever characters that has."""
    return F.col("`" + name.replace("`", "``") + "`")


def require_columns(frame: DataFrame, problem: Problem) -> None:
    """Raise TableError unless the frame has the problem's columns, with keys and timestamps of types that will do."""
    types = {field.name: field.dataType for field in frame.schema.fields}
    finders = (_missing, _clashes, _bad_keys, _bad_timestamp)
    faults = [fault for find in finders for fault in find(types, problem)]
    if faults:
        raise TableError("the table does not fit the problem: " + "; ".join(faults))


def _named(problem: Problem) -> list[str]:
    """Return the columns that the problem names."""
    timestamp = (problem.timestamp,) if problem.timestamp else ()
    named = (*problem.roles, *timestamp, *problem.known_in_advance, *problem.static, *problem.pool_by)
    return list(dict.fromkeys(named))


def _missing(types: dict[str, DataType], problem: Problem) -> list[str]:
    missing = [name for name in _named(problem) if name not in types]
    return [f"the problem names the columns {missing}, the table has {sorted(types)}"] if missing else []


def _clashes(types: dict[str, DataType], problem: Problem) -> list[str]:
    helpers = [name for name in (SCENARIO_COL, POOL_COL, BUCKET_COL) if name in types]
    if PART_COL in types and (PART_COL in _named(problem) or not isinstance(types[PART_COL], IntegralType)):
        helpers.append(PART_COL)
    return [f"the column names {helpers} are reserved; rename them in the engineering"] if helpers else []


def _bad_keys(types: dict[str, DataType], problem: Problem) -> list[str]:
    return [
        f"scenario key '{key}' is {types[key].simpleString()}, expected string, integer, boolean, date or timestamp: "
        "cast it in the engineering"
        for key in problem.scenario_keys
        if key in types and not is_key_type(types[key])
    ]


def _bad_timestamp(types: dict[str, DataType], problem: Problem) -> list[str]:
    """Return a timestamp whose type no scenario's calendar can be made of: every one of them would fail."""
    kind = types.get(problem.timestamp or "")
    if not problem.is_forecasting or kind is None:
        return []
    is_step = isinstance(problem.frequency, int)
    fitting = (NumericType,) if is_step else (DateType, TimestampType, TimestampNTZType)
    expected = "whole numbers, since `frequency` is an integer step" if is_step else "date or timestamp"
    told = f"timestamp '{problem.timestamp}' is {kind.simpleString()}, expected {expected}: cast it in the engineering"
    return [] if isinstance(kind, fitting) else [told]


def require_one_pool(found: pd.DataFrame, problem: Problem) -> None:
    """Raise TableError unless all rows of each scenario belong to one pool.

    Args:
        found: scenario_id, pool_id and other_pool_id: the least and the greatest id of its rows' pools.
        problem: the use case.
    """
    split = found.loc[found["pool_id"] != found["other_pool_id"], "scenario_id"]
    if len(split):
        raise TableError(
            f"`pool_by` {list(problem.pool_by)} must be the same in all rows of a scenario, but varies in {len(split)} "
            f"of them, e.g. {sorted(split)[:5]}"
        )


def is_key_type(kind: DataType) -> bool:
    """Return whether Spark and Python write values of this type alike, so that they can name a scenario."""
    return isinstance(kind, _KEY_TYPES) or (isinstance(kind, DecimalType) and kind.scale == 0)
