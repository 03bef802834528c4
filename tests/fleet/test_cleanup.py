"""Clean-up: what is needed stays, whoever reads notices nothing, and a second look finds nothing to do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distributed_automl.datasets import ledger as ledgers_module
from distributed_automl.datasets.folders import Folders
from distributed_automl.errors import RunError
from distributed_automl.fleet import cleanup as cleanup_module
from distributed_automl.fleet.cleanup import (
    Folder,
    Ledgers,
    Rewriting,
    Rules,
    _replaced,
    _rewrite,
    _save_what_is_needed_again,
    alone,
    clean_up,
    file_numbers,
    needed_fits,
    oddly_filed,
    survey,
)
from distributed_automl.fleet.plan import FIT, OUTSIDE, REUSE
from distributed_automl.tables import CHAMPIONS, FITS, PLAN, Table

OLD = datetime(2026, 1, 1, tzinfo=UTC)
POOL = "__pooled__/all"
RULES = Rules(n_runs=1, n_versions=1, grace=timedelta(hours=1))
HOUR = timedelta(hours=1)


def run_id(day: int) -> str:
    return f"202601{day:02d}T000000Z-aaaaaa"


def frame_of(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows).reindex(columns=table.names).astype(object)
    return frame.where(frame.notna(), None)


def fit(name: str, day: int, *, pool: str | None = None, digest: str | None = None) -> dict[str, Any]:
    return {
        "scenario_id": name,
        "run_id": run_id(day),
        "status": "fitted",
        "fitted_at": pd.Timestamp(OLD + day * 24 * HOUR),
        "model": f"{name} of {day}".encode(),
        "model_bytes": 9,
        "model_digest": digest or f"{name}{day}",
        "pool_digest": pool,
    }


def planned(name: str, day: int, action: str, of_day: int | None = None) -> dict[str, Any]:
    outcome = None if of_day is None else run_id(of_day)
    return {"run_id": run_id(day), "scenario_id": name, "action": action, "fit_run_id": outcome}


def champion(name: str, of_day: int, day: int, decision: str = "promoted") -> dict[str, Any]:
    since = pd.Timestamp(OLD + day * 24 * HOUR)
    return {"scenario_id": name, "fit_run_id": run_id(of_day), "since": since, "decision": decision}


FITS_THERE = [
    fit("a", 1), fit("a", 2), fit("a", 3), fit("a", 4), fit("a", 5), fit("b", 1, pool="p1"), fit("b", 2),
    fit(POOL, 1, digest="p1"), fit(POOL, 2, digest="p2"), fit(POOL, 3, digest="p3"), fit("c", 9),
]  # fmt: skip
"""Day 9 is the day of the clean-up."""
PLANS = [
    planned("a", 1, FIT), planned("a", 5, FIT), planned("b", 1, FIT), planned("b", 2, FIT), planned("b", 4, REUSE, 1),
    planned("b", 5, OUTSIDE), planned(POOL, 1, FIT), planned(POOL, 5, OUTSIDE),
    planned("a", 6, FIT), planned("a", 7, FIT),
]  # fmt: skip
"""The runs of days 6 and 7 were killed before they fitted."""
CHAMPIONS_SINCE = [
    champion("a", 1, 1),
    champion("a", 2, 2),
    champion("a", 4, 3),
    champion("a", 4, 4),
    champion("a", 3, 5),
]
NEEDED = {("a", 5), ("a", 4), ("a", 3), ("a", 2), ("b", 1), (POOL, 1), (POOL, 3), ("c", 9)}
"""The latest plan's, three champions', what a plan reuses though a later one looks away, its pool, the latest pool, the
young one."""
NOW = OLD + 9 * 24 * HOUR + HOUR / 2


def days_of(rows: pd.DataFrame) -> set[tuple[str, int]]:
    return {(name, int(run[6:8])) for name, run in zip(rows["scenario_id"], rows["run_id"], strict=True)}


@pytest.fixture
def ledgers(make_ledger: Any) -> Callable[[int], Ledgers]:
    """Return a function that opens the ledgers as a run of some day does."""

    def open_(day: int) -> Ledgers:
        opened = [make_ledger(name, run_id(day), table=name) for name in ("fits", "plan", "champions")]
        return Ledgers(*opened)

    return open_


@pytest.fixture
def filled(spark: Any, ledgers: Any) -> Any:
    """Ledgers with a folder of fits for each day."""
    for day in sorted({int(row["run_id"][6:8]) for row in FITS_THERE}):
        mine = [row for row in FITS_THERE if row["run_id"] == run_id(day)]
        ledgers(day).fits.save(frame_of(FITS, mine))
    ledgers(5).plans.save(frame_of(PLAN, PLANS))
    ledgers(5).champions.save(frame_of(CHAMPIONS, CHAMPIONS_SINCE))
    return ledgers


@pytest.mark.spark
def test_when_fits_are_champions_or_planned_or_pools_or_young_then_they_are_needed(filled: Any) -> None:
    there = filled(9)
    found = needed_fits(there.fits.load(), there.plans.load(), there.champions.load(), RULES, NOW)
    assert days_of(found.toPandas()) == NEEDED
    two = needed_fits(there.fits.load(), there.plans.load(), there.champions.load(), Rules(2, 1, RULES.grace), NOW)
    assert days_of(two.toPandas()) == NEEDED | {("a", 1), ("b", 2)}


@pytest.mark.spark
def test_when_three_promotions_came_too_late_for_a_pin_then_the_pinned_fit_is_needed(filled: Any) -> None:
    filled(6).champions.save(frame_of(CHAMPIONS, [champion("a", 1, 1, "pinned")]))
    there = filled(9)
    found = needed_fits(there.fits.load(), there.plans.load(), there.champions.load(), RULES, NOW)
    assert days_of(found.toPandas()) == NEEDED | {("a", 1)}


@pytest.mark.spark
def test_when_cleaned_up_then_later_runs_see_what_is_needed_earlier_ones_all_and_the_old_goes_later(
    filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = filled(8).fits
    before = reader.folders()
    monkeypatch.setattr(ledgers_module, "LEAD", timedelta(0))
    cleaner = filled(9)
    found = survey(cleaner, RULES, now=NOW)
    assert (found.aborted, found.replaced, found.waiting) == ((), (), ())
    assert found.rewriting is not None
    assert (found.rewriting.n_fits, found.rewriting.n_kept) == (11, 8)
    assert found.rewriting.n_files >= 6
    assert found.rewriting.n_bytes == sum(sum(cleaner.fits.store.sizes(name)) for name in found.rewriting.sources)
    assert 0.5 < found.rewriting.n_kept_bytes / found.rewriting.n_bytes < 0.85  # 8 of 11 that are about as large
    clean_up(cleaner, found, RULES, now=NOW)

    assert reader.folders() == before
    later = filled(10).fits
    assert len(later.folders()) == 1
    assert days_of(later.load().select("scenario_id", "run_id").toPandas()) == NEEDED
    kept = later.load().where("scenario_id = 'b'").toPandas()
    assert bytes(kept["model"].iloc[0]) == b"b of 1"

    again = survey(filled(10), RULES, now=datetime.now(UTC))
    assert (len(again.waiting), again.replaced, again.rewriting) == (len(before), (), None)

    # "a of 4" was left out, but somebody who began before has made it champion since
    filled(10).champions.save(frame_of(CHAMPIONS, [champion("a", 4, 8)]))
    (new,) = later.listed()
    later.store.announce(new, ["/".join(folder.split("/")[-2:]) for folder in before], datetime.now(UTC) - 3 * HOUR)
    with reader.store.writing("r/unfinished", OLD):  # somebody who began before still lives
        assert len(survey(filled(11), RULES, now=datetime.now(UTC)).waiting) == len(before)
    cleaner = filled(11)
    third = survey(cleaner, RULES, now=datetime.now(UTC))
    assert (len(third.replaced), third.waiting) == (len(before), ())
    clean_up(cleaner, third, RULES, now=datetime.now(UTC))
    assert not any(Path(folder).exists() for folder in before)
    last = filled(12).fits.load().select("scenario_id", "run_id").toPandas()
    assert days_of(last) == NEEDED | {("a", 4)}
    assert not last.duplicated().any()


@pytest.mark.spark
def test_when_two_clean_up_at_once_then_the_second_works_for_nothing(
    filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers_module, "LEAD", timedelta(0))
    one, two = filled(9), filled(9)
    found_by_one, found_by_two = (survey(each, RULES, now=NOW) for each in (one, two))
    clean_up(one, found_by_one, RULES, now=NOW)
    clean_up(two, found_by_two, RULES, now=NOW)
    assert days_of(filled(10).fits.load().select("scenario_id", "run_id").toPandas()) == NEEDED
    assert filled(10).fits.load().count() == len(NEEDED)


def test_when_another_clean_up_is_under_way_then_the_second_does_not_begin_until_it_ends_or_is_silent(
    ledgers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone(ledgers(9)):
        with pytest.raises(RunError, match=r"another clean-up of .*/fits is under way"), alone(ledgers(10)):
            pytest.fail("two at once")
        assert len(list(ledgers(9).fits.store.writers())) == 1  # who was refused has left nothing
        with ledgers(9).fits.store.running("reader", OLD):
            monkeypatch.setattr(cleanup_module, "SILENCE", timedelta(0))  # the first one was killed long ago
            with alone(ledgers(10)):
                pass
            monkeypatch.undo()
    with ledgers(9).fits.store.running("reader", OLD), alone(ledgers(10)):
        pass


def test_when_two_clean_ups_begin_at_once_then_at_most_one_goes_on(
    ledgers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, both_tried, cleaning = threading.Barrier(2), threading.Barrier(2), []
    writing = Folders.writing

    @contextmanager
    def together(self: Folders, folder: str, began: datetime) -> Iterator[None]:
        with writing(self, folder, began):
            at_once.wait(30)  # both have said that they are here
            yield

    def clean(day: int) -> None:
        try:
            with alone(ledgers(day)):
                cleaning.append(day)
                both_tried.wait(30)
        except RunError:
            both_tried.wait(30)

    monkeypatch.setattr(Folders, "writing", together)
    threads = [threading.Thread(target=clean, args=(day,)) for day in (9, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(cleaning) <= 1
    monkeypatch.undo()
    with alone(ledgers(11)):  # who was refused has left nothing
        pass


@pytest.mark.spark
def test_when_a_clean_up_is_killed_then_nothing_is_lost_and_the_next_one_does_it(
    filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    cleaner = filled(9)
    found, announce = survey(cleaner, RULES, now=NOW), cleaner.fits.store.announce

    def killed(folder: str, sources: Any, since: datetime | None) -> None:
        if since is not None:  # the rows are written, and it is about to say since when they count
            raise Killed
        announce(folder, sources, since)

    with monkeypatch.context() as patch:
        patch.setattr(cleaner.fits.store, "announce", killed)
        with pytest.raises(Killed):
            clean_up(cleaner, found, RULES, now=NOW)
    assert filled(10).fits.load().count() == len(FITS_THERE)
    monkeypatch.setattr(ledgers_module, "LEAD", timedelta(0))
    second = filled(9)
    found = survey(second, RULES, now=datetime.now(UTC) + 2 * HOUR)
    assert len(found.replaced) == 1  # what the first one wrote
    clean_up(second, found, RULES, now=NOW)
    assert filled(10).fits.load().count() == len(NEEDED)


@pytest.mark.spark
def test_when_two_save_at_once_what_is_needed_again_then_it_is_there_once(spark: Any, ledgers: Any) -> None:
    ledgers(4).fits.save(frame_of(FITS, [fit("a", 4), fit("a", 3)]))
    ledgers(5).fits.save(frame_of(FITS, [fit("a", 5)]))
    ledgers(5).champions.save(frame_of(CHAMPIONS, [champion("a", 4, 5)]))
    store = ledgers(5).fits.store
    old, new = ledgers(5).fits.listed()
    store.announce(new, [old], NOW - 3 * HOUR)
    one, two = ledgers(9), ledgers(9)
    going, seen = [Folder(one.fits.store, old, 1, 1)], two.fits.listed()
    assert seen == [new]
    two.fits.listed = lambda: seen  # it looked before the first one had saved
    for each in (one, two):
        _save_what_is_needed_again(each, going, RULES, NOW)
    store.delete(old)
    later = ledgers(10).fits.load().select("scenario_id", "run_id").toPandas()
    assert sorted(zip(later["scenario_id"], later["run_id"], strict=True)) == [("a", run_id(4)), ("a", run_id(5))]
    ((_, second),) = _replaced(ledgers(10).fits, datetime.now(UTC) - HOUR)
    store.delete(second)

    # its folder is left out in its turn, and somebody needs its fit again: it is saved from there
    (mine,) = [name for name in ledgers(10).fits.listed() if name != new]
    ledgers(9).fits.save(frame_of(FITS, [fit("c", 9)]))
    (last,) = set(ledgers(10).fits.listed()) - {mine, new}
    store.announce(last, [mine], NOW - 2 * HOUR)
    third = ledgers(11)
    assert third.fits.listed() == sorted([new, last])
    _save_what_is_needed_again(third, [Folder(third.fits.store, mine, 1, 1)], RULES, NOW)
    store.delete(mine)
    assert days_of(ledgers(12).fits.load().toPandas()) == {("a", 4), ("a", 5), ("c", 9)}


@pytest.mark.spark
def test_when_a_fit_is_there_twice_then_it_is_written_anew_once(
    spark: Any, ledgers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers_module, "LEAD", timedelta(0))
    for _ in range(2):
        ledgers(9).fits.save(frame_of(FITS, [fit("a", 9)]))
    cleaner = ledgers(9)
    sources = cleaner.fits.listed()
    _rewrite(cleaner, Rewriting(tuple(sources), 2, 2, 2, 2, 2), RULES, NOW)
    later = ledgers(10).fits
    assert len(later.listed()) == 1
    assert later.load().count() == 1


def test_when_a_run_is_under_way_between_two_saves_then_what_it_may_read_stays(
    ledgers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup_module, "_choose", lambda *_: None)
    there, now = ledgers(9), datetime.now(UTC)
    plans, fits = there.plans.store, there.fits.store
    for name in ("r1/a", "r2/b"):
        Path(plans.root, name).mkdir(parents=True)
        plans.commit(name)
    plans.announce("r2/b", ["r1/a"], now - 3 * HOUR)
    with fits.running("early", now - 4 * HOUR):
        assert [one.name for one in survey(there, RULES, now=now).waiting] == ["r1/a"]
    with fits.running("late", now - 2 * HOUR):
        assert [one.name for one in survey(there, RULES, now=now).replaced] == ["r1/a"]


def test_when_rows_are_put_into_files_then_none_is_larger_than_a_reader_can_hold() -> None:
    assert file_numbers([], 10) == []
    assert file_numbers([4, 4, 4, 12, 1, 9, 1], 10) == [0, 0, 1, 2, 3, 3, 4]


def test_when_files_are_small_or_too_large_then_their_folders_are_written_anew() -> None:
    mb = 1024**2

    def chosen(files: dict[str, list[int]], **largest: int) -> set[str]:
        return oddly_filed({name: [size * mb for size in sizes] for name, sizes in files.items()}, largest)

    assert chosen({"one": [5]}) == set()
    assert chosen({"one": [5], "two": [5, 40]}) == {"one", "two"}
    assert chosen({"one": [15] * 5, "two": [40]}) == {"one"}
    assert chosen({"large": [75], "two": [40]}) == {"large"}
    assert chosen({"large": [75], "two": [40]}, large=74 * mb) == set()  # one fit that is so large
    assert chosen({"empty": []}) == set()
