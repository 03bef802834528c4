"""`kedro fleet replay`: the table as the run read it."""

from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro_datasets.json import JSONDataset

from distributed_automl.commands.replay import load_at

FIRST, SECOND = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    for version in (FIRST, SECOND):
        JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, version)).save({"saved": version})
    kept = JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, None))
    return DataCatalog({"kept": kept, "plain": MemoryDataset(7)})


def test_when_a_version_was_read_then_it_is_read_again(catalog: DataCatalog) -> None:
    assert load_at(catalog, "kept", FIRST) == ({"saved": FIRST}, True)
    assert load_at(catalog, "plain", None) == (7, False)


def test_when_the_version_is_gone_then_the_table_of_today_is_taken_with_a_warning(
    catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_at(catalog, "kept", "2025-01-01T00.00.00.000Z") == ({"saved": SECOND}, False)
    assert "version 2025-01-01T00.00.00.000Z of kept is gone" in caplog.text
    assert FIRST in caplog.text
