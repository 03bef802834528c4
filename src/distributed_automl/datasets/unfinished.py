"""How far a job is that still writes: its finished tasks' scenarios, told from the files that they left.

A task's file is whole when the task is done, wherever the job's committer keeps it until the folder counts: a file that
is being written has no end yet. So workers need not tell anything, and it is the same on classic Spark and on Connect.
A committer that hides files until the end (S3A's magic one) shows none before.
"""

import logging
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

logger = logging.getLogger(__name__)

SCENARIO, STATUS, REASON = "scenario_id", "status", "reason"
FAILED = "failed"
FAILED_RUNG = r"(?:^|; )(?:champion|pooled): "
"""What the reason of a prediction says if a model that was to answer could not."""


class Unfinished:
    """The scenarios under a folder that a Spark job is writing; each file is opened once, for its narrowest columns."""

    def __init__(self, files: Any, folder: str) -> None:
        """Look at nothing yet.

        Args:
            files: the fsspec file system.
            folder: where the job writes, as `files` names it.
        """
        self._files = files
        self._folder = folder
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self) -> tuple[int, int]:
        """Return how many scenarios finished tasks have left so far, and how many of them failed.

        A file's name says which task wrote it, not which attempt, so that a repeated task counts once.
        """
        self._files.invalidate_cache(self._folder)
        for path in self._files.find(self._folder):
            name = str(path).rsplit("/", 1)[-1]
            if name.startswith("part-") and name not in self._counts:
                self._read(path, name)
        done, failed = zip(*self._counts.values(), strict=True) if self._counts else ((), ())
        return sum(done), sum(failed)

    def _read(self, path: str, name: str) -> None:
        try:
            with self._files.open(path, "rb") as file:
                counts = _counted(pq.ParquetFile(file))
        except (OSError, pa.ArrowInvalid) as error:
            logger.debug("%s is being written or moved: %s", path, error)
            return
        self._counts[name] = counts


def _counted(file: pq.ParquetFile) -> tuple[int, int]:
    """Return the scenarios in a file, and the failed ones; none where a table is of something else.

    `fits` has a row per scenario; of `predictions` a task has all rows of a scenario.
    """
    names = file.schema_arrow.names
    if STATUS in names:
        status = file.read(columns=[STATUS])[STATUS]
        return len(status), int(pc.sum(pc.equal(status, FAILED)).as_py() or 0)
    if not {SCENARIO, REASON} <= {*names}:
        return 0, 0
    rows = file.read(columns=[SCENARIO, REASON])
    failed = rows.filter(pc.match_substring_regex(rows[REASON], FAILED_RUNG))
    return pc.count_distinct(rows[SCENARIO]).as_py(), pc.count_distinct(failed[SCENARIO]).as_py()
