"""What a fit depends on, hashed: its rows in one pass of Spark SQL; parameters, code and libraries on the driver."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, MapType, VariantType

from distributed_automl.errors import TableError
from distributed_automl.fleet.scenario_ids import (
    POOL_COL,
    SCENARIO_COL,
    quoted,
    require_one_pool,
    with_ids,
    without_helpers,
)
from distributed_automl.narrow import texts, to_driver
from distributed_automl.parameters import Problem
from distributed_automl.tables import PART_COL

LIBRARIES = (
    "cmaes",
    "featuretools",
    "lightgbm",
    "numpy",
    "optuna",
    "pandas",
    "scikit-learn",
    "scipy",
    "woodwork",
)
"""Libraries whose version decides a fit."""
_LOW_BITS = 0xFFFFFFFF
_CORE = "distributed_automl.scenario"


def digest_of(parts: object) -> str:
    """Return the SHA-256 of JSON values, hexadecimal; the order of a mapping's keys does not matter."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def measure(master_df: DataFrame, problem: Problem) -> pd.DataFrame:
    """Measure every scenario in one pass: rows, calendar, pool and the fingerprint of its rows.

    Neither the order of rows or columns nor the partitioning matters; types do, and so does which column is null.

    Returns:
        One row per scenario, sorted by id: scenario_id, pool_id, n_rows, PART_COL (int, or None where the table has no
        parts), first_timestamp, last_timestamp (str or None), rows_fingerprint.

    Raises:
        TableError: a scenario key is null, or `pool_by` or the part varies inside a scenario; all name where.
    """
    types = {field.name: field.dataType for field in without_helpers(master_df).schema.fields}
    found = to_driver(_measured(master_df, problem, types))
    _refuse_null_keys(found, problem)
    require_one_pool(found, problem)
    _refuse_two_parts(found, problem)
    schema = sorted((name, kind.simpleString()) for name, kind in types.items())
    measured = zip(found["n_rows"], found["bits"], found["sums"], strict=True)
    prints = texts((digest_of([schema, *map(int, parts)]) for parts in measured), found.index)
    columns = ["scenario_id", "pool_id", "n_rows", PART_COL, "first_timestamp", "last_timestamp"]
    return found[columns].assign(rows_fingerprint=prints).sort_values("scenario_id", ignore_index=True)


def _measured(master_df: DataFrame, problem: Problem, types: Mapping[str, DataType]) -> DataFrame:
    timestamp = quoted(problem.timestamp) if problem.timestamp else F.lit(None)
    part = F.col(PART_COL) if PART_COL in master_df.columns else F.lit(None).cast("int")
    hashed = with_ids(master_df, problem).select(
        SCENARIO_COL, POOL_COL, part.alias(PART_COL), timestamp.alias("timestamp"), row_hash(types).alias("hash")
    )
    return hashed.groupBy(F.col(SCENARIO_COL).alias("scenario_id")).agg(
        F.min(POOL_COL).alias("pool_id"),
        F.max(POOL_COL).alias("other_pool_id"),
        F.count(F.lit(1)).alias("n_rows"),
        F.min(PART_COL).alias(PART_COL),
        F.max(PART_COL).alias("other_part"),
        F.min("timestamp").cast("string").alias("first_timestamp"),
        F.max("timestamp").cast("string").alias("last_timestamp"),
        F.bit_xor("hash").alias("bits"),
        F.sum(F.col("hash").bitwiseAND(F.lit(_LOW_BITS))).alias("sums"),
    )


def row_hash(types: Mapping[str, DataType]) -> Column:
    """Return a 64-bit hash of a row: every column with its null flag, in the order of the columns' names."""
    unhashable = [name for name, kind in types.items() if isinstance(kind, MapType | VariantType)]
    if unhashable:
        raise TableError(
            f"the columns {unhashable} are maps or variants; split them into plain columns in the engineering"
        )
    return F.xxhash64(*_flagged(types))


def _flagged(types: Mapping[str, DataType]) -> Iterator[Column]:
    for name in sorted(types):
        yield quoted(name).isNull()
        yield quoted(name)


def _refuse_null_keys(found: pd.DataFrame, problem: Problem) -> None:
    nulls = found.loc[found["scenario_id"].isna(), "n_rows"]
    if len(nulls):
        raise TableError(
            f"{int(nulls.sum())} rows have a null in the scenario keys {list(problem.scenario_keys)}: every row must "
            "belong to a scenario; drop or fill them in the engineering"
        )


def _refuse_two_parts(found: pd.DataFrame, problem: Problem) -> None:
    split = found.loc[found[PART_COL].notna() & (found[PART_COL] != found["other_part"]), "scenario_id"]
    if len(split):
        raise TableError(
            f"the column '{PART_COL}' must be the same in all rows of a scenario, but varies in {len(split)} of them, "
            f"e.g. {sorted(split)[:5]}: bucket the table by the scenario keys {list(problem.scenario_keys)} (`by` of "
            "its catalog entry)"
        )


@cache
def code_digest() -> str:
    """Return the digest of the scenario core's sources and of the versions of Python and the libraries under it."""
    sources = sorted((name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in _sources(files(_CORE)))
    python = ".".join(map(str, sys.version_info[:2]))
    return digest_of([sources, {"python": python} | {name: version(name) for name in LIBRARIES}])


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _sources(child, f"{prefix}{child.name}/")
        elif child.name.endswith(".py"):
            yield f"{prefix}{child.name}", child


def with_portfolio(settings: str, portfolio: str) -> str:
    """Return a digest of settings and of the portfolio that scenarios start from; pools start from none."""
    return digest_of(["portfolio", settings, portfolio])


def core_fingerprint(settings: str, rows: str) -> str:
    """Return the fingerprint of a fit but for its pool.

    Args:
        settings: digest of parameters, definitions, code, libraries and portfolio.
        rows: the scenario's `rows_fingerprint`.
    """
    return digest_of(["core", settings, rows])


def with_trials(core: str, n_trials: int | None) -> str:
    """Return a core fingerprint of a fit that the auction gave so many trials; None: it has the usual ones."""
    return core if n_trials is None else digest_of(["trials", core, n_trials])


def with_pool(core: str, pool: str | None) -> str:
    """Return a fit's fingerprint from its core and the fingerprint of the pool's fit that it may use; None: of none."""
    return digest_of(["fit", core, pool])


def pool_fingerprint(settings: str, members: Iterable[tuple[str, str]]) -> str:
    """Return the fingerprint of a pooled fit.

    Args:
        settings: as in `core_fingerprint`, without the portfolio.
        members: (scenario_id, rows_fingerprint) of every scenario whose rows it learns from, in any order.
    """
    return digest_of(["pool", settings, sorted(map(list, members))])
