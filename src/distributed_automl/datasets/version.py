"""Which version of a table a run reads, as an input of its nodes: so that the run can write it down."""

from datetime import UTC, datetime
from typing import Any, NoReturn

from kedro.io.core import VERSION_FORMAT, AbstractDataset, AbstractVersionedDataset, DatasetError


def time_of(version: str) -> datetime | None:
    """Return when the run that saved a version began, which is its name; None if it has another name."""
    try:
        return datetime.strptime(version, VERSION_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


class VersionDataset(AbstractDataset[NoReturn, str | None]):
    """The version that another entry of the catalog loads; nothing is stored for it.

    Example:
        ```yaml
        master_df_version:
          type: distributed_automl.datasets.version.VersionDataset
          of: master_df
        ```
    """

    def __init__(self, *, of: str, metadata: dict[str, Any] | None = None) -> None:
        """Name the entry; the project's hooks then set `source` to it.

        Args:
            of: the entry.
            metadata: ignored here, for Kedro-Viz.
        """
        self.of = of
        self.metadata = metadata
        self.source: AbstractDataset[Any, Any] | None = None

    def load(self) -> str | None:
        """Return the version, e.g. "2026-01-01T00.00.00.000Z"; None if the entry keeps no versions."""
        if self.source is None:
            raise DatasetError(f"the version of '{self.of}' is known in runs through Kedro only (the hooks set it)")
        return self.source.resolve_load_version() if isinstance(self.source, AbstractVersionedDataset) else None

    def save(self, data: NoReturn) -> NoReturn:
        """Refuse: the entry itself gets its version when it is saved."""
        raise DatasetError(f"the version of '{self.of}' cannot be saved; save '{self.of}'")

    def _describe(self) -> dict[str, Any]:
        return {"of": self.of}
