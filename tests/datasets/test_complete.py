"""A version that counts only once it is whole."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io.core import DatasetError, Version, VersionNotFoundError
from kedro_datasets.spark import SparkDatasetV2

from distributed_automl.datasets.bucketed import BucketedDataset
from distributed_automl.datasets.complete import CompleteDataset

pytestmark = pytest.mark.spark

FIRST, SECOND, THIRD = (f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2, 3))
MARKS = "mapreduce.fileoutputcommitter.marksuccessfuljobs"

Make = Callable[..., CompleteDataset]


def complete(root: str, load: str | None = None, save: str | None = None, **options: Any) -> CompleteDataset:
    return CompleteDataset(filepath=f"{root}/table", version=Version(load, save), **options)


def bucketed(root: str, load: str | None = None, save: str | None = None, **options: Any) -> CompleteDataset:
    return BucketedDataset(filepath=f"{root}/table", version=Version(load, save), by=["k"], n_buckets=2, **options)


@pytest.fixture(params=[complete, bucketed])
def make(request: pytest.FixtureRequest, spark: Any) -> Any:
    return request.param


def rows(y: float) -> pd.DataFrame:
    return pd.DataFrame({"k": ["a", "b"], "y": y})


def begin(root: Path, version: str) -> Path:
    """Leave what a writer leaves that is at work, or was killed: a folder without a sign of success."""
    folder = root / "table" / version / "table"
    (folder / "_temporary" / "0").mkdir(parents=True)
    return folder


def values(table: CompleteDataset) -> set[float]:
    return set(table.load().toPandas()["y"])


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_when_a_later_run_is_writing_or_was_killed_then_the_latest_version_is_the_whole_one(
    tmp_path: Path, make: Make, scheme: str
) -> None:
    root = f"{scheme}{tmp_path}"
    make(root, save=FIRST).save(rows(1.0))
    half = begin(tmp_path, SECOND)
    shutil.copytree(tmp_path / "table" / FIRST / "table", half, dirs_exist_ok=True)
    (half / "_SUCCESS").unlink()
    table = make(root)
    assert (table.resolve_load_version(), values(table), table.exists()) == (FIRST, {1.0}, True)


def test_when_a_later_run_saves_meanwhile_then_a_run_loads_what_it_saved_itself(tmp_path: Path, make: Make) -> None:
    mine, other = make(str(tmp_path), save=FIRST), make(str(tmp_path), save=SECOND)
    begin(tmp_path, THIRD)
    mine.save(rows(1.0))
    other.save(rows(2.0))
    for _ in range(2):
        assert (mine.resolve_load_version(), values(mine)) == (FIRST, {1.0})
        mine.release()  # as a runner does, which forgets what was cached
    assert values(make(str(tmp_path))) == {2.0}


def test_when_a_version_is_pinned_then_it_is_loaded_whatever_was_saved(tmp_path: Path, make: Make) -> None:
    make(str(tmp_path), save=FIRST).save(rows(1.0))
    table = make(str(tmp_path), load=FIRST, save=SECOND)
    with pytest.warns(UserWarning, match="did not match load version"):
        table.save(rows(2.0))
    assert values(table) == {1.0}


def test_when_an_incomplete_version_is_all_there_is_or_is_pinned_then_the_error_says_so(
    tmp_path: Path, make: Make
) -> None:
    begin(tmp_path, FIRST)
    with pytest.raises(VersionNotFoundError, match=f"found no _SUCCESS in '.*{FIRST}/table': a run is writing it"):
        make(str(tmp_path)).load()
    with pytest.raises(DatasetError, match=f"found no _SUCCESS in '.*{FIRST}/table': a run is writing it"):
        make(str(tmp_path), load=FIRST).load()
    assert not make(str(tmp_path)).exists()
    assert not make(str(tmp_path), load=FIRST).exists()


def test_when_a_version_is_being_written_then_clean_ups_can_tell(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, seen, save = make(str(tmp_path), save=FIRST), [], SparkDatasetV2._save

    def look(self: SparkDatasetV2, data: Any) -> None:
        seen.extend(table.store.writers())
        save(self, data)

    monkeypatch.setattr(SparkDatasetV2, "_save", look)
    table.save(rows(1.0))
    assert [one.folder for one in seen] == [f"{FIRST}/table"]
    assert list(table.store.writers()) == []


def test_when_a_version_is_pinned_then_it_is_known_since_when_it_was_the_latest(tmp_path: Path, make: Make) -> None:
    assert make(str(tmp_path), load=FIRST).pinned_since == datetime(2026, 1, 1, tzinfo=UTC)
    assert make(str(tmp_path), load="mine").pinned_since is None
    assert make(str(tmp_path), save=FIRST).pinned_since is None


def test_when_spark_writes_no_sign_of_success_then_the_table_does(tmp_path: Path, make: Make) -> None:
    make(str(tmp_path), save=FIRST, save_args={MARKS: "false"}).save(rows(1.0))
    assert values(make(str(tmp_path))) == {1.0}


def test_when_it_has_no_versions_then_it_is_what_its_parent_is(spark: Any, tmp_path: Path) -> None:
    table = CompleteDataset(filepath=str(tmp_path / "table"), save_args={MARKS: "false", "mode": "overwrite"})
    assert not table.exists()
    table.save(rows(1.0))
    assert values(table) == {1.0}
    assert table.exists()
    assert not (tmp_path / "table" / "_SUCCESS").exists()
    assert table._init_config()["filepath"] == str(tmp_path / "table")  # what `kedro catalog` makes of an entry
