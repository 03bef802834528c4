"""Old versions of tables go: never the latest, never one that a recent run read, never under a reader or a writer."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distributed_automl.datasets.folders import LEAD, SUCCESS, Folders
from distributed_automl.fleet import cleanup as cleanup_module
from distributed_automl.fleet.cleanup import Ledgers, Rules, clean_up, survey
from distributed_automl.fleet.old_versions import VersionedTable, take_away
from distributed_automl.tables import RUNS

HOUR = timedelta(hours=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = FIRST + 9 * 24 * HOUR - HOUR
RULES = Rules(n_runs=1, n_versions=2, grace=timedelta(hours=24))


def of_day(day: int) -> datetime:
    return FIRST + (day - 1) * 24 * HOUR


def version(day: int) -> str:
    return f"2026-01-{day:02d}T00.00.00.000Z"


def folder(day: int) -> str:
    return f"{version(day)}/master_df"


def add(store: Folders, name: str, *, complete_at: datetime | None) -> Path:
    """Leave a version: 3 bytes, and a sign of success as of some time; None: it was never finished."""
    path = Path(store.root, name, "scenario_bucket=0")
    path.mkdir(parents=True)
    (path / "part.parquet").write_bytes(b"abc")
    if complete_at is not None:
        store.commit(name)
        os.utime(Path(store.root, name, SUCCESS), (complete_at.timestamp(),) * 2)
    return Path(store.root, name)


class Read(VersionedTable):
    """A table of which it is known which versions runs read last."""

    def recently_read(self, n: int) -> set[str]:
        return {version(day) for day in (2, 5)[-n:]}


@pytest.fixture
def table(tmp_path: Path) -> Read:
    """A version a day, each complete an hour after it was begun; runs read those of days 2 and 5."""
    store = Folders(str(tmp_path / "master_df"))
    for day in range(1, 7):
        add(store, folder(day), complete_at=of_day(day) + HOUR)
    return Read(store, None, "train")  # type: ignore[arg-type]


@pytest.fixture
def ledgers(make_ledger: Any, table: Read, monkeypatch: pytest.MonkeyPatch) -> Ledgers:
    monkeypatch.setattr(cleanup_module, "_choose", lambda *_: None)  # of fits there are none
    opened = [make_ledger(name, table=name) for name in ("fits", "plan", "champions")]
    return Ledgers(*opened, tables=(table,))


def there(table: VersionedTable) -> list[int]:
    """Return the days of the versions that count and have their files."""
    return [int(name[8:10]) for name in sorted(table.store.look().committed) if table.store.sizes(name)]


def run_once(ledgers: Ledgers, now: datetime = NOW) -> list[int]:
    """Clean up; return the days of the versions that are left."""
    clean_up(ledgers, survey(ledgers, RULES, now=now), RULES, now=now)
    return there(ledgers.tables[0])


@pytest.mark.spark
def test_when_runs_read_a_table_then_the_versions_that_they_read_last_are_known(spark: Any, make_ledger: Any) -> None:
    rows = [("a", "train", 3), ("b", "train", 1), ("c", "train", 3), ("d", "train", None), ("e", "predict", 5)]
    frame = pd.DataFrame(
        [
            {"run_id": run_id, "pipeline": pipeline, "started_at": pd.Timestamp(of_day(day)), "table_version": read}
            for day, (run_id, pipeline, of) in enumerate(rows, start=1)
            for read in [version(of) if of else None]
        ]
    ).reindex(columns=RUNS.names)
    ledger = make_ledger("runs", table="runs")
    ledger.save(frame.astype(object).where(frame.notna(), None))
    of_training = VersionedTable(Folders("x"), ledger, "train")
    assert of_training.recently_read(1) == {version(3)}  # read by "a" long ago, and by "c" again
    assert of_training.recently_read(2) == {version(3), version(1)}
    assert VersionedTable(Folders("x"), ledger, "predict").recently_read(9) == {version(5)}


def test_when_versions_are_neither_the_latest_nor_read_last_then_they_may_go_once_a_later_one_counts(
    table: Read,
) -> None:
    assert table.superseded(2) == [(of_day(day + 1) + HOUR + LEAD, folder(day)) for day in (1, 3, 4)]
    assert [name for _, name in table.superseded(1)] == [folder(day) for day in (1, 2, 3, 4)]


def test_when_a_version_is_finished_after_later_ones_then_its_own_run_reads_it_nevertheless(table: Read) -> None:
    os.utime(Path(table.store.root, folder(3), SUCCESS), (of_day(6).timestamp(),) * 2)
    assert table.superseded(2)[1] == (of_day(6) + LEAD, folder(3))


def test_when_a_version_is_not_named_by_a_time_then_it_stays_and_may_be_the_latest(table: Read) -> None:
    for name in ("a-name/master_df", "0-before-all/master_df"):
        add(table.store, name, complete_at=of_day(1))
    assert [name for _, name in table.superseded(2)] == [folder(day) for day in (1, 3, 4, 6)]


def test_when_cleaned_up_then_what_no_recent_run_read_is_gone_and_a_second_one_finds_nothing(ledgers: Ledgers) -> None:
    found = survey(ledgers, RULES, now=NOW)
    assert [(one.name, one.n_files, one.n_bytes) for _, one in found.versions] == [
        (folder(day), 1, 3) for day in (1, 3, 4)
    ]
    assert there(ledgers.tables[0]) == [1, 2, 3, 4, 5, 6]  # it was only looked
    assert run_once(ledgers) == [2, 5, 6]
    again = survey(ledgers, RULES, now=NOW)
    assert (again.versions, again.waiting, again.aborted) == ((), (), ())


def test_when_a_run_is_under_way_since_a_version_was_the_latest_then_it_stays_until_the_run_ends(
    ledgers: Ledgers,
) -> None:
    with ledgers.fits.store.running("early", of_day(5)):  # before version 5 was complete
        found = survey(ledgers, RULES, now=NOW)
        assert [one.name for one in found.waiting] == [folder(4)]
        assert run_once(ledgers) == [2, 4, 5, 6]
    assert run_once(ledgers) == [2, 5, 6]


def test_when_a_later_version_is_younger_than_the_grace_then_a_notebook_may_still_read_the_one_before(
    ledgers: Ledgers,
) -> None:
    moment = of_day(5) + HOUR + LEAD + RULES.grace  # version 5 has taken the place of version 4 for that long
    assert run_once(ledgers, moment - timedelta(seconds=1)) == [2, 4, 5, 6]
    assert run_once(ledgers, moment) == [2, 5, 6]


def test_when_a_run_begins_to_read_an_old_version_while_it_is_taken_away_then_it_stays(table: Read) -> None:
    asked: list[bool] = []

    def readers() -> list[datetime]:
        asked.append(table.store.is_committed(folder(3)))
        return [of_day(3)]

    until = of_day(4) + HOUR + LEAD
    assert not take_away(table.store, folder(3), until, readers)
    assert asked == [False]  # whoever says later that he is there finds that it does not count
    assert there(table) == [1, 2, 3, 4, 5, 6]
    assert take_away(table.store, folder(3), until, lambda: [until])
    assert there(table) == [1, 2, 4, 5, 6]


def test_when_versions_were_never_finished_then_they_go_but_for_young_ones_those_being_written_and_strange_ones(
    ledgers: Ledgers,
) -> None:
    store = ledgers.tables[0].store
    other = "mine/master_df"
    left = [add(store, name, complete_at=None) for name in (folder(7), other, folder(8), folder(9))]
    with store.writing(folder(8), of_day(8)):
        found = survey(ledgers, RULES, now=NOW)
        assert [one.name for one in found.aborted] == [folder(7)]
        clean_up(ledgers, found, RULES, now=NOW)
    assert [path.exists() for path in left] == [False, True, True, True]
    assert run_once(ledgers, NOW + 3 * HOUR) == [2, 5, 6]
    assert [path.exists() for path in left] == [False, True, False, False]


def test_when_no_run_writes_down_what_it_reads_then_the_last_versions_stay(table: Read) -> None:
    actuals = VersionedTable(table.store, None, None)  # type: ignore[arg-type]
    assert [name for _, name in actuals.superseded(2)] == [folder(day) for day in (1, 2, 3, 4)]
