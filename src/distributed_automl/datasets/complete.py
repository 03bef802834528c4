"""A table whose versions count once they are written to the end: whoever looks for the latest sees no half of one."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
from kedro.io.core import CatalogProtocol, DatasetError, Version, VersionNotFoundError
from kedro_datasets._utils.spark_utils import get_spark_filesystem  # the very file system of SparkDatasetV2
from kedro_datasets.spark import SparkDatasetV2
from pyspark.sql import DataFrame

from distributed_automl.datasets.folders import SUCCESS, Folders
from distributed_automl.datasets.version import time_of


class CompleteDataset(SparkDatasetV2):  # type: ignore[misc]
    """A Spark table of which a version counts if and only if it has a `_SUCCESS`; without versions, as its parent.

    Whoever saved a version loads that one, whatever others save meanwhile, unless a load version is pinned. Versions
    are folders ``<filepath>/<version>/<name>``, with the notes beside them that a ledger's have: see `folders`.

    Example:
        ```yaml
        master_df_predict:
          type: distributed_automl.datasets.complete.CompleteDataset
          filepath: ${globals:data_root}/03_primary/demand/master_df_predict
          file_format: parquet
          versioned: true
        ```
    """

    _own_version: str | None = None

    def __init__(
        self,
        *,
        filepath: str,
        file_format: str = "parquet",
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Describe a table; the arguments are the parent's, all named because Kedro writes a catalog from them.

        Attributes:
            store: the versions.
        """
        super().__init__(
            filepath=filepath,
            file_format=file_format,
            load_args=load_args,
            save_args=save_args,
            version=version,
            credentials=credentials,
            metadata=metadata,
        )
        self.store = Folders(filepath, credentials)

    @property
    def is_versioned(self) -> bool:
        """Whether the table keeps versions."""
        return bool(self._version)

    @property
    def pinned_since(self) -> datetime | None:
        """When the version that is pinned was the latest; None if none is, or none that is named by a time."""
        return time_of(self._version.load) if self._version and self._version.load else None

    def resolve_load_version(self) -> str | None:
        """Return the version that is loaded: the pinned one, else the one saved here, else the latest complete one."""
        if self._version and not self._version.load and self._own_version:
            return self._own_version
        return super().resolve_load_version()  # type: ignore[no-any-return]

    def _get_versions(self) -> list[str]:
        self._files().invalidate_cache()
        found = super()._get_versions()
        complete = [path for path in found if self._is_complete(path)]
        if found and not complete:
            raise VersionNotFoundError(self._incomplete(found[0]))
        return complete

    def _load(self) -> DataFrame:
        if self._version and not self._is_complete(path := str(self._get_load_path())):
            raise DatasetError(self._incomplete(path))
        return super()._load()  # type: ignore[no-any-return]

    def _save(self, data: DataFrame | pd.DataFrame) -> None:
        if not self._version:
            super()._save(data)
            return
        with self.store.writing(self._written_folder(), datetime.now(UTC)):
            super()._save(data)
            self.store.commit(self._written_folder())
        self._own_version = self.resolve_save_version()

    def _withdraw(self) -> None:
        """Let the version that was just saved count no more."""
        if self._version:
            self.store.withdraw(self._written_folder())
            self._own_version = None

    def _written_folder(self) -> str:
        return f"{self.resolve_save_version()}/{self._filepath.name}"

    def _exists(self) -> bool:
        return self._is_complete(str(self._get_load_path())) if self._version else super()._exists()

    def _written_path(self) -> PurePosixPath:
        path = self._get_versioned_path(self.resolve_save_version()) if self._version else self._filepath
        return PurePosixPath(path)

    def _is_complete(self, path: str) -> bool:
        self._files().invalidate_cache()  # Spark writes past it
        return bool(self._exists_function(f"{path}/{SUCCESS}"))

    def _incomplete(self, path: str) -> str:
        return (
            f"expected a version that was written to the end, found no {SUCCESS} in '{path}': a run is writing it, or "
            "was killed meanwhile, or a clean-up takes it away, or it never was. Load another version, or run the "
            f"pipeline that saves it. (If its files are whole nevertheless, put an empty file {SUCCESS} there.)"
        )

    def _files(self) -> Any:
        return get_spark_filesystem(self._protocol, self._credentials)


def tables_in(catalog: CatalogProtocol[Any, Any]) -> dict[str, CompleteDataset]:
    """Return the tables of a catalog that keep versions, by their names."""
    found = {name: one for name in list(catalog.keys()) if isinstance(one := catalog.get(name), CompleteDataset)}
    return {name: one for name, one in found.items() if one.is_versioned}
