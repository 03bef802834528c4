"""Tables of one narrow row per scenario on the driver, in as little memory as they need.

A text that no other row has costs its bytes in Arrow, and more than twice as much as a Python object: ids and
fingerprints are kept there. Texts that repeat (a pool, a reason, a run) are objects that rows share.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
"""Of texts that differ from row to row: the type that pandas 3 gives every text."""
DISTINCT = frozenset({"scenario_id", "member", "rows_fingerprint", "core_fingerprint", "fingerprint"})
"""Columns of such texts."""
COUNT = pd.Int32Dtype()
"""Of small whole numbers that may be missing."""
_AS_IT_IS = frozenset({("string", str(TEXT)), ("bigint", "int64"), ("double", "float64"), ("int", str(COUNT))})
"""Spark's and pandas' types of the same cells: these go to Spark without becoming an object each."""
SLICE = 10_000
"""Rows that are in memory twice at a time, where a table takes another shape."""


def to_driver(frame: DataFrame) -> pd.DataFrame:
    """Bring a narrow Spark frame here, as `toPandas` does; but columns of DISTINCT are TEXT, and times know of UTC."""
    table = frame.toArrow()
    rows = pd.DataFrame({name: _as_series(name, table[name]) for name in table.column_names}, copy=False)
    del table
    _give_back()
    return rows


def _as_series(name: str, column: pa.ChunkedArray) -> pd.Series:
    return pd.Series(column, dtype=TEXT) if name in DISTINCT else column.to_pandas()


def compact(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a copy whose columns of DISTINCT are TEXT."""
    return rows.astype({name: TEXT for name in rows.columns if name in DISTINCT})


def texts(cells: Iterable[str], index: pd.Index) -> pd.Series:
    """Return texts as a column, never all of them as objects."""
    parts = [pa.array(part, pa.large_string()) for part in _slices(iter(cells))]
    column = pa.chunked_array(parts, pa.large_string()).combine_chunks()
    del parts
    _give_back()
    return pd.Series(column, index=index, dtype=TEXT)


def places(cells: pd.Series, among: pd.Series) -> np.ndarray:
    """Return where each text stands in others, int64, shape (n,); -1 where it does not. No text becomes an object."""
    wanted, others = (pa.array(column, pa.large_string()) for column in (cells, among))
    found = pc.index_in(wanted, value_set=others).fill_null(-1)
    return np.asarray(found, dtype=np.int64)


def _slices(cells: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(cells, SLICE)):
        yield part


def _give_back() -> None:
    """Return to the system what Arrow's allocator keeps for later: the driver seldom needs as much again."""
    pa.default_memory_pool().release_unused()


def typed(spark: SparkSession, rows: pd.DataFrame, ddl: str) -> DataFrame:
    """Return a narrow pandas frame as a Spark frame of the given types; NaN and None become null.

    It is sent a slice at a time, so that Arrow's copy of the whole is never here too.
    """
    if rows.empty:
        return spark.createDataFrame([], schema=ddl)
    kinds = {name.strip("`"): kind for name, kind in (field.rsplit(" ", 1) for field in ddl.split(", "))}
    others = [name for name, kind in kinds.items() if (kind, str(rows[name].dtype)) not in _AS_IT_IS]
    needed, objects = rows[list(kinds)], dict.fromkeys(others, object)
    slices = (needed.iloc[first : first + SLICE].astype(objects) for first in range(0, len(rows), SLICE))
    return reduce(lambda sent, part: sent.unionAll(part), (spark.createDataFrame(one, schema=ddl) for one in slices))
