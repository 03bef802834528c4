"""A table that only grows: every save is a new folder, which exists if and only if its `_SUCCESS` does."""

import uuid
from pathlib import Path
from typing import Any, Literal, TypeAlias

import fsspec  # type: ignore[import-untyped]
import pandas as pd
from kedro.io.core import AbstractDataset, DatasetError, get_protocol_and_path
from kedro_datasets._utils.spark_utils import get_spark_with_remote_support  # the very session of SparkDatasetV2
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.errors import TableError
from distributed_automl.tables import CHAMPIONS, FITS, PLAN, TRAINING_RESULTS, Table

Frame: TypeAlias = "DataFrame | pd.DataFrame"

TABLES = {table.name: table for table in (FITS, PLAN, TRAINING_RESULTS, CHAMPIONS)}
SUCCESS = "_SUCCESS"
_FSSPEC_PROTOCOLS = {"s3a": "s3", "s3n": "s3", "dbfs": "file", "wasbs": "abfs", "wasb": "abfs", "abfss": "abfs"}
"""Hadoop's names of file systems that fsspec calls otherwise."""


class LedgerDataset(AbstractDataset[Frame, Frame]):
    """A parquet ledger over one root folder: ``<root>/<run_id>/<n>-<uuid>/``.

    A save never touches what is there, so that two runs at once and a killed one do no harm; a folder without
    `_SUCCESS` is as good as absent. Two catalog entries may share a root: one that a pipeline writes, and a read-only
    one for what was there before (Kedro forbids a node to read what it writes).

    Example:
        ```yaml
        fits:
          type: distributed_automl.datasets.ledger.LedgerDataset
          filepath: ${globals:data_root}/06_models/demand/fits
          table: fits
        ```
    """

    _SINGLE_PROCESS = True

    def __init__(
        self,
        *,
        filepath: str,
        table: str | None = None,
        runs: Literal["all", "latest"] = "all",
        returns: Literal["spark", "pandas"] = "spark",
        read_only: bool = False,
        save_args: dict[str, Any] | None = None,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe a ledger; nothing is touched before the first load or save.

        Args:
            filepath: the root: a path, or a URI that both Spark and fsspec understand.
            table: name of the contract that rows keep, a key of TABLES; None for a table whose columns depend on the
                problem: it cannot be loaded before the first save.
            runs: "all" loads every row, "latest" those of the run that this session saved, else of the latest run.
            returns: "pandas" only for narrow tables of one row per scenario.
            read_only: refuse to save.
            save_args: options of Spark's parquet writer.
            credentials: of the fsspec file system.
            metadata: ignored here, for Kedro-Viz.
        """
        if table is not None and table not in TABLES:
            raise DatasetError(f"`table` must be one of {sorted(TABLES)} or null, found '{table}'")
        for name, value, allowed in (("runs", runs, ("all", "latest")), ("returns", returns, ("spark", "pandas"))):
            if value not in allowed:
                raise DatasetError(f"`{name}` must be one of {list(allowed)}, found '{value}'")
        self.run_id: str | None = None
        self.metadata = metadata
        self._root = filepath.rstrip("/")
        self._table: Table | None = TABLES[table] if table else None
        self._runs = runs
        self._returns = returns
        self._read_only = read_only
        self._save_args = save_args or {}
        self._credentials = credentials or {}
        self._n_saved = 0

    def load(self) -> Frame:
        """Load the committed rows; an empty ledger gives an empty frame of the declared columns."""
        spark = get_spark_with_remote_support()
        frame = self._read(spark, self.folders())
        return frame.toPandas() if self._returns == "pandas" else frame

    def save(self, data: Frame) -> None:
        """Write rows into a new folder.

        Raises:
            TableError: a column of the contract is missing.
        """
        if self._read_only:
            raise DatasetError(f"the ledger '{self._root}' is read-only here; save through the entry that owns it")
        spark = get_spark_with_remote_support()
        rows = spark_frame(spark, data, self._table) if isinstance(data, pd.DataFrame) else data
        if self._table is not None:
            self._table.require(rows.columns)
            rows = rows.select(*self._table.names)
        folder = f"{self._root}/{self._own_run()}/{self._n_saved:04d}-{uuid.uuid4().hex[:12]}"
        rows.write.options(**self._save_args).mode("error").parquet(folder)
        self._commit(folder)
        self._n_saved += 1

    def folders(self) -> list[str]:
        """Return the committed folders that `load` reads, oldest first, as Spark reads them."""
        found = sorted(self._committed())
        if self._runs == "all" or not found:
            return [f"{self._root}/{run_id}/{name}" for run_id, name in found]
        runs = {run_id for run_id, _ in found}
        chosen = self.run_id if self._n_saved and self.run_id in runs else max(runs)
        return [f"{self._root}/{run_id}/{name}" for run_id, name in found if run_id == chosen]

    def _committed(self) -> list[tuple[str, str]]:
        """List (run_id, folder) of every folder with a `_SUCCESS`."""
        files, root = self._filesystem()
        files.invalidate_cache(root)
        paths = files.glob(f"{root}/*/*/{SUCCESS}")
        return [(parts[-3], parts[-2]) for parts in (str(path).split("/") for path in paths)]

    def _commit(self, folder: str) -> None:
        """Write the sign of success where Spark's committer writes none."""
        files, root = self._filesystem()
        sign = f"{root}{folder.removeprefix(self._root)}/{SUCCESS}"
        if not files.exists(sign):
            files.touch(sign)

    def _filesystem(self) -> tuple[Any, str]:
        protocol, path = get_protocol_and_path(self._root)
        kind = _FSSPEC_PROTOCOLS.get(protocol, protocol)
        files = fsspec.filesystem(kind, **self._credentials)
        return files, path if kind != "file" or path.startswith("/") else Path(path).resolve().as_posix()

    def _read(self, spark: SparkSession, folders: list[str]) -> DataFrame:
        if self._table is None:
            if not folders:
                raise DatasetError(f"the ledger '{self._root}' is empty: run the pipeline that saves it first")
            return spark.read.parquet(*folders)
        if not folders:
            return spark.createDataFrame([], schema=self._table.ddl)
        return spark.read.schema(self._table.ddl).parquet(*folders)

    def _own_run(self) -> str:
        if self.run_id is None:
            raise DatasetError(
                f"the ledger '{self._root}' does not know its run: run through Kedro (the project's hooks set it), or "
                "set `dataset.run_id` first"
            )
        return self.run_id

    def _exists(self) -> bool:
        return bool(self._committed())

    def _describe(self) -> dict[str, Any]:
        table = self._table.name if self._table else None
        return {"filepath": self._root, "table": table, "runs": self._runs, "read_only": self._read_only}


def spark_frame(spark: SparkSession, rows: pd.DataFrame, table: Table | None) -> DataFrame:
    """Return pandas rows as a Spark frame of a contract's types; None and NaN become null but in doubles and maps."""
    if table is None:
        return spark.createDataFrame(rows)
    table.require(rows.columns)
    if rows.empty:
        return spark.createDataFrame([], schema=table.ddl)
    try:
        return spark.createDataFrame(rows[table.names].astype(object), schema=table.ddl)
    except (TypeError, ValueError) as error:
        raise TableError(f"rows do not fit the contract of '{table.name}' ({table.ddl}): {error}") from error
