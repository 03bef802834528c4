"""Figures that move while a run lasts, logged by a thread: a server that dies or hangs costs the run nothing."""

import threading
import time
from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Metric

from distributed_automl.errors import tolerated
from distributed_automl.tracking.run import report_trouble

SECONDS_BETWEEN = 15.0
"""How often the server gets figures at most."""
PREFIX = "progress."


class ProgressLog:
    """Logs the latest figures to one MLflow run; those that come faster than the server takes them are left out."""

    def __init__(self, run_id: str, seconds_between: float = SECONDS_BETWEEN) -> None:
        """Begin; `run_id` is MLflow's."""
        self._run_id = run_id
        self._seconds_between = seconds_between
        self._latest: dict[str, float] = {}
        self._lock = threading.Lock()
        self._news, self._over = threading.Event(), threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def offer(self, figures: Mapping[str, float]) -> None:
        """Take figures over; returns at once."""
        with self._lock:
            self._latest |= figures
        self._news.set()

    def close(self, seconds: float = 3.0) -> None:
        """Log what is left, if the server takes it in time."""
        self._over.set()
        self._news.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._over.is_set():
            self._news.wait()
            self._log()
            self._over.wait(self._seconds_between)
        self._log()

    def _log(self) -> None:
        """Log what came since the last time; whatever a server raises, it may take the next figures."""
        self._news.clear()
        with self._lock:
            figures, self._latest = self._latest, {}
        now, step = int(time.time() * 1000), round(time.monotonic() - self._started)
        metrics = [Metric(f"{PREFIX}{name}", value, now, step) for name, value in figures.items()]
        if metrics:
            with tolerated(lambda error: report_trouble(self._run_id, error)):
                MlflowClient().log_batch(self._run_id, metrics=metrics)
