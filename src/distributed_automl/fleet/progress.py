"""How far a run is: a live line on a terminal, plain lines in a log."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

logger = logging.getLogger(__name__)
LOG_SECONDS = 30.0
"""How often a log without a terminal gets a line while a wave runs."""


class Progress:
    """Counts what is done, and says what is left. It ticks by itself while a Spark job keeps this thread."""

    def __init__(self, console: Console | None = None) -> None:
        """Say it on a console; None: on standard error."""
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._reset("", 0, 0.0)

    def _reset(self, what: str, n_total: int, seconds: float) -> None:
        self._what, self._n_total = what, n_total
        self._seconds_total, self._seconds_done, self._seconds_running = seconds, 0.0, 0.0
        self._n_done = self._n_failed = self._n_running = 0
        self._stage = ""
        self._started = self._paused = time.monotonic()

    @contextmanager
    def running(self, what: str, n_total: int, seconds: float) -> Iterator[None]:
        """Show progress while the block runs.

        Args:
            what: plural of what is counted.
            n_total: how many there are.
            seconds: expected core-seconds of all of them; only proportions matter.
        """
        self._reset(what, n_total, seconds)
        self._over.clear()
        if self._console.is_terminal:
            with Live(get_renderable=self._render, console=self._console, refresh_per_second=4, transient=True):
                yield
        else:
            ticker = threading.Thread(target=self._log_now_and_then, daemon=True)
            ticker.start()
            try:
                yield
            finally:
                self._over.set()
                ticker.join()
        logger.info(self.line())

    def begin(self, n: int, seconds: float) -> None:
        """Note that some work begins."""
        with self._lock:
            self._n_running, self._seconds_running, self._paused = n, seconds, time.monotonic()

    def end(self, n_done: int, n_failed: int) -> None:
        """Note that some of the work that began is done."""
        with self._lock:
            share = min(1.0, n_done / self._n_running) if self._n_running else 0.0
            self._seconds_done += share * self._seconds_running
            self._seconds_running *= 1 - share
            self._n_running -= min(n_done, self._n_running)
            self._n_done += n_done
            self._n_failed += n_failed
            self._paused = time.monotonic()

    def stage(self, name: str) -> None:
        """Note the stage of the scenario under way (local engine)."""
        self._stage = name

    def line(self) -> str:
        """Return the state in one line."""
        with self._lock:
            elapsed = time.monotonic() - self._started
            parts = [f"{self._what}: {self._n_done} of {self._n_total} done", f"{self._n_failed} failed"]
            if self._n_running:
                parts.append(f"{self._n_running} running" + (f" ({self._stage})" if self._stage else ""))
            if self._n_done and elapsed > 0:
                parts.append(f"{self._n_done / elapsed:.1f}/s")
            left = self.seconds_left()
            if left is not None:
                parts.append(f"about {clock(left)} left")
            return ", ".join([*parts, f"{clock(elapsed)} so far"])

    def seconds_left(self) -> float | None:
        """Estimate the time left from the pace so far; None before anything is done, or when all is."""
        if self._n_done >= self._n_total or self._seconds_done <= 0:
            return None
        pace = (self._paused - self._started) / self._seconds_done
        since = time.monotonic() - self._paused
        return max(0.0, pace * (self._seconds_total - self._seconds_done) - since)

    def _render(self) -> RenderableType:
        return Text(self.line())

    def _log_now_and_then(self) -> None:
        while not self._over.wait(LOG_SECONDS):
            logger.info(self.line())


def clock(seconds: float) -> str:
    """Write a duration: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
