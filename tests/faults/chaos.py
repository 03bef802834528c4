"""Kill drivers, workers, children and clean-ups at random moments, a hundred times, and count what is left.

    make chaos ARGS="--kills 20 --seed 1"

Round after round a small fleet is trained in a folder of its own, with some ten kills on the way. After each, every
scenario must be there once, no durable fit made again, and no more than the open wave after each kill.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.conftest import Driver, Store

N_STORES, N_WAVES = 24, 6
WAVE = N_STORES // N_WAVES
KILLS_PER_ROUND = 10
KINDS = ("driver", "driver", "worker", "child", "clean")
"""What is killed; a clean-up is killed with its driver."""


@dataclass
class Tally:
    """What happened so far."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    refitted_though_durable: int = 0
    refitted: int = 0
    most_refitted_at_once: int = 0

    @property
    def is_good(self) -> bool:
        wrong = self.lost + self.doubled + self.refitted_though_durable
        return wrong == 0 and self.most_refitted_at_once <= WAVE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after so long")
    parser.add_argument("--longest", type=float, default=12.0, help="seconds from an order to the kill, at most")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tally, rng, started = Tally(), random.Random(arguments.seed), time.monotonic()
    while tally.kills.total() < arguments.kills and time.monotonic() - started < arguments.seconds:
        with tempfile.TemporaryDirectory() as folder:
            play_round(Store(Path(folder)), tally, rng, min(KILLS_PER_ROUND, arguments.kills), arguments.longest)
        tell(f"{tally.kills.total()} kills in {time.monotonic() - started:.0f} s: {tally}")
    return int(not tally.is_good)


def play_round(store: Store, tally: Tally, rng: random.Random, n_kills: int, longest: float) -> None:
    """Train one fleet to its end, with some kills on the way, and count."""
    driver: Driver | None = None
    while True:
        driver = driver or new_driver(store)
        kind = rng.choice(KINDS) if n_kills else None
        run_id = f"20260101T{tally.runs:06d}Z-aaaaaa"
        before, status = store.attempts(), status_of_fits(store)
        order(driver, run_id, kind)
        tally.runs += 1
        if kind and strike(driver, store, kind, run_id, rng.uniform(0.0, longest)):
            tally.kills[kind] += 1
            n_kills -= 1
        answer = None if driver.process.poll() is not None else driver.answer()
        count_refits(tally, before, store.attempts(), status)
        if answer is None:
            driver = None
        elif "error" in answer:
            raise SystemExit(answer["traceback"])
        elif kind is None:
            break
    tally.rounds += 1
    fits = store.fits()
    tally.lost += N_STORES - fits.loc[fits["status"] == "fitted", "scenario_id"].nunique()
    tally.doubled += answer["n_fits"] - answer["n_keys"] + abs(answer["n_results"] - N_STORES)
    driver.kill()


def new_driver(store: Store) -> Driver:
    driver = Driver(store, {"spark.master": "local[2,4]"})
    driver.answer()  # the word that Spark has started
    return driver


def order(driver: Driver, run_id: str, kind: str | None) -> None:
    options: dict[str, Any] = {"n_stores": N_STORES, "n_waves": N_WAVES, "seconds": 0.3}
    driver.order(run_id, **({"clean": True} if kind == "clean" else options))


def strike(driver: Driver, store: Store, kind: str, run_id: str, seconds: float) -> bool:
    """Kill something after a while; return whether there still was something to kill."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not driver.has_answer():
        time.sleep(0.01)
    if driver.has_answer():
        return False
    if kind in ("driver", "clean"):
        driver.kill()
        return True
    mine = [call["pids"] for call in store.calls() if call["run"] == run_id]
    with suppress(ProcessLookupError):
        if mine:
            os.kill(mine[-1][1 if kind == "worker" else 0], signal.SIGKILL)
            return True
    return False


def status_of_fits(store: Store) -> dict[str, str]:
    """Return scenario -> status of its durable fit; "fitted" counts more than "failed"."""
    if not any(store.root.glob("fits/*/*/_SUCCESS")):
        return {}
    fits = store.fits().sort_values("status")  # the last one counts
    return dict(zip(fits["scenario_id"], fits["status"], strict=True))


def count_refits(tally: Tally, before: Counter[str], now: Counter[str], status: Mapping[str, str]) -> None:
    """Count the scenarios that the last run attempted though an earlier one had; those that had failed it should."""
    again = {name for name, n in (now - before).items() if n and before[name] and status.get(name) != "failed"}
    durable = {name for name in again if status.get(name) == "fitted"}
    tally.refitted_though_durable += len(durable)
    tally.refitted += len(again)
    tally.most_refitted_at_once = max(tally.most_refitted_at_once, len(again - durable))


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
