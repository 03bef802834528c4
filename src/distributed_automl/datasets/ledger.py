"""A table that only grows: every save is a new folder, which exists if and only if its `_SUCCESS` does."""

import logging
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import pandas as pd
from kedro.io.core import AbstractDataset, CatalogProtocol, DatasetError
from kedro_datasets._utils.spark_utils import get_spark_with_remote_support  # the very session of SparkDatasetV2
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.datasets.folders import LEAD, Folders, complaint_of
from distributed_automl.datasets.unfinished import Unfinished
from distributed_automl.errors import RunError, TableError
from distributed_automl.narrow import typed
from distributed_automl.tables import CHAMPIONS, FITS, PILOTS, PLAN, RUNS, TRAINING_RESULTS, Table

logger = logging.getLogger(__name__)

Frame: TypeAlias = "DataFrame | pd.DataFrame"
Watch: TypeAlias = Callable[[Callable[[], tuple[int, int]]], AbstractContextManager[Any]]

TABLES = {table.name: table for table in (FITS, PILOTS, PLAN, RUNS, TRAINING_RESULTS, CHAMPIONS)}


class LedgerDataset(AbstractDataset[Frame, Frame]):
    """A parquet ledger over one root folder: ``<root>/<run_id>/<n>-<uuid>/``.

    A save never touches what is there, so that two runs at once and a killed one do no harm; a folder without
    `_SUCCESS` is as good as absent. Cleaning up puts a folder in the place of others, for runs that begin later: see
    `folders`. Two catalog entries may share a root: one that a pipeline writes, and a read-only
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

        Attributes:
            run_id: of the run that saves.
            as_of: when the run began; it sees no clean-up that took effect later.
            store: the folders.
            watch: is told, while a save lasts, how to count the rows that it has written so far, and the failed ones.
        """
        if table is not None and table not in TABLES:
            raise DatasetError(f"`table` must be one of {sorted(TABLES)} or null, found '{table}'")
        for name, value, allowed in (("runs", runs, ("all", "latest")), ("returns", returns, ("spark", "pandas"))):
            if value not in allowed:
                raise DatasetError(f"`{name}` must be one of {list(allowed)}, found '{value}'")
        self.run_id: str | None = None
        self.as_of = datetime.now(UTC)
        self.store = Folders(filepath, credentials)
        self.watch: Watch = nullcontext
        self.metadata = metadata
        self._root = filepath.rstrip("/")
        self._table: Table | None = TABLES[table] if table else None
        self._runs = runs
        self._returns = returns
        self._read_only = read_only
        self._save_args = save_args or {}
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
            RunError: the store is full or closed.
        """
        if self._read_only:
            raise DatasetError(f"the ledger '{self._root}' is read-only here; save through the entry that owns it")
        folder = self._new_folder()
        with (
            self._told(folder),
            self.store.writing(folder, self.as_of),
            self.watch(Unfinished(*self.store.located(folder)).count),
        ):
            self._write(folder, data, self._save_args)
        if self._runs == "latest":
            self._warn_of_later_runs()

    def _warn_of_later_runs(self) -> None:
        """Say so if what was saved is not what others load as the latest run's: ids go by the clocks of machines."""
        later = self.store.runs_after(self._own_run())
        if later:
            logger.warning(
                "%s was saved by the run %s, but whoever loads its latest run gets that of %s: it began meanwhile, or "
                "a clock was wrong, then or now. Runs are ordered by the times in their ids",
                self._root, self._own_run(), max(later),
            )  # fmt: skip

    def replace(self, sources: Sequence[str], data: DataFrame, **save_args: str) -> bool:
        """Write rows into a new folder that takes the place of others, for runs that begin later.

        Args:
            sources: folders, as `listed` gives them.
            data: what is worth keeping of their rows.
            save_args: options of Spark's parquet writer.

        Returns:
            Whether it will; not if somebody else has replaced one of them meanwhile.
        """
        folder = self._new_folder()
        with self._told(folder), self.store.writing(folder, self.as_of):
            self.store.announce(folder, sources, None)
            self._write(folder, data, save_args)
            others = [one for one in self.store.look().replacements if one.since is not None]
            if any(one.sources & set(sources) for one in others):
                return False
            self.store.announce(folder, sources, datetime.now(UTC) + LEAD)
        return True

    @contextmanager
    def _told(self, folder: str) -> Iterator[None]:
        """Say what it means when the store refuses a folder."""
        try:
            yield
        finally:
            error = sys.exception()
            complaint = complaint_of(error) if error else None
            if complaint is not None:
                raise RunError(
                    f"could not save '{self.store.uri(folder)}': {complaint}. What was saved before is whole and "
                    "readable. Make room, or let this user write there (or it is Spark's own disk that is full: "
                    "spark.local.dir), and start the same command again: it goes on from there"
                ) from error

    def _new_folder(self) -> str:
        folder = f"{self._own_run()}/{self._n_saved:04d}-{uuid.uuid4().hex[:12]}"
        self._n_saved += 1
        return folder

    def _write(self, folder: str, data: Frame, save_args: dict[str, Any]) -> None:
        spark = get_spark_with_remote_support()
        rows = spark_frame(spark, data, self._table) if isinstance(data, pd.DataFrame) else data
        if self._table is not None:
            self._table.require(rows.columns)
            rows = rows.select(*self._table.names)
        rows.write.options(**save_args).mode("error").parquet(self.store.uri(folder))
        self.store.commit(folder)

    def folders(self) -> list[str]:
        """Return the committed folders that `load` reads, oldest first, as Spark reads them."""
        return [self.store.uri(folder) for folder in self.listed()]

    def listed(self) -> list[str]:
        """Return the committed folders that `load` reads, oldest first: ``<run_id>/<name>``."""
        found = self.store.look().visible(self.as_of)
        if self._runs == "all" or not found:
            return found
        runs = [folder.split("/")[0] for folder in found]
        chosen = self.run_id if self._n_saved and self.run_id in runs else max(runs)
        return [folder for folder, run_id in zip(found, runs, strict=True) if run_id == chosen]

    @property
    def is_used(self) -> bool:
        """Whether rows were saved under the run's id, where one run's are loaded: two would be taken for one."""
        return self._runs == "latest" and self.run_id is not None and self.store.holds(self.run_id)

    def read(self, folders: Iterable[str]) -> DataFrame:
        """Load some folders, whether they count or not."""
        return self._read(get_spark_with_remote_support(), [self.store.uri(folder) for folder in folders])

    def _read(self, spark: SparkSession, folders: list[str]) -> DataFrame:
        if self._table is None:
            if not folders:
                raise DatasetError(f"the ledger '{self._root}' is empty: run the pipeline that saves it first")
            several = self._runs == "all"  # which may have been saved for another problem, with other columns
            return spark.read.option("mergeSchema", several).parquet(*folders)
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
        return bool(self.store.look().visible(self.as_of))

    def _describe(self) -> dict[str, Any]:
        table = self._table.name if self._table else None
        return {"filepath": self._root, "table": table, "runs": self._runs, "read_only": self._read_only}


def spark_frame(spark: SparkSession, rows: pd.DataFrame, table: Table | None) -> DataFrame:
    """Return pandas rows as a Spark frame of a contract's types; None and NaN become null but in doubles and maps."""
    if table is None:
        return spark.createDataFrame(rows)
    table.require(rows.columns)
    try:
        return typed(spark, rows, table.ddl)
    except (TypeError, ValueError) as error:
        raise TableError(f"rows do not fit the contract of '{table.name}' ({table.ddl}): {error}") from error


def ledgers_in(catalog: CatalogProtocol[Any, Any]) -> dict[str, LedgerDataset]:
    """Return the ledgers of a catalog by their names."""
    return {name: one for name in list(catalog.keys()) if isinstance(one := catalog.get(name), LedgerDataset)}
