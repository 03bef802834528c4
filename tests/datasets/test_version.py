"""The version of a table as an input of a node."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset, Version
from kedro_datasets.json import JSONDataset

from distributed_automl.datasets.version import VersionDataset, time_of
from distributed_automl.hooks import RunIdHook


def test_when_a_table_is_versioned_then_the_version_that_is_loaded_is_told(tmp_path: Path) -> None:
    for version in ("2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"):
        JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, version)).save({})
    latest = JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, None))
    first = JSONDataset(filepath=str(tmp_path / "t.json"), version=Version("2026-01-01T00.00.00.000Z", None))
    catalog = DataCatalog(
        {
            "latest": latest,
            "first": first,
            "plain": MemoryDataset(1),
            **{f"version_of_{name}": VersionDataset(of=name) for name in ("latest", "first", "plain")},
        }
    )
    RunIdHook().after_catalog_created(catalog, {})
    found = [catalog.load(f"version_of_{name}") for name in ("latest", "first", "plain")]
    assert found == ["2026-01-02T00.00.00.000Z", "2026-01-01T00.00.00.000Z", None]


def test_when_no_hook_tied_it_to_the_table_or_it_is_saved_then_it_says_so() -> None:
    with pytest.raises(DatasetError, match="the version of 't' is known in runs through Kedro only"):
        VersionDataset(of="t").load()
    with pytest.raises(DatasetError, match="the version of 't' cannot be saved"):
        VersionDataset(of="t").save("1")  # type: ignore[arg-type]


def test_when_a_version_is_named_as_kedro_names_it_then_its_time_is_known() -> None:
    assert time_of("2026-01-02T03.04.05.678Z") == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert time_of("mine") is None
