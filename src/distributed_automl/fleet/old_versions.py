"""Versions of tables that nobody needs: those that no recent run read, once nobody can be reading them any more."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import functions as F

from distributed_automl.datasets.folders import LEAD, Folders
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.datasets.version import time_of


@dataclass(frozen=True)
class VersionedTable:
    """A table whose versions are cleaned up.

    Attributes:
        store: its versions, folders ``<version>/<name>``.
        runs: what runs were set up with.
        pipeline: TRAIN or PREDICT: whose runs write down the version that they read; None: nobody's do.
    """

    store: Folders
    runs: LedgerDataset
    pipeline: str | None

    def recently_read(self, n: int) -> set[str]:
        """Return the versions that runs read last, `n` at most: their fits and predictions can be replayed.

        Where nobody writes down what he reads, these are the last ones that were written.
        """
        if self.pipeline is None:
            return {_version(name) for name in sorted(self.store.look().committed)[-n:]}
        rows = self.runs.read(self.runs.listed())
        read = rows.where((F.col("pipeline") == self.pipeline) & F.col("table_version").isNotNull())
        last = read.groupBy("table_version").agg(F.max("started_at").alias("started_at"))
        return {row[0] for row in last.orderBy(F.col("started_at").desc()).limit(n).collect()}

    def superseded(self, n: int) -> list[tuple[datetime, str]]:
        """Return the folders of versions that may go, the earliest first, and until when somebody may have opened them.

        Neither the latest one nor the `n` that runs read last, nor those that somebody named otherwise than by a time.
        A version is opened by whoever saved it, by others until a later one counts, and by who names it: he says so,
        see `folders`.
        """
        names = sorted(self.store.look().committed)
        since = {name: self.store.committed_at(name) for name in names}
        kept = self.recently_read(n)
        return [
            (max(since[name], min(since[later] for later in names[place + 1 :])) + LEAD, name)
            for place, name in enumerate(names[:-1])
            if time_of(_version(name)) is not None and _version(name) not in kept
        ]

    def aborted(self, dead_since: datetime) -> list[str]:
        """Return the folders of versions that were begun before a time, do not count, and that nobody is writing."""
        begun = [(time_of(_version(name)), name) for name in self.store.aborted(dead_since)]
        return [name for since, name in begun if since is not None and since < dead_since]


def take_away(store: Folders, folder: str, until: datetime, readers: Callable[[], Iterable[datetime]]) -> bool:
    """Remove a version, unless somebody has come meanwhile who may read it; return whether it is gone.

    It stops to count before it is looked. Who reads says so before he opens it. So either he is seen, or he sees that
    it does not count any more.

    Args:
        store: of the table.
        folder: of the version.
        until: who began later reads another one.
        readers: tells since when those who are under way are.
    """
    store.withdraw(folder)
    if any(began < until for began in readers()):
        store.commit(folder)
        return False
    store.delete(folder)
    return True


def _version(folder: str) -> str:
    return folder.split("/")[0]
