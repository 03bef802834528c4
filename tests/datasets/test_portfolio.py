from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError, Version

from distributed_automl.datasets.portfolio import PortfolioDataset


@pytest.fixture
def open_entry(tmp_path: Path) -> Any:
    def open_(load: str | None = None, save: str | None = None) -> PortfolioDataset:
        return PortfolioDataset(filepath=str(tmp_path / "portfolio.json"), version=Version(load, save))

    return open_


def test_when_there_is_none_then_it_is_empty(open_entry: Any) -> None:
    assert open_entry().load() == {}


def test_when_there_are_several_then_the_latest_counts_or_the_one_asked_for(open_entry: Any) -> None:
    for name in ("2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"):
        open_entry(save=name).save({"made": name})
    assert open_entry().load() == {"made": "2026-01-02T00.00.00.000Z"}
    assert open_entry(load="2026-01-01T00.00.00.000Z").load() == {"made": "2026-01-01T00.00.00.000Z"}


def test_when_one_is_made_during_a_run_then_the_run_stays_with_what_it_found(open_entry: Any) -> None:
    ours = open_entry()
    assert ours.load() == {}
    open_entry(save="2026-01-01T00.00.00.000Z").save({"made": "meanwhile"})
    ours.release()
    assert ours.load() == {}


def test_when_the_version_asked_for_is_not_there_then_nothing_takes_its_place(open_entry: Any) -> None:
    with pytest.raises(DatasetError):
        open_entry(load="2026-01-01T00.00.00.000Z").load()
