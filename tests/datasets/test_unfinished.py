"""What a job that still writes has finished: whole files count, once, wherever the committer keeps them."""

from pathlib import Path

import fsspec
import pandas as pd
import pytest

from distributed_automl.datasets.unfinished import Unfinished

TASK_0, TASK_1 = "part-00000-6f2c-c000.snappy.parquet", "part-00001-6f2c-c000.snappy.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "0000-abc"


@pytest.fixture
def unfinished(folder: Path) -> Unfinished:
    return Unfinished(fsspec.filesystem("file"), str(folder))


def write(path: Path, *statuses: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"scenario_id": [*map(str, range(len(statuses)))], "status": statuses}).to_parquet(path)


def test_when_nothing_is_written_yet_then_nothing_is_done(unfinished: Unfinished) -> None:
    assert unfinished.count() == (0, 0)


def test_when_tasks_end_then_their_rows_count_and_failed_ones_too(folder: Path, unfinished: Unfinished) -> None:
    write(folder / "_temporary/0/task_0" / TASK_0, "fitted", "failed", "skipped")
    assert unfinished.count() == (3, 1)
    write(folder / "_temporary/0/_temporary/attempt_1" / TASK_1, "failed", "fitted")
    assert unfinished.count() == (5, 2)


def test_when_predictions_are_written_then_their_scenarios_count_and_those_whose_models_failed(
    folder: Path, unfinished: Unfinished
) -> None:
    reasons = {
        "a": "champion: too little history: 3 known periods, one season is 7",
        "b": "no champion; pooled: not finite",
        "c": "no champion; no pooled",
        "d": None,
        "e": "no interval at 0.8: the model was fitted for other levels",
    }
    rows = [(name, reason) for name, reason in reasons.items() for _ in range(3)]
    (folder / "_temporary").mkdir(parents=True)
    pd.DataFrame(rows, columns=["scenario_id", "reason"]).to_parquet(folder / "_temporary" / TASK_0)
    assert unfinished.count() == (5, 2)


def test_when_a_table_is_of_no_scenarios_then_it_counts_nothing(folder: Path, unfinished: Unfinished) -> None:
    folder.mkdir()
    pd.DataFrame({"run_id": ["r1"]}).to_parquet(folder / TASK_0)
    assert unfinished.count() == (0, 0)


def test_when_a_task_is_repeated_or_its_file_moved_then_it_counts_once(folder: Path, unfinished: Unfinished) -> None:
    write(folder / "_temporary/0/_temporary/attempt_0" / TASK_0, "fitted")
    write(folder / "_temporary/0/_temporary/attempt_1" / TASK_0, "fitted")
    assert unfinished.count() == (1, 0)
    write(folder / TASK_0, "fitted")
    assert unfinished.count() == (1, 0)


def test_when_a_file_is_being_written_then_it_counts_when_it_is_whole(folder: Path, unfinished: Unfinished) -> None:
    path = folder / "_temporary/0/_temporary/attempt_0" / TASK_0
    write(path, "fitted", "fitted")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert unfinished.count() == (0, 0)
    path.write_bytes(whole)
    assert unfinished.count() == (2, 0)


def test_when_other_files_lie_there_then_they_are_left_alone(folder: Path, unfinished: Unfinished) -> None:
    write(folder / "_temporary/0/task_0" / TASK_0, "fitted")
    (folder / f".{TASK_0}.crc").write_bytes(b"crc")
    (folder / "_SUCCESS").touch()
    assert unfinished.count() == (1, 0)
