"""Free what nobody needs, and put many small files together: never a champion's fit, never under a reader.

Nothing is changed in place. Folders of fits whose rows are needed no more, or lie in files too small or too large, are
written anew, and the new folder takes their place for the runs that begin later (`datasets.folders`). The old ones go
with a later clean-up, when no run can read them any more. So a clean-up may be killed at any moment. Two at once do not
work on one store (`alone`); should they do so nevertheless, the one that comes second does its work for nothing.
Of the tables that runs read, old versions go whole (`old_versions`).
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce

import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from distributed_automl.datasets.folders import BEAT_SECONDS, Folders
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.errors import RunError
from distributed_automl.fleet.old_versions import VersionedTable, take_away
from distributed_automl.fleet.plan import FIT, OUTSIDE
from distributed_automl.fleet.scenario_ids import is_pool_column
from distributed_automl.narrow import typed
from distributed_automl.tables import PINNED

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 64 * 1024**2
"""A larger file of models does not fit into the memory of a reader with Spark's default heap."""
TOLERANCE = 1.1
"""A file may turn out larger than its rows were estimated."""
SMALL_FILE_BYTES = MAX_FILE_BYTES // 4
"""Files below are put together."""
FREED_SHARE = 0.2
"""Share of a folder's bytes that must be needed no more before the rest is written anew."""
N_CHAMPIONS = 3
"""Fits of a scenario's champions that stay: what predicts, what it was rolled back from, and what to roll back to."""
CLEANINGS = "cleanings"
"""Where the notes of clean-ups under way lie, as if each wrote a folder of that name."""
SILENCE = timedelta(seconds=15 * BEAT_SECONDS)
"""After which a clean-up counts as killed."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_ROW_BYTES = 4_000
_TEXTS = ("leaderboard", "selection", "hyperparameters", "traceback", "message")
_FOLDER_OF_FILE = r"([^/]+/[^/]+)/[^/]+$"
_FIT = ["run_id", "scenario_id"]


@dataclass(frozen=True)
class Rules:
    """What stays.

    Attributes:
        n_runs: outcomes of a scenario that stay: those that its latest so many plans made or reused.
        n_versions: versions of a table that stay: those that runs read last.
        grace: how long nothing is removed that a run could still be using, and for which a writer may be silent.
    """

    n_runs: int
    n_versions: int
    grace: timedelta


@dataclass(frozen=True)
class Ledgers:
    """The tables to clean up.

    Attributes:
        fits: the ledger whose rows are cleaned up.
        plans: all plans.
        champions: all decisions.
        others: ledgers that only lose what was aborted.
        tables: those that keep versions.
    """

    fits: LedgerDataset
    plans: LedgerDataset
    champions: LedgerDataset
    others: tuple[LedgerDataset, ...] = ()
    tables: tuple[VersionedTable, ...] = ()

    def all(self) -> tuple[LedgerDataset, ...]:
        """Return every ledger."""
        return (self.fits, self.plans, self.champions, *self.others)

    def stores(self) -> tuple[Folders, ...]:
        """Return the folders of every ledger and table."""
        return (*(ledger.store for ledger in self.all()), *(table.store for table in self.tables))

    def readers(self, dead_since: datetime) -> list[datetime]:
        """Return since when those are under way of whom something was heard since a time."""
        return [one.began for store in self.stores() for one in store.writers() if one.beat > dead_since]


@dataclass(frozen=True)
class Folder:
    """A folder that may go."""

    store: Folders
    name: str
    n_files: int
    n_bytes: int


@dataclass(frozen=True)
class Rewriting:
    """Folders of fits that are to be written anew.

    Attributes:
        sources: the folders.
        n_fits, n_files, n_bytes: what they hold; bytes as they lie there, compressed.
        n_kept, n_kept_bytes: what of it stays; bytes likewise, estimated from the shares of the fits.
    """

    sources: tuple[str, ...]
    n_fits: int
    n_files: int
    n_bytes: int
    n_kept: int
    n_kept_bytes: int


@dataclass(frozen=True)
class Survey:
    """What a clean-up would do.

    Attributes:
        aborted: folders without a sign of success, of whose writer nothing was heard for long.
        replaced: folders whose place another took so long ago that no run reads them.
        waiting: folders whose place another took, or will, that a run may still read; old versions likewise.
        rewriting: of fits; None if nothing is to be gained.
        forgotten: (store, note) about folders that are gone.
        versions: (until, folder) of versions that no recent run read; who began later than that reads another one.
    """

    aborted: tuple[Folder, ...]
    replaced: tuple[Folder, ...]
    waiting: tuple[Folder, ...]
    rewriting: Rewriting | None
    forgotten: tuple[tuple[Folders, str], ...]
    versions: tuple[tuple[datetime, Folder], ...] = ()


@contextmanager
def alone(ledgers: Ledgers) -> Iterator[None]:
    """Keep other clean-ups of this store away as long as the block runs.

    Two at once, by other rules or at other moments, find other fits that are needed again; each would save them apart.
    Each says that it is here before it looks for others, so that of two that begin at once at least one sees the other.

    Raises:
        RunError: another one is under way.
    """
    ledger = ledgers.fits
    own = f"{CLEANINGS}/{ledger.run_id}"
    with ledger.store.writing(own, datetime.now(UTC)):
        heard_since = datetime.now(UTC) - SILENCE
        for other in ledger.store.writers():
            if other.folder.startswith(f"{CLEANINGS}/") and other.folder != own and other.beat > heard_since:
                raise RunError(
                    f"another clean-up of {ledger.store.root} is under way: it began at {other.began:%Y-%m-%d %H:%M} "
                    f"UTC, and was last heard of at {other.beat:%H:%M:%S}. Wait until it has ended; one that was "
                    f"killed counts no more after {SILENCE.total_seconds() / 60:.0f} minutes of silence"
                )
        yield


def survey(ledgers: Ledgers, rules: Rules, *, now: datetime) -> Survey:
    """Look for what may go; nothing is touched."""
    dead_since = now - rules.grace
    opened_since = min([dead_since, *ledgers.readers(dead_since)])
    aborted: list[Folder] = []
    replaced: list[Folder] = []
    waiting: list[Folder] = []
    versions: list[tuple[datetime, Folder]] = []
    for ledger in ledgers.all():
        aborted += [_folder(ledger.store, name) for name in ledger.store.aborted(dead_since)]
        for since, name in _replaced(ledger, dead_since):
            (waiting if since > opened_since else replaced).append(_folder(ledger.store, name))
    for table in ledgers.tables:
        aborted += [_folder(table.store, name) for name in table.aborted(dead_since)]
        for until, name in table.superseded(rules.n_versions):
            folder = _folder(table.store, name)
            waiting.append(folder) if until > opened_since else versions.append((until, folder))
    forgotten = [(store, note) for store in ledgers.stores() for note in store.forgotten(dead_since)]
    rewriting = _choose(ledgers, rules, now)
    return Survey(tuple(aborted), tuple(replaced), tuple(waiting), rewriting, tuple(forgotten), tuple(versions))


def clean_up(ledgers: Ledgers, found: Survey, rules: Rules, *, now: datetime) -> None:
    """Do what a survey found; whoever is in the middle of reading notices nothing."""
    for store, note in found.forgotten:
        store.forget(note)
    _save_what_is_needed_again(ledgers, found.replaced, rules, now)
    for folder in (*found.aborted, *found.replaced):
        folder.store.delete(folder.name)
    for until, folder in found.versions:
        if not take_away(folder.store, folder.name, until, lambda: ledgers.readers(now - rules.grace)):
            logger.info("%s stays: a run that may read it has begun", folder.store.uri(folder.name))
    if found.rewriting is not None:
        _rewrite(ledgers, found.rewriting, rules, now)


def _folder(store: Folders, name: str) -> Folder:
    sizes = store.sizes(name)
    return Folder(store, name, len(sizes), sum(sizes))


def _replaced(ledger: LedgerDataset, dead_since: datetime) -> list[tuple[datetime, str]]:
    """Return the folders of a ledger that do not count any more, or never did, and since when; the earliest first.

    The order matters where one replaced another: what that one had replaced must be gone before it is. Who has ended
    before it is looked has said since when.
    """
    living = {writer.folder for writer in ledger.store.writers() if writer.beat > dead_since}
    listing = ledger.store.look()
    accepted, void = listing.judged()
    pairs = [(one.since or _NEVER, name) for one in accepted for name in sorted(one.sources & listing.committed)]
    pairs += [(one.since or _NEVER, one.folder) for one in void if one.folder not in living]
    return sorted(pairs)


# --- what is needed --------------------------------------------------------------------------------------------------


def needed_fits(fits: DataFrame, plans: DataFrame, champions: DataFrame, rules: Rules, now: datetime) -> DataFrame:
    """Return run_id and scenario_id of the fits that stay.

    Those of the latest champions and the latest one that was pinned, those that the latest plans make, reuse or go by,
    the latest of each pool, whatever is younger than the grace, and the pooled fits that the models among all these
    need. A plan whose run was killed before it fitted made nothing, and does not count.

    Args:
        fits: rows of FITS.
        plans: rows of PLAN.
        champions: rows of CHAMPIONS.
        rules: what stays.
        now: UTC.
    """
    pools = fits.where(is_pool_column() & (F.col("status") == "fitted"))
    outcome = F.when(F.col("action") == FIT, F.col("run_id")).otherwise(F.col("fit_run_id"))
    decided = plans.where(F.col("action") != OUTSIDE).select(
        outcome.alias("run_id"), "scenario_id", F.col("run_id").alias("plan_run_id")
    )
    realised = decided.join(fits.select(*_FIT), _FIT, "semi")
    chosen = champions.groupBy("scenario_id", "fit_run_id").agg(F.max("since").alias("since"))  # a pin repeats a fit
    pinned = champions.where(F.col("decision") == PINNED).select(*chosen.columns)  # whatever was promoted meanwhile
    own = [
        _latest(chosen, "since", N_CHAMPIONS).select(F.col("fit_run_id").alias("run_id"), "scenario_id"),
        _latest(pinned, "since", 1).select(F.col("fit_run_id").alias("run_id"), "scenario_id"),
        _latest(realised, "plan_run_id", rules.n_runs).select(*_FIT),
        _latest(pools, "fitted_at", 1).select(*_FIT),
        fits.where(F.col("fitted_at") > F.lit(now - rules.grace)).select(*_FIT),
    ]
    keys = reduce(DataFrame.unionByName, own).distinct()
    digests = fits.join(keys, _FIT, "semi").select(F.col("pool_digest").alias("model_digest"))
    of_models = pools.join(digests.distinct(), "model_digest", "semi").select(*_FIT)
    return keys.unionByName(of_models).distinct()


def _latest(rows: DataFrame, order: str, n: int) -> DataFrame:
    """Return the latest rows of each scenario."""
    place = F.row_number().over(Window.partitionBy("scenario_id").orderBy(F.col(order).desc()))
    return rows.withColumn("place", place).where(F.col("place") <= n)


def _needed(ledgers: Ledgers, rules: Rules, now: datetime) -> DataFrame:
    fits, plans, champions = (one.read(one.listed()) for one in (ledgers.fits, ledgers.plans, ledgers.champions))
    return needed_fits(fits, plans, champions, rules, now)


def _folder_of_row() -> Column:
    return F.regexp_extract(F.col("_metadata.file_path"), _FOLDER_OF_FILE, 1).alias("folder")


def _row_bytes() -> Column:
    texts = [F.coalesce(F.octet_length(name), F.lit(0)) for name in _TEXTS]
    return sum(texts, F.coalesce("model_bytes", F.lit(0)) + F.lit(_ROW_BYTES)).cast("bigint")


# --- what is written anew --------------------------------------------------------------------------------------------


def _choose(ledgers: Ledgers, rules: Rules, now: datetime) -> Rewriting | None:
    """Choose the folders of fits that are worth writing anew."""
    ledger = ledgers.fits
    names = ledger.listed()
    listing = ledger.store.look()
    pending = [one for one in listing.replacements if one.since is not None and one.sources & listing.committed]
    busy = {name for one in pending for name in (one.folder, *one.sources)}
    free = [name for name in names if name not in busy]
    if not free:
        return None
    files = {name: ledger.store.sizes(name) for name in free}
    rows = _weigh(ledger, free, _needed(ledgers, rules, now))
    chosen = set(rows.index[rows["freed"] >= FREED_SHARE * rows["bytes"]]) | oddly_filed(files, dict(rows["largest"]))
    if not chosen:
        return None
    chosen |= set(free) - set(rows.index)  # those without a row
    mine = rows.reindex(sorted(chosen), fill_value=0)
    there = pd.Series({name: sum(files[name]) for name in mine.index})
    kept_share = 1.0 - mine["freed"] / mine["bytes"]  # NaN of those without a row, which the sum passes over
    return Rewriting(
        sources=tuple(mine.index),
        n_fits=int(mine["n"].sum()),
        n_files=sum(len(files[name]) for name in mine.index),
        n_bytes=int(there.sum()),
        n_kept=int(mine["kept"].sum()),
        n_kept_bytes=round((there * kept_share).sum()),
    )


def _weigh(ledger: LedgerDataset, names: Sequence[str], needed: DataFrame) -> pd.DataFrame:
    """Return, by folder: n, kept (fits), bytes, freed (bytes of those that may go), largest (bytes of one fit).

    Raises:
        RunError: a row lies in none of the folders that were asked for.
    """
    rows = ledger.read(names).select(_folder_of_row(), *_FIT, _row_bytes().alias("bytes"))
    marked = rows.join(needed.withColumn("is_needed", F.lit(True)), _FIT, "left")
    freed = F.when(F.col("is_needed").isNull(), F.col("bytes")).otherwise(F.lit(0))
    weighed = marked.groupBy("folder").agg(
        F.count(F.lit(1)).alias("n"), F.count("is_needed").alias("kept"), F.sum("bytes").alias("bytes"),
        F.sum(freed).alias("freed"), F.max("bytes").alias("largest"),
    )  # fmt: skip
    found = weighed.toPandas().set_index("folder").astype("int64")
    strange = sorted(set(found.index) - set(names))
    if strange:
        raise RunError(f"expected fits in folders <run_id>/<name>, found {strange[:3]}: is a run id not a plain name?")
    return found


def oddly_filed(files: Mapping[str, Sequence[int]], largest: Mapping[str, int]) -> set[str]:
    """Return the folders that have a file which is too large, or small ones of which there are more than need be.

    Args:
        files: folder -> bytes of its files.
        largest: folder -> bytes of its largest fit, which a file has to hold.
    """
    large = {
        name
        for name, sizes in files.items()
        if max(sizes, default=0) > TOLERANCE * max(MAX_FILE_BYTES, largest.get(name, 0))
    }
    small = {name: [size for size in sizes if size < SMALL_FILE_BYTES] for name, sizes in files.items()}
    sizes = [size for some in small.values() for size in some]
    is_worth_it = len(sizes) > 1 and len(sizes) >= 2 * -(-sum(sizes) // MAX_FILE_BYTES)
    return large | ({name for name, some in small.items() if some} if is_worth_it else set())


def _rewrite(ledgers: Ledgers, rewriting: Rewriting, rules: Rules, now: datetime) -> None:
    """Write what stays of some folders, each fit once, into one that takes their place."""
    rows = ledgers.fits.read(rewriting.sources)
    kept = rows.join(_needed(ledgers, rules, now), _FIT, "semi")
    sizes = kept.select(*_FIT, _row_bytes().alias("bytes")).toPandas()
    once = kept.dropDuplicates(_FIT) if sizes.duplicated(_FIT).any() else kept  # a shuffle of models is dear
    packed = _in_files(once, sizes.drop_duplicates(_FIT))
    if not ledgers.fits.replace(rewriting.sources, packed):
        logger.warning("somebody else cleaned up at the same time; what this run wrote goes with the next clean-up")


def _in_files(kept: DataFrame, sizes: pd.DataFrame) -> DataFrame:
    """Distribute rows over partitions: each becomes a file of at most MAX_FILE_BYTES, or of one row that is larger."""
    ordered = sizes.sort_values(_FIT, ignore_index=True)
    numbers = file_numbers(ordered["bytes"].tolist())
    if not numbers:
        return kept.coalesce(1)
    files = typed(kept.sparkSession, ordered.assign(_file=numbers), "run_id string, scenario_id string, _file int")
    named = kept.join(F.broadcast(files), _FIT)
    return named.repartitionById(numbers[-1] + 1, "_file").select(*kept.columns)


def file_numbers(sizes: Iterable[int], most: int = MAX_FILE_BYTES) -> list[int]:
    """Return the file of each row, from 0: the next one begins where a row would make it larger than `most`."""
    numbers, held, number = [], 0, 0
    for size in sizes:
        if held and held + size > most:
            number, held = number + 1, 0
        held += size
        numbers.append(number)
    return numbers


def _save_what_is_needed_again(ledgers: Ledgers, replaced: Iterable[Folder], rules: Rules, now: datetime) -> None:
    """Save the fits of folders about to go that somebody has come to need since they were left out.

    A run that began before a clean-up took effect may reuse, and promotion then choose, a fit that it left out. The new
    folder says that it has the place of a folder that never was, named by which fits are saved, and from where: of two
    clean-ups that save the same at once, only the folder of the first counts.
    """
    root = ledgers.fits.store.root
    going = [folder.name for folder in replaced if folder.store.root == root]
    if not going:
        return
    ledger = ledgers.fits
    there = ledger.read(ledger.listed()).select(*_FIT)
    everything = ledger.read([*ledger.listed(), *going])
    plans, champions = (one.read(one.listed()) for one in (ledgers.plans, ledgers.champions))
    needed = needed_fits(everything, plans, champions, rules, now)
    missed = needed.join(there, _FIT, "anti")
    found = ledger.read(going).select(_folder_of_row(), *_FIT).join(missed, _FIT, "semi").toPandas()
    if found.empty:
        return
    logger.info("%s fits that were to go are needed again, and stay", len(found.drop_duplicates(_FIT)))
    told = "\n".join(sorted("\t".join(row) for row in found.itertuples(index=False, name=None)))
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    rows = ledger.read(sorted(set(found["folder"]))).join(missed, _FIT, "semi")
    ledger.replace([f"needed-again/{digest}"], rows.dropDuplicates(_FIT))
