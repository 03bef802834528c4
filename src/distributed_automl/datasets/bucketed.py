"""A table in parts of whole scenarios: whoever wants some of them opens the files of their parts only."""

from glob import escape
from typing import Any

import pandas as pd
from kedro.io.core import DatasetError, Version
from kedro_datasets._utils.spark_utils import get_spark_with_remote_support  # the very session of SparkDatasetV2
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.datasets.complete import CompleteDataset
from distributed_automl.errors import TableError
from distributed_automl.tables import PART_COL


class BucketedDataset(CompleteDataset):
    """A parquet table in folders ``scenario_bucket=<n>``, each of which holds all rows of the scenarios in it.

    A frame that is loaded has the column `scenario_bucket` (int) besides those that were saved. The fleet fills its
    waves with whole buckets, and takes the column for nothing else; a filter on it reads no other folder.

    Example:
        ```yaml
        master_df:
          type: distributed_automl.datasets.bucketed.BucketedDataset
          filepath: ${globals:data_root}/03_primary/demand/master_df
          by: [store_id]
          versioned: true
        ```
    """

    def __init__(
        self,
        *,
        filepath: str,
        by: list[str],
        n_buckets: int = 32,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe a table; nothing is touched before the first load or save.

        Args:
            filepath: a path, or a URI that both Spark and fsspec understand.
            by: the scenario keys, or some of them.
            n_buckets: several for each wave, and not so many that files get small; Spark lists up to 32 by itself.
            load_args: options of Spark's parquet reader.
            save_args: options of Spark's parquet writer, and `mode`.
            version: given by Kedro where the entry is versioned.
            credentials: of the fsspec file system.
            metadata: ignored here, for Kedro-Viz.
        """
        if not by or n_buckets < 1:
            raise DatasetError(f"expected columns to bucket `by` and `n_buckets` >= 1, found {by} and {n_buckets}")
        super().__init__(
            filepath=filepath,
            file_format="parquet",
            load_args=load_args,
            save_args={**(save_args or {}), "partitionBy": [PART_COL]},
            version=version,
            credentials=credentials,
            metadata=metadata,
        )
        self._by = by
        self._n_buckets = n_buckets

    def _save(self, data: DataFrame | pd.DataFrame) -> None:
        """Write each bucket by one task, its scenarios one after another.

        Raises:
            TableError: there are no rows.
        """
        frame = get_spark_with_remote_support().createDataFrame(data) if isinstance(data, pd.DataFrame) else data
        missing = [name for name in self._by if name not in frame.columns]
        if missing:
            raise DatasetError(f"expected the columns {self._by} to bucket by, {missing} are not among {frame.columns}")
        keys = [F.col("`" + name.replace("`", "``") + "`") for name in self._by]
        bucket = F.pmod(F.xxhash64(*keys), F.lit(self._n_buckets)).cast("int")
        parts = frame.withColumn(PART_COL, bucket).repartition(PART_COL)
        super()._save(parts.sortWithinPartitions(PART_COL, *keys))
        if not self._glob_function(f"{escape(str(self._written_path()))}/{PART_COL}=*"):
            self._withdraw()  # nobody could load it: it has no file to tell the columns
            raise TableError(f"{self._filepath.name} has no rows: check the engineering's inputs and its origin")

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "by": self._by, "n_buckets": self._n_buckets}
