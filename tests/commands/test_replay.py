"""`kedro fleet replay`: the table as the run read it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro_datasets.json import JSONDataset

from distributed_automl.commands.replay import load_at, load_at_or_latest, reading
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.errors import RunError

FIRST, SECOND = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"
GONE = "2025-01-01T00.00.00.000Z"


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    for version in (FIRST, SECOND):
        JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, version)).save({"saved": version})
    kept = JSONDataset(filepath=str(tmp_path / "t.json"), version=Version(None, None))
    return DataCatalog({"kept": kept, "plain": MemoryDataset(7)})


def test_when_a_version_was_read_then_it_is_read_again(catalog: DataCatalog) -> None:
    assert load_at(catalog, "kept", FIRST) == {"saved": FIRST}
    assert load_at_or_latest(catalog, "kept", FIRST) == ({"saved": FIRST}, True)
    assert load_at_or_latest(catalog, "plain", None) == (7, False)


def test_when_the_version_is_gone_then_a_fit_takes_the_latest_one_and_says_so(
    catalog: DataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_at_or_latest(catalog, "kept", GONE) == ({"saved": SECOND}, False)
    (told,) = caplog.messages
    assert told.startswith(f"version {GONE} of kept, which the run read, is gone (`kedro fleet clean` keeps")
    assert f"the rows are taken from version {SECOND}, the latest" in told


def test_when_the_version_is_gone_then_a_prediction_is_refused_for_what_was_asked_is_not_known(
    catalog: DataCatalog,
) -> None:
    with pytest.raises(
        RunError, match=rf"version {GONE} of kept, which the run read, is gone .*\['{SECOND}', '{FIRST}"
    ):
        load_at(catalog, "kept", GONE)


def test_when_all_versions_are_gone_then_one_message_says_so(catalog: DataCatalog, tmp_path: Path) -> None:
    catalog["none"] = JSONDataset(filepath=str(tmp_path / "none.json"), version=Version(None, None))
    with pytest.raises(
        RunError, match=f"version {GONE} of none, which the run read, is gone .*, and there is no other"
    ):
        load_at_or_latest(catalog, "none", GONE)


@pytest.mark.parametrize(("version", "began"), [(FIRST, datetime(2026, 1, 1, tzinfo=UTC)), (None, None)])
def test_when_an_old_version_is_replayed_then_it_says_so_to_clean_ups_until_it_ends(
    tmp_path: Path, version: str | None, began: datetime | None
) -> None:
    fits = LedgerDataset(filepath=str(tmp_path / "fits"), table="fits", read_only=True)
    with reading(DataCatalog({"fits_before": fits}), version):
        (told,) = fits.store.writers()
        assert told.folder.startswith("runs/replay-")
        assert told.began == (began or told.began)
    assert list(fits.store.writers()) == []
