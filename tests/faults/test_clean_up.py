"""`kedro fleet clean` beside a run that trains: the run ends whole, and the next one has nothing to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.faults.conftest import FIRST, SECOND, THIRD, Driver, Store

from distributed_automl.datasets.folders import Folders

pytestmark = [pytest.mark.spark, pytest.mark.slow]

N_STORES = 6
N_FOLDERS = 1 + 3
"""Of a run: the pool's wave, and the scenarios'."""
GRACE_SECONDS = 900.0
"""The least that the command takes."""


def test_when_cleaned_up_while_a_run_is_in_a_wave_then_it_ends_whole_and_the_next_one_reuses_everything(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    driver = start_driver()

    def clean(day: int, now: datetime | None = None) -> dict[str, Any]:
        run_id, moment = f"202602{day:02d}T000000Z-cccccc", now.isoformat() if now else None
        return driver.run(run_id, clean=True, grace_seconds=GRACE_SECONDS, now=moment)

    before = driver.run(FIRST, n_stores=N_STORES, seconds=0.0)
    driver.order(SECOND, n_stores=N_STORES, seconds=0.0, settings="others", held=["s001"])
    driver.wait_until(lambda: "s001" in store.attempts(SECOND))

    # What is durable is put together; the new folder takes its place for the runs that begin from now on.
    n_durable = N_FOLDERS + 2
    assert clean(1) == {"aborted": 0, "replaced": 0, "waiting": 0, "rewritten": n_durable, "freed_fits": 0}
    moment = replaced_since(store)
    driver.wait_until(lambda: last_beat(store) > moment)

    # So much later only a run under way keeps what was replaced, and what is being written.
    later = moment + timedelta(seconds=GRACE_SECONDS)
    assert clean(2, later) == {"aborted": 0, "replaced": 0, "waiting": n_durable, "rewritten": 0, "freed_fits": 0}
    store.release("s001")
    during = driver.answer()
    assert during.get("status") == {"fitted": N_STORES}, during
    assert during["n_keys"] == during["n_fits"] == 2 * (N_STORES + 1)

    last = clean(3, datetime.now(UTC) + timedelta(seconds=GRACE_SECONDS))
    assert (last["aborted"], last["replaced"]) == (0, n_durable)
    attempts = store.attempts()
    again = driver.run(THIRD, n_stores=N_STORES, settings="others")
    assert again.get("status") == {"reused": N_STORES}, again
    assert again["n_keys"] == again["n_fits"]
    assert again["results"] == during["results"] == before["results"]
    assert again["champions"] == during["champions"] == before["champions"]
    assert store.attempts() == attempts


def replaced_since(store: Store) -> datetime:
    """Return since when a clean-up's folder has the place of others."""
    (one,) = Folders(f"{store.root}/fits").replacements()
    assert one.since is not None
    return one.since


def last_beat(store: Store) -> datetime:
    """Return since when all who are under way, or write, have said that they live."""
    return min(writer.beat for writer in Folders(f"{store.root}/fits").writers())
