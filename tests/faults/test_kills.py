"""Drivers, executors and Python workers that are killed: nothing lost, nothing doubled, the open wave alone redone."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.faults.conftest import FIRST, SECOND, Driver, Store

pytestmark = [pytest.mark.spark, pytest.mark.slow]

N_STORES, WAVE = 12, 4
WHOLE = {"n_results": N_STORES, "n_fits": N_STORES + 1, "n_keys": N_STORES + 1, "n_scenarios": N_STORES + 1}
"""Of a store that holds each scenario's fit and the pool's once."""


def assert_whole(answer: dict[str, Any], status: dict[str, int]) -> None:
    assert {name: answer.get(name) for name in WHOLE} == WHOLE, answer
    assert answer["status"] == status


def in_wave(store: Store, wave: int) -> bool:
    return any(call["wave"] == wave for call in store.calls())


def test_when_the_driver_is_killed_then_the_next_run_redoes_the_open_wave_alone(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    first = start_driver()
    first.order(FIRST, seconds=0.4)
    first.wait_until(lambda: in_wave(store, 2))
    first.kill()
    durable = set(store.fits()["scenario_id"])
    assert len(durable) == WAVE
    second = start_driver()
    assert_whole(second.run(SECOND), {"reused": WAVE, "fitted": N_STORES - WAVE})
    attempts = store.attempts()
    assert set(attempts) == {f"s{number:03d}" for number in range(N_STORES)}
    assert {name for name, n in attempts.items() if name in durable and n > 1} == set()
    assert sum(attempts.values()) - N_STORES <= WAVE


@pytest.mark.chaos
def test_when_python_workers_and_executors_are_killed_and_tasks_speculate_then_each_scenario_is_there_once(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    driver = start_driver(
        "local-cluster[2,1,512]",
        {
            "spark.executor.memory": "512m",
            "spark.speculation": "true",
            "spark.speculation.interval": "200ms",
            "spark.speculation.multiplier": "1.2",
            "spark.speculation.quantile": "0.5",
            "spark.speculation.minTaskRuntime": "1s",
        },
    )
    driver.order(FIRST, slow_once="s003", seconds=0.4)
    driver.wait_until(lambda: in_wave(store, 1))
    worker = next(call["pids"][1] for call in store.calls() if call["wave"] == 1)
    os.kill(worker, signal.SIGKILL)
    driver.wait_until(lambda: in_wave(store, 3))
    executor = executor_of(next(call["pids"] for call in store.calls() if call["wave"] == 3), driver)
    os.kill(executor, signal.SIGKILL)
    assert_whole(driver.answer(), {"fitted": N_STORES})
    attempts = store.attempts()
    assert attempts["s003"] >= 2  # its slow first attempt was overtaken by another
    assert store.fits()["scenario_id"].is_unique
    again = driver.run(SECOND)
    assert_whole(again, {"reused": N_STORES})
    assert store.attempts() == attempts


def executor_of(pids: list[int], driver: Driver) -> int:
    """Return the JVM above a Python worker and its daemon, which must not be the driver's own."""
    executor = pids[3]
    assert driver.process.pid not in pids[:4]
    return executor


def test_when_two_runs_work_on_one_store_at_once_then_both_are_whole_and_the_earlier_fits_count(
    store: Store, start_driver: Callable[..., Driver]
) -> None:
    one, two = start_driver("local[1,4]"), start_driver("local[1,4]")
    one.order(FIRST)
    two.order(SECOND)
    answers = [one.answer(), two.answer()]
    assert [answer["n_results"] for answer in answers] == [N_STORES, N_STORES], answers
    assert answers[0]["models"] == answers[1]["models"]
    fits = store.fits()
    assert not fits.duplicated(["scenario_id", "run_id"]).any()
    third = one.run("20260103T000000Z-cccccc")
    assert third["status"] == {"reused": N_STORES}
    assert third["models"] == answers[0]["models"]
    assert sum(store.attempts().values()) <= 2 * N_STORES
