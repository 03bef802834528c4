"""The folders of a ledger: which of them count and for whom, which a live run is writing, and which nobody needs.

A folder ``<root>/<run_id>/<name>`` counts if it has a `_SUCCESS`. Beside it may lie

- ``<root>/<run_id>/_<name>.alive``: somebody is writing the folder; when his run began, and when he last said so.
- ``<root>/runs/_<run_id>.alive``: a run is under way, and may read whatever counted when it began. Who reads an old
  version of a table says that he began when it was the latest.
- ``<root>/<run_id>/_<name>.replaces``: the folder has the rows of others, which do not count any more from a moment on.

That moment is later than the folder's own end, so that a run sees either the one or the others from its beginning to
its end: whoever began before it goes on with the others, which stay as long as he lives.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
from kedro.io.core import get_protocol_and_path

from distributed_automl.errors import RunError, causes, tolerated

logger = logging.getLogger(__name__)

SUCCESS = "_SUCCESS"
ALIVE, REPLACES = ".alive", ".replaces"
BEAT_SECONDS = 60.0
"""How often a writer says that it lives."""
LEAD = timedelta(minutes=10)
"""How long after its end a folder takes the place of others: more than clocks differ, and a listing takes."""
_FSSPEC_PROTOCOLS = {"s3a": "s3", "s3n": "s3", "wasbs": "abfs", "wasb": "abfs", "abfss": "abfs"}
"""Hadoop's names of file systems that fsspec calls otherwise."""

RUNS = "runs"
"""Where the notes of runs under way lie, as if each wrote a folder of that name."""
_UNKNOWN = datetime.min.replace(tzinfo=UTC)

_COMPLAINT = re.compile(
    r"no space left on device|disk quota exceeded|file too large|read-only file system|permission denied"
    r"|mkdirs failed to create|access ?denied|accesscontrolexception|forbidden",
    re.IGNORECASE,
)
"""What stores say when they are full or closed, in Python, in Java and over HTTP."""
_SAID_BY_A_STORE = re.compile(
    r"\[Errno \d+\]|^(?!.*PythonException).*\b(?:java|javax|org|com|io|software|shaded)\.[\w.$]*(?:Exception|Error)\b"
)
"""An error of the operating system, or an exception of Java; what it only passes on of a worker's Python is neither."""


@dataclass(frozen=True)
class Replacement:
    """A folder that has the rows of others.

    Attributes:
        folder: ``<run_id>/<name>``.
        sources: the folders whose place it takes.
        since: when; None if it never will, because whoever wrote it ended before he could say so.
    """

    folder: str
    sources: frozenset[str]
    since: datetime | None


@dataclass(frozen=True)
class Writer:
    """Somebody who writes, or wrote, a folder.

    Attributes:
        folder: ``<run_id>/<name>``.
        began: when his run began to read.
        beat: when he last said that he lives.
    """

    folder: str
    began: datetime
    beat: datetime


@dataclass(frozen=True)
class Listing:
    """What counts under a root at one moment.

    Attributes:
        committed: the folders with a `_SUCCESS`.
        replacements: those of them that have the rows of others.
    """

    committed: frozenset[str]
    replacements: tuple[Replacement, ...]

    def visible(self, as_of: datetime) -> list[str]:
        """Return the folders that count for a run that began at a time, oldest run first."""
        accepted, _ = self.judged()
        shown = set(self.committed) - {one.folder for one in self.replacements if one not in accepted}
        for one in accepted:
            shown -= one.sources if self.is_in_effect(one, as_of) else {one.folder}
        return sorted(shown)

    def judged(self) -> tuple[list[Replacement], list[Replacement]]:
        """Return the replacements that count or will, earliest first, and those that never do.

        Of two that replace the same folder, because two cleaned up at once, the first counts.
        """
        claimed: set[str] = set()
        accepted, void = [], [one for one in self.replacements if one.since is None]
        dated = [(one.since, one.folder, one) for one in self.replacements if one.since is not None]
        for _, _, one in sorted(dated, key=lambda entry: entry[:2]):
            if claimed & one.sources:
                void.append(one)
            else:
                accepted.append(one)
            claimed |= one.sources if one in accepted else set()
        return accepted, void

    def is_in_effect(self, one: Replacement, as_of: datetime) -> bool:
        """Return whether a replacement counts for a run that began at a time: always, once a source is gone."""
        return one.since is not None and (one.since <= as_of or not one.sources <= self.committed)


class Folders:
    """The folders under one root, on any file system that fsspec knows."""

    def __init__(self, root: str, credentials: Mapping[str, Any] | None = None) -> None:
        """Touch nothing yet; `root` is a path or a URI."""
        self.root = root.rstrip("/")
        self._credentials = dict(credentials or {})

    def look(self) -> Listing:
        """Look at what counts. Notes come last, because a folder that replaces others says so before it counts."""
        self._forget_listings()
        committed = frozenset(folder for folder in self._present() if SUCCESS in self._inside(folder))
        replacements = tuple(self.replacements())
        return Listing(committed, tuple(one for one in replacements if one.folder in committed))

    def replacements(self) -> Iterator[Replacement]:
        """Yield what folders say that they replace, also those that are not, or no longer, there."""
        for note in self._notes(REPLACES):
            told = self._read(note)
            since = told.get("since")
            sources = frozenset(told.get("sources", []))
            yield Replacement(_folder_of(note), sources, datetime.fromisoformat(since) if since else None)

    def writers(self) -> Iterator[Writer]:
        """Yield who writes a folder or is under way, or died over it.

        A note that cannot be read is being written, or its author died over it: the file's own time says which. He may
        have begun at any time.
        """
        for note in self._notes(ALIVE):
            told = self._read(note)
            beat = datetime.fromisoformat(told["beat"]) if told else self._modified(note)
            yield Writer(_folder_of(note), datetime.fromisoformat(told["began"]) if told else _UNKNOWN, beat)

    def aborted(self, dead_since: datetime) -> list[str]:
        """Return the folders that do not count, and of whose writer nothing was heard since a time.

        The order matters: who is writing a folder says so before it is there, and goes on until it counts.
        """
        self._forget_listings()
        present = set(self._present())
        living = {writer.folder for writer in self.writers() if writer.beat > dead_since}
        return sorted(present - living - self.look().committed)

    def forgotten(self, dead_since: datetime) -> list[str]:
        """Return the notes of writers of whom nothing was heard since a time, and of replacements that are gone.

        The order matters: who replaces others says so before there is a folder, and lives until it counts.
        """
        old = [one for one in self.replacements() if one.since is None or one.since < dead_since]
        writers = list(self.writers())
        living = {writer.folder for writer in writers if writer.beat > dead_since}
        present = set(self._present())
        missing = [one.folder for one in old if one.folder not in living | present]
        silent = [writer.folder for writer in writers if writer.beat < dead_since]
        return [*(_note(folder, REPLACES) for folder in missing), *(_note(folder, ALIVE) for folder in silent)]

    def uri(self, folder: str) -> str:
        """Return a folder as Spark reads it."""
        return f"{self.root}/{folder}"

    def located(self, folder: str) -> tuple[Any, str]:
        """Return the file system, and a folder as it names it."""
        files, root = self._filesystem()
        return files, f"{root}/{folder}"

    def is_committed(self, folder: str) -> bool:
        """Return whether a folder counts."""
        files, root = self._filesystem()
        return bool(files.exists(f"{root}/{folder}/{SUCCESS}"))

    def holds(self, run_id: str) -> bool:
        """Return whether a run has a folder that counts."""
        self._forget_listings()
        inside = self._inside(run_id)
        return any(SUCCESS in self._inside(f"{run_id}/{name}") for name, is_folder in inside.items() if is_folder)

    def runs_after(self, run_id: str) -> list[str]:
        """Return the runs with later ids that have a folder that counts."""
        self._forget_listings()
        return [one for one in self._runs() if one > run_id and self.holds(one)]

    def committed_at(self, folder: str) -> datetime:
        """Return when a folder began to count; now if the file system does not say."""
        return self._modified(f"{folder}/{SUCCESS}")

    def withdraw(self, folder: str) -> None:
        """Let a folder count no more."""
        self._remove(f"{folder}/{SUCCESS}")

    def commit(self, folder: str) -> None:
        """Write the sign of success where Spark's committer writes none."""
        files, root = self._filesystem()
        if not self.is_committed(folder):
            files.touch(f"{root}/{folder}/{SUCCESS}")

    @contextmanager
    def writing(self, folder: str, began: datetime) -> Iterator[None]:
        """Say, as long as the block runs, that somebody writes a folder."""
        self._write(_note(folder, ALIVE), {"began": began.isoformat(), "beat": _now().isoformat()})
        over = threading.Event()
        beats = threading.Thread(target=self._beat, args=(folder, began, over), daemon=True)
        beats.start()
        try:
            yield
        finally:
            over.set()
            beats.join()
            with suppress(OSError):  # a store that fails now has told so already
                self._remove(_note(folder, ALIVE))

    @contextmanager
    def running(self, run_id: str, began: datetime) -> Iterator[None]:
        """Say, as long as the block runs, that a run is under way: what counted when it began must stay."""
        with ExitStack() as noted:
            try:
                noted.enter_context(self.writing(f"{RUNS}/{run_id}", began))
            except OSError as error:  # who may only read may run all the same
                logger.warning("could not note that the run lives: %s; clean up only when it has ended", error)
            yield

    def _beat(self, folder: str, began: datetime, over: threading.Event) -> None:
        """Say now and then that the writer lives; whatever the store raises, the next time may go better."""
        troubles: list[Exception] = []

        def complain(error: Exception) -> None:
            if not troubles:
                logger.warning("could not note that the run lives, and goes on trying: %r", error)
            troubles.append(error)

        while not over.wait(BEAT_SECONDS):
            with tolerated(complain):  # a beat that ends would make a living writer look dead
                self._write(_note(folder, ALIVE), {"began": began.isoformat(), "beat": _now().isoformat()})

    def announce(self, folder: str, sources: Iterable[str], since: datetime | None) -> None:
        """Say of a folder that it has the rows of others, and from when it takes their place; None: not yet."""
        told = {"sources": sorted(sources), "since": since and since.isoformat()}
        self._write(_note(folder, REPLACES), told)

    def delete(self, folder: str) -> None:
        """Remove a folder: first it stops to count, then it goes. Its note of what it replaced stays: `forgotten`."""
        files, root = self._filesystem()
        self.withdraw(folder)
        with suppress(FileNotFoundError):  # somebody else cleans up too
            files.rm(f"{root}/{folder}", recursive=True)
        self.forget(_note(folder, ALIVE))

    def forget(self, note: str) -> None:
        """Remove a note."""
        self._remove(note)

    def sizes(self, folder: str) -> list[int]:
        """Return the bytes of each data file of a folder."""
        files, root = self._filesystem()
        try:
            found = files.find(f"{root}/{folder}", detail=True)
        except FileNotFoundError:
            return []
        return [int(info["size"] or 0) for path, info in found.items() if not str(path).endswith((SUCCESS, ".crc"))]

    def _notes(self, kind: str) -> list[str]:
        self._forget_listings()
        return [
            f"{run_id}/{name}"
            for run_id in self._runs()
            for name in self._inside(run_id)
            if name.startswith("_") and name.endswith(kind)
        ]

    def _present(self) -> Iterator[str]:
        """Yield the folders that are there, whether they count or not."""
        for run_id in self._runs():
            inside = self._inside(run_id)
            yield from (f"{run_id}/{name}" for name, is_folder in inside.items() if is_folder and name[0] != "_")

    def _runs(self) -> list[str]:
        return [name for name, is_folder in self._inside().items() if is_folder]

    def _inside(self, folder: str = "") -> dict[str, bool]:
        """Return what lies in a folder, name -> whether it is a folder; nothing if it is not there.

        A glob would show a folder that cannot be listed as an empty one, and take some names for patterns.

        Raises:
            RunError: the folder cannot be listed.
        """
        files, root = self._filesystem()
        try:
            with _told(path := f"{root}/{folder}".rstrip("/")):
                entries = files.ls(path, detail=True)
        except FileNotFoundError:
            return {}
        return {str(one["name"]).rstrip("/").rsplit("/", 1)[-1]: one["type"] == "directory" for one in entries}

    def _forget_listings(self) -> None:
        """See what others have written since, Spark among them."""
        files, _ = self._filesystem()
        files.invalidate_cache()

    def _read(self, note: str) -> dict[str, Any]:
        """Return what a note says; nothing if it is gone, or being written.

        Raises:
            RunError: it cannot be read.
        """
        files, root = self._filesystem()
        try:
            with _told(path := f"{root}/{note}"):
                told = json.loads(files.cat_file(path))
        except (FileNotFoundError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _modified(self, note: str) -> datetime:
        """Return when a note was written last; now if it is gone, or the file system does not say."""
        files, root = self._filesystem()
        try:
            modified: datetime = files.modified(f"{root}/{note}")
        except (FileNotFoundError, NotImplementedError):
            return _now()
        return modified if modified.tzinfo else modified.replace(tzinfo=UTC)

    def _write(self, note: str, told: Mapping[str, Any]) -> None:
        files, root = self._filesystem()
        files.makedirs(f"{root}/{note.rsplit('/', 1)[0]}", exist_ok=True)
        files.pipe_file(f"{root}/{note}", json.dumps(told).encode())

    def _remove(self, path: str) -> None:
        files, root = self._filesystem()
        with suppress(FileNotFoundError):
            files.rm_file(f"{root}/{path}")

    def _filesystem(self) -> tuple[Any, str]:
        protocol, path = get_protocol_and_path(self.root)
        kind = _FSSPEC_PROTOCOLS.get(protocol, protocol)
        files = fsspec.filesystem(kind, **self._credentials)
        return files, path if kind != "file" or path.startswith("/") else Path(path).resolve().as_posix()


def complaint_of(error: BaseException) -> str | None:
    """Return the line in which an error, or a cause of it, says that a store is full or closed; None if none does."""
    for one in causes(error):
        for line in str(one).splitlines():
            is_said_by_a_store = isinstance(one, OSError) or _SAID_BY_A_STORE.search(line)
            if is_said_by_a_store and _COMPLAINT.search(line):
                return line.strip().removeprefix("Caused by: ").removeprefix(": ")
    return None


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say what it means when a store does not let itself be looked at: not that nothing is there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(
            f"could not look at '{path}': {error}. All that was saved before may lie there, so nothing goes on without "
            "it: let this user list and read it (or mend `data_root`), and start the same command again"
        ) from error


def _note(folder: str, kind: str) -> str:
    run_id, name = folder.split("/")
    return f"{run_id}/_{name}{kind}"


def _folder_of(note: str) -> str:
    run_id, name = note.split("/")
    return f"{run_id}/{name[1:].rsplit('.', 1)[0]}"
