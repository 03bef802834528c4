"""Drivers in processes of their own, and what a test wants to know of the store that they share."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = str(ROOT / "src")
if SOURCES not in os.environ.get("PYTHONPATH", "").split(os.pathsep):  # for Spark's workers, as `kedro run` does it
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (SOURCES, os.environ.get("PYTHONPATH"))))
PROGRAM = ROOT / "tests" / "faults" / "fleet_run.py"
PATIENCE_SECONDS = 900.0
"""Far more than anything here takes; only a hang of the program meets it."""
SPECULATING = {
    "spark.executor.memory": "512m",
    "spark.executorEnv.PYTHONPATH": SOURCES,
    "spark.speculation": "true",
    "spark.speculation.interval": "200ms",
    "spark.speculation.multiplier": "1.2",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.efficiency.enabled": "false",
}
"""Settings of a driver on a cluster, where a task that lags is soon tried a second time."""
FIRST, SECOND, THIRD = (
    f"2026010{day}T000000Z-{3 * letter}{3 * letter}" for day, letter in ((1, "a"), (2, "b"), (3, "c"))
)


@dataclass(frozen=True)
class Store:
    """The folder that runs share.

    Attributes:
        root: of the ledgers.
    """

    root: Path

    def calls(self) -> list[dict[str, Any]]:
        """Return the attempts so far: scenario, run, wave, fingerprint, pids; the pool's are left out."""
        found = [json.loads(path.read_text()) for path in sorted(self.root.glob("calls/*.json"))]
        return [call for call in found if not call["scenario"].startswith("__pooled__")]

    def attempts(self, run_id: str | None = None) -> Counter[str]:
        """Return how often each scenario was attempted, in one run or in all."""
        return Counter(call["scenario"] for call in self.calls() if run_id in (None, call["run"]))

    def release(self, scenario: str) -> None:
        """Let the attempt of a scenario go on that a run holds."""
        (self.root / "released").mkdir(exist_ok=True)
        (self.root / "released" / scenario).touch()

    def fits(self) -> pd.DataFrame:
        """Return the scenarios' durable fits, read without Spark."""
        signs = sorted(self.root.glob("fits/*/*/_SUCCESS"))
        frame = pd.concat([pd.read_parquet(sign.parent) for sign in signs], ignore_index=True)
        return frame[~frame["scenario_id"].str.startswith("__pooled__")]


class Driver:
    """A driver process, which may start workers and a JVM: all in one process group."""

    def __init__(self, store: Store, settings: dict[str, str], **popen: Any) -> None:
        with (store.root / f"driver-{time.monotonic_ns()}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(store.root), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYSPARK_PYTHON": sys.executable},
                start_new_session=True,
                text=True,
                **popen,
            )
        self._answers = selectors.DefaultSelector()
        self._answers.register(self.process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]

    def order(self, run_id: str, **options: Any) -> None:
        """Ask for a run."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"run_id": run_id, **options}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what became of the run, or for the word that Spark has started."""
        assert self.process.stdout is not None
        assert self._answers.select(PATIENCE_SECONDS), "the driver does not answer"
        line = self.process.stdout.readline()
        assert line, "the driver died"
        return dict(json.loads(line))

    def has_answer(self) -> bool:
        """Return whether the order is done, or nobody is left to do it."""
        return bool(self._answers.select(0))

    def run(self, run_id: str, **options: Any) -> dict[str, Any]:
        """Ask for a run, and wait for what becomes of it."""
        self.order(run_id, **options)
        return self.answer()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to be so while the driver works on an order."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert not self.has_answer(), self.answer()
            assert time.monotonic() < deadline, "it never was so"
            time.sleep(0.02)

    def kill(self) -> None:
        """End the driver and all that it started, as a machine does that loses its power."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._answers.close()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]


@pytest.fixture
def fleet_here(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return `fleet_run`, for use in this process: what it replaces is put back later."""
    from tests.faults import fleet_run

    from distributed_automl.datasets import folders
    from distributed_automl.datasets import ledger as ledgers_module
    from distributed_automl.fleet import plan as planning
    from distributed_automl.fleet import train as training

    monkeypatch.setattr(folders, "BEAT_SECONDS", folders.BEAT_SECONDS)
    monkeypatch.setattr(ledgers_module, "LEAD", ledgers_module.LEAD)
    monkeypatch.setattr(planning, "settings_digest", planning.settings_digest)
    monkeypatch.setattr(training, "define_features", training.define_features)
    monkeypatch.setattr(training, "fit_attempt", training.fit_attempt)
    return fleet_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def start_driver(store: Store) -> Iterator[Callable[..., Driver]]:
    """Return a function that starts a driver on the store, and waits for its Spark."""
    drivers: list[Driver] = []

    def start(master: str = "local[2,4]", settings: dict[str, str] | None = None, **popen: Any) -> Driver:
        drivers.append(Driver(store, {"spark.master": master, **(settings or {})}, **popen))
        assert drivers[-1].answer()["ready"] == drivers[-1].process.pid
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
