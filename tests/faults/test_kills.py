"""Drivers, executors and Python workers that are killed: nothing lost, nothing doubled, the open wave alone redone."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.machines import Cluster
from tests.faults.conftest import FIRST, SECOND, SPECULATING, THIRD, Driver, Store

from distributed_automl.java import ensure_java

pytestmark = [pytest.mark.spark, pytest.mark.slow]

N_STORES, WAVE = 12, 4
WHOLE = {"n_results": N_STORES, "n_fits": N_STORES + 1, "n_keys": N_STORES + 1, "n_scenarios": N_STORES + 1}
"""Of a store that holds each scenario's fit and the pool's once."""


def assert_whole(answer: dict[str, Any], status: dict[str, int]) -> None:
    assert {name: answer.get(name) for name in WHOLE} == WHOLE, answer
    assert answer["status"] == status


def test_when_the_driver_is_killed_then_the_next_run_redoes_the_open_wave_alone(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    first = start_driver()
    first.order(FIRST, held=["s001"])
    first.wait_until(lambda: "s001" in store.attempts())
    first.kill()
    durable = set(store.fits()["scenario_id"])
    assert len(durable) == WAVE
    second = start_driver()
    assert_whole(second.run(SECOND), {"reused": WAVE, "fitted": N_STORES - WAVE})
    attempts = store.attempts()
    assert set(attempts) == {f"s{number:03d}" for number in range(N_STORES)}
    assert {name for name, n in attempts.items() if name in durable and n > 1} == set()
    assert sum(attempts.values()) - N_STORES <= WAVE


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Two workers on hosts of different names, because Spark never starts a second copy of a task on the same host."""
    ensure_java()
    cluster = Cluster(tmp_path / "machines")
    try:
        cluster.start(1)
        cluster.add_worker("worker-1", host="localhost")
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.chaos
def test_when_python_workers_and_executors_are_killed_and_tasks_speculate_then_each_scenario_is_there_once(
    store: Store, start_driver: Callable[..., Driver], cluster: Cluster
) -> None:
    driver = start_driver(cluster.url, SPECULATING)
    first_of_wave_1, first_of_wave_3 = ("s000", "s003"), ("s002", "s005")
    driver.order(FIRST, held=[*first_of_wave_1, *first_of_wave_3])
    driver.wait_until(lambda: set(first_of_wave_1) <= set(store.attempts()))
    _, worker, *_ = pids_of(store, "s000")
    os.kill(worker, signal.SIGKILL)  # its task is done again; "s003" never ends, so that its own is done twice

    driver.wait_until(lambda: set(first_of_wave_3) <= set(store.attempts()))
    overtaken = [call["pids"] for call in store.calls() if call["scenario"] == "s003"]
    assert len({executor for _, _, _, executor, *_ in overtaken}) == len(overtaken) == 2
    _, _, _, executor, *_ = pids_of(store, "s002")
    assert "CoarseGrainedExecutorBackend" in Path(f"/proc/{executor}/cmdline").read_text()
    os.kill(executor, signal.SIGKILL)
    store.release("s005")
    assert_whole(driver.answer(), {"fitted": N_STORES})
    attempts = store.attempts()
    assert attempts["s000"] >= 2
    assert attempts["s002"] >= 2
    assert store.fits()["scenario_id"].is_unique
    again = driver.run(SECOND)
    assert_whole(again, {"reused": N_STORES})
    assert store.attempts() == attempts


def pids_of(store: Store, scenario: str) -> list[int]:
    """Return the child that attempts a scenario, the Python worker, its daemon, the executor, and so on."""
    (found,) = (call["pids"] for call in store.calls() if call["scenario"] == scenario)
    return list(found)


def test_when_two_runs_work_on_one_store_at_once_then_both_are_whole_and_the_earlier_fits_count(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    one, two = start_driver("local[1,4]"), start_driver("local[1,4]")
    one.order(FIRST, held=["s001"])
    one.wait_until(lambda: "s001" in store.attempts())  # the first wave is durable, the second one open
    two.order(SECOND, held=["s002"])
    two.wait_until(lambda: "s002" in store.attempts())
    store.release("s001")
    store.release("s002")
    answers = [one.answer(), two.answer()]
    assert [answer.get("status") for answer in answers] == [
        {"fitted": N_STORES},
        {"fitted": N_STORES - WAVE, "reused": WAVE},
    ], answers
    assert answers[0]["results"] == answers[1]["results"]
    fits = store.fits()
    assert not fits.duplicated(["scenario_id", "run_id"]).any()
    third = one.run(THIRD)
    assert third["status"] == {"reused": N_STORES}
    assert third["results"] == answers[0]["results"]
    assert sum(store.attempts().values()) == 2 * N_STORES - WAVE
