"""Which folders count, and for whom, while others are written, replaced and removed."""

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]
from kedro.io.core import DatasetError

from distributed_automl.datasets import folders as folders_module
from distributed_automl.datasets.folders import LEAD, Folders, complaint_of
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.errors import RunError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Folders:
    return Folders(str(tmp_path / "fits"))


def put(store: Folders, *names: str, is_committed: bool = True) -> None:
    for name in names:
        folder = Path(store.root, name)
        folder.mkdir(parents=True)
        (folder / "part-0.parquet").write_bytes(b"12345")
        if is_committed:
            store.commit(name)


def replace(store: Folders, name: str, *sources: str, since: datetime | None) -> None:
    store.announce(name, sources, since)
    put(store, name)


def test_when_nothing_is_there_then_nothing_counts(store: Folders) -> None:
    assert store.look().visible(NOW) == []
    assert store.aborted(NOW) == []
    assert store.forgotten(NOW) == []


def test_when_a_folder_has_the_sign_then_it_counts_and_else_it_was_given_up(store: Folders) -> None:
    put(store, "r1/0000-a", "r2/0000-b")
    put(store, "r2/0001-c", is_committed=False)
    assert store.look().visible(NOW) == ["r1/0000-a", "r2/0000-b"]
    assert store.aborted(NOW) == ["r2/0001-c"]


def test_when_a_folder_replaces_others_then_a_run_sees_either_and_never_both(store: Folders) -> None:
    put(store, "r1/a", "r2/b", "r3/c")
    replace(store, "r4/n", "r1/a", "r2/b", since=NOW)
    assert store.look().visible(NOW - HOUR) == ["r1/a", "r2/b", "r3/c"]
    assert store.look().visible(NOW) == ["r3/c", "r4/n"]


def test_when_who_replaces_died_before_he_said_since_when_then_it_never_counts(store: Folders) -> None:
    put(store, "r1/a")
    replace(store, "r4/n", "r1/a", since=None)
    assert store.look().visible(NOW + 100 * HOUR) == ["r1/a"]
    Path(store.root, "r4/_n.replaces").write_text('{"sources": ["r1')  # killed while writing
    assert store.look().visible(NOW + 100 * HOUR) == ["r1/a"]


def test_when_two_replace_the_same_then_the_first_counts_for_everybody(store: Folders) -> None:
    put(store, "r1/a", "r2/b", "r3/c")
    replace(store, "r5/second", "r1/a", "r2/b", "r3/c", since=NOW + HOUR)
    replace(store, "r6/first", "r1/a", "r2/b", since=NOW)
    assert store.look().visible(NOW - HOUR) == ["r1/a", "r2/b", "r3/c"]
    assert store.look().visible(NOW + 2 * HOUR) == ["r3/c", "r6/first"]


def test_when_the_sources_are_being_removed_then_an_old_run_sees_the_new_folder(store: Folders) -> None:
    put(store, "r1/a", "r2/b")
    replace(store, "r4/n", "r1/a", "r2/b", since=NOW)
    store.delete("r1/a")
    assert store.look().visible(NOW - HOUR) == ["r4/n"]
    assert not Path(store.root, "r1/a").exists()


def test_when_a_replacement_is_replaced_then_each_run_sees_one_generation(store: Folders) -> None:
    put(store, "r1/a", "r3/c")
    replace(store, "r4/n", "r1/a", since=NOW)
    replace(store, "r5/m", "r4/n", "r3/c", since=NOW + HOUR)
    assert store.look().visible(NOW - HOUR) == ["r1/a", "r3/c"]
    assert store.look().visible(NOW) == ["r3/c", "r4/n"]
    assert store.look().visible(NOW + HOUR) == ["r5/m"]
    store.delete("r1/a")
    store.delete("r4/n")
    assert store.look().visible(NOW + HOUR) == ["r5/m"]


def test_when_a_removal_is_killed_then_the_rest_is_given_up(store: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "r1/a")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    removed = Folders._remove
    monkeypatch.setattr(Folders, "_remove", lambda self, path: (removed(self, path), killed()))
    with pytest.raises(KeyboardInterrupt):
        store.delete("r1/a")
    monkeypatch.undo()
    assert store.look().visible(NOW) == []
    assert store.aborted(NOW) == ["r1/a"]


def test_when_somebody_writes_then_his_folder_is_not_given_up(store: Folders, tmp_path: Path) -> None:
    with store.writing("r1/a", NOW):
        put(store, "r1/a", is_committed=False)
        (writer,) = store.writers()
        assert (writer.folder, writer.began) == ("r1/a", NOW)
        assert store.aborted(writer.beat - HOUR) == []
        assert store.aborted(writer.beat + HOUR) == ["r1/a"]  # silent for longer than is tolerated: he died
        assert store.forgotten(writer.beat + HOUR) == ["r1/_a.alive"]
    assert list(store.writers()) == []
    assert store.aborted(NOW - HOUR) == ["r1/a"]


def test_when_he_goes_on_writing_then_he_says_so_again(store: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "BEAT_SECONDS", 0.02)
    with store.writing("r1/a", NOW):
        (first,) = store.writers()
        deadline = time.monotonic() + 30
        while next(iter(store.writers())).beat <= first.beat and time.monotonic() < deadline:
            time.sleep(0.01)
        assert next(iter(store.writers())).beat > first.beat


def test_when_a_beat_fails_then_one_warning_says_so_and_it_goes_on(
    store: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folders_module, "BEAT_SECONDS", 0.02)
    written, calls, later = Folders._write, [], threading.Event()

    def moody(self: Folders, note: str, told: dict[str, str]) -> None:
        calls.append(note)
        if len(calls) in (2, 3):  # the first one is not a beat
            raise ValueError("an error of the store's own")
        written(self, note, told)
        if len(calls) > 3:
            later.set()

    monkeypatch.setattr(Folders, "_write", moody)
    with store.writing("r1/a", NOW):
        assert later.wait(30)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "an error of the store's own" in caplog.text


def closed(path: str) -> Callable[..., object]:
    """Return LocalFileSystem.ls, but for one folder that this user may not list; root may list any."""
    listed = LocalFileSystem.ls

    def ls(self: LocalFileSystem, asked: str, **options: object) -> object:
        if asked == path:
            raise PermissionError(13, "Permission denied", path)
        return listed(self, asked, **options)

    return ls


@pytest.mark.parametrize("folder", ["", "/r1", "/r1/a"])
@pytest.mark.parametrize("look", [Folders.look, lambda store: store.aborted(NOW)])
def test_when_a_folder_cannot_be_listed_then_that_is_an_error_and_not_an_empty_ledger(
    store: Folders, monkeypatch: pytest.MonkeyPatch, folder: str, look: Callable[[Folders], object]
) -> None:
    put(store, "r1/a")
    monkeypatch.setattr(LocalFileSystem, "ls", closed(store.root + folder))
    with pytest.raises(RunError, match=rf"could not look at '{store.root}{folder}': .*Permission denied"):
        look(store)


def test_when_a_note_cannot_be_read_then_that_is_an_error(store: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "r1/a")
    replace(store, "r4/n", "r1/a", since=NOW)

    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LocalFileSystem, "cat_file", refuse)
    with pytest.raises(RunError, match=r"could not look at '.*/r4/_n.replaces'"):
        store.look()


def test_when_the_root_is_below_a_file_then_that_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Not a directory"):
        Folders(str(tmp_path / "file" / "fits")).look()


@pytest.mark.parametrize("name", ["a[1]", "q?", "st*r", "{x}", "p%20q", "ümläut ß"])
def test_when_a_root_has_characters_of_patterns_then_they_mean_themselves(tmp_path: Path, name: str) -> None:
    store = Folders(str(tmp_path / name / "fits"))
    put(store, "r1/a")
    put(store, "r2/b", is_committed=False)
    with store.writing("r3/c", NOW):
        assert store.look().visible(NOW) == ["r1/a"]
        assert store.aborted(NOW) == ["r2/b"]
        assert [writer.folder for writer in store.writers()] == ["r3/c"]


def test_when_a_file_lies_among_the_runs_then_it_is_left_alone(store: Folders) -> None:
    put(store, "r1/a", is_committed=False)
    Path(store.root, "notes.txt").touch()
    Path(store.root, "r1", "notes.txt").touch()
    assert store.look().visible(NOW) == []
    assert store.aborted(NOW) == ["r1/a"]


def test_when_a_note_is_half_written_then_its_author_lives(store: Folders) -> None:
    put(store, "r1/a", is_committed=False)
    Path(store.root, "r1/_a.alive").write_text('{"began": ')
    assert store.aborted(datetime.now(UTC) - HOUR) == []
    (writer,) = store.writers()
    assert writer.began < NOW - 10_000 * HOUR  # nobody knows: nothing goes that he could read


def test_when_a_note_was_left_half_written_long_ago_then_its_author_is_dead(store: Folders) -> None:
    put(store, "r1/a", is_committed=False)
    note = Path(store.root, "r1/_a.alive")
    note.touch()
    os.utime(note, (NOW.timestamp(), NOW.timestamp()))
    assert store.aborted(NOW - HOUR) == []
    assert store.aborted(NOW + HOUR) == ["r1/a"]
    assert store.forgotten(NOW + HOUR) == ["r1/_a.alive"]


def test_when_a_run_is_under_way_then_it_is_told_and_counts_as_no_folder(store: Folders) -> None:
    with store.running("r1", NOW):
        (run,) = store.writers()
        assert (run.folder, run.began) == ("runs/r1", NOW)
        assert store.look().visible(datetime.now(UTC)) == []
        assert store.aborted(datetime.now(UTC) + HOUR) == []
    assert list(store.writers()) == []


def test_when_a_replacement_is_gone_then_its_note_is_forgotten_after_a_while(store: Folders) -> None:
    store.announce("r4/n", ["r1/a"], NOW)
    assert store.forgotten(NOW - HOUR) == []
    assert store.forgotten(NOW + HOUR) == ["r4/_n.replaces"]
    store.forget("r4/_n.replaces")
    assert not list(Path(store.root, "r4").iterdir())


def test_when_a_replacement_is_not_there_yet_then_its_note_is_kept_as_long_as_its_author_lives(store: Folders) -> None:
    with store.writing("r4/n", NOW):
        store.announce("r4/n", ["r1/a"], None)
        assert store.forgotten(datetime.now(UTC) - HOUR) == []
    assert store.forgotten(datetime.now(UTC) - HOUR) == ["r4/_n.replaces"]


def test_when_a_folder_is_removed_twice_then_the_second_time_does_nothing(store: Folders) -> None:
    put(store, "r1/a")
    store.delete("r1/a")
    store.delete("r1/a")
    assert store.sizes("r1/a") == []


def test_when_a_moment_is_announced_then_it_is_written_in_full(store: Folders) -> None:
    store.announce("r4/n", ["r2/b", "r1/a"], NOW + LEAD)
    told = json.loads(Path(store.root, "r4/_n.replaces").read_text())
    assert told == {"sources": ["r1/a", "r2/b"], "since": "2026-01-01T12:10:00+00:00"}


@pytest.mark.parametrize(
    "said",
    [
        "java.io.IOException: No space left on device",
        "java.io.FileNotFoundException: /store/part-0 (Read-only file system)",
        "[Errno 13] Permission denied: '/store'",
        "org.apache.hadoop.security.AccessControlException: user=x, access=WRITE",
    ],
)
def test_when_a_store_complains_then_the_line_is_found_among_the_causes(said: str) -> None:
    error = ValueError("Job aborted")
    error.__cause__ = ValueError(f"Task failed\n\tat Writer.write\nCaused by: {said}\n\tat Disk.write")
    assert complaint_of(error) == said
    assert complaint_of(ValueError("Job aborted: a key twice")) is None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("scenario 'Forbidden Planet': too few rows"),
        ValueError(
            "org.apache.spark.SparkException: Job aborted\nCaused by: org.apache.spark.api.python.PythonException: "
            "ValueError: 'Forbidden Planet'\ndistributed_automl.errors.RunError: 'Forbidden Planet'"
        ),
    ],
)
def test_when_a_worker_only_names_what_sounds_like_a_closed_store_then_it_is_no_complaint(error: Exception) -> None:
    assert complaint_of(error) is None


def test_when_a_file_system_is_closed_then_its_own_error_is_a_complaint() -> None:
    assert complaint_of(PermissionError("Forbidden")) == "Forbidden"


def test_when_a_store_refuses_a_save_then_the_error_says_what_stays_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    ledger = LedgerDataset(filepath=str(tmp_path / "fits"))
    ledger.run_id = "r1"
    monkeypatch.setattr(LedgerDataset, "_write", full)
    with pytest.raises(DatasetError) as raised:
        ledger.save(pd.DataFrame())
    cause = raised.value.__cause__
    assert isinstance(cause, RunError)
    assert f"could not save '{tmp_path}/fits/r1/0000-" in str(cause)
    assert "': [Errno 28] No space left on device. What was saved before is whole and readable." in str(cause)
    assert list(ledger.store.writers()) == []  # it is over: the next clean-up may take what is there


def test_when_something_else_goes_wrong_in_a_save_then_it_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> None:
        raise RunError("a worker's code differs from the driver's")

    ledger = LedgerDataset(filepath=str(tmp_path / "fits"))
    ledger.run_id = "r1"
    monkeypatch.setattr(LedgerDataset, "_write", wrong)
    with pytest.raises(DatasetError, match="a worker's code differs"):
        ledger.save(pd.DataFrame())
