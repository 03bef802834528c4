"""How far a run is: a live line on a terminal, plain lines in a log, and figures for whoever else wants them."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from distributed_automl.errors import tolerated

logger = logging.getLogger(__name__)

LOG_SECONDS = 30.0
"""How often a log without a terminal gets a line while a wave runs."""
LOOK_SECONDS = 5.0
"""How often is looked at what the wave under way has finished."""
Count = Callable[[], tuple[int, int]]
"""Returns how many of the wave under way are done, and how many of these failed."""
Sink = Callable[[dict[str, float]], None]
"""Is told figures by name, e.g. `scenarios_done`; must return at once and not raise."""

sinks: list[Sink] = []
"""Who is told, beside the terminal and the log; the project's hooks add the tracking."""
_under_way: "list[Progress]" = []


@contextmanager
def watching(count: Count) -> Iterator[None]:
    """While the block runs, let the progress under way, if there is any, ask how far its wave is."""
    progress = _under_way[-1] if _under_way else None
    if progress is None:
        yield
        return
    with progress.watching(count):
        yield


class Progress:
    """Counts what is done, and says what is left. It ticks by itself while a Spark job keeps this thread."""

    def __init__(self, console: Console | None = None) -> None:
        """Say it on a console; None: on standard error."""
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._is_troubled = False
        self._reset("", 0, 0.0)

    def _reset(self, what: str, n_total: int, seconds: float) -> None:
        self._what, self._n_total = what, n_total
        self._seconds_total, self._seconds_done, self._seconds_running = seconds, 0.0, 0.0
        self._n_done = self._n_failed = self._n_running = 0
        self._seen = (0, 0)  # done and failed of the wave under way: they are among the running until it ends
        self._count: Count | None = None  # of the wave that is being saved
        self._last_count: Count | None = None  # of the wave that is being saved, or was last
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
        self._is_troubled = False
        ticker = threading.Thread(target=self._tick, daemon=True)
        _under_way.append(self)
        try:
            with self._shown():
                ticker.start()
                yield
        finally:
            _under_way.remove(self)
            self._over.set()
            ticker.join(LOOK_SECONDS)  # it may wait for a slow store
        self._tell()
        logger.info(self.line())

    def _shown(self) -> AbstractContextManager[object]:
        if not self._console.is_terminal:
            return nullcontext()
        return Live(get_renderable=self._render, console=self._console, refresh_per_second=4, transient=True)

    @contextmanager
    def watching(self, count: Count) -> Iterator[None]:
        """While the block runs, ask now and then how far the wave is; who does not know may raise."""
        self._count = self._last_count = count
        try:
            yield
        finally:
            self._count = None

    def begin(self, n: int, seconds: float) -> None:
        """Note that some work begins."""
        with self._lock:
            self._n_running, self._seconds_running, self._paused = n, seconds, time.monotonic()
            self._seen = (0, 0)

    def end(self, n_done: int, n_failed: int) -> None:
        """Note that some of the work that began is done."""
        with self._lock:
            share = self._share(n_done)
            self._seconds_done += share * self._seconds_running
            self._seconds_running *= 1 - share
            self._n_running -= min(n_done, self._n_running)
            self._n_done += n_done
            self._n_failed += n_failed
            self._seen = (0, 0)
            self._paused = time.monotonic()

    def stage(self, name: str) -> None:
        """Note the stage of the scenario under way (local engine)."""
        self._stage = name

    def look(self) -> None:
        """Ask how far the wave under way is."""
        count = self._count
        if count is None or not self._n_running:  # those that are saved are done already, and counted
            return
        try:
            seen = count()
        except (OSError, ValueError, KeyError) as error:  # a display must not end a run
            logger.debug("could not look at what the wave has finished: %s", error)
            return
        with self._lock:
            if self._count is count and seen != self._seen:
                self._seen, self._paused = seen, time.monotonic()

    def n_failed_in_files(self) -> int:
        """Return how many of the wave that was saved last failed, by the files that it left; 0 if none can be read."""
        with tolerated(lambda error: logger.debug("could not look at what the wave has left: %s", error)):
            return self._last_count()[1] if self._last_count else 0
        return 0

    def figures(self) -> dict[str, float]:
        """Return the state as figures; rate and time left only where they are known."""
        with self._lock:
            elapsed = time.monotonic() - self._started
            n_done, n_failed = self._n_done + self._seen[0], self._n_failed + self._seen[1]
            found = {"done": float(n_done), "failed": float(n_failed), "total": float(self._n_total)}
            if n_done and elapsed > 0:
                found["per_second"] = n_done / elapsed
            left = self._seconds_left()
        return found | ({} if left is None else {"seconds_left": left}) | {"seconds": elapsed}

    def line(self) -> str:
        """Return the state in one line."""
        found = self.figures()
        parts = [f"{self._what}: {found['done']:.0f} of {self._n_total} done", f"{found['failed']:.0f} failed"]
        n_running = self._n_running - self._seen[0]
        if n_running > 0:
            parts.append(f"{n_running} running" + (f" ({self._stage})" if self._stage else ""))
        if "per_second" in found:
            parts.append(f"{found['per_second']:.1f}/s")
        if "seconds_left" in found:
            parts.append(f"about {clock(found['seconds_left'])} left")
        return ", ".join([*parts, f"{clock(found['seconds'])} so far"])

    def seconds_left(self) -> float | None:
        """Estimate the time left from the pace so far; None before anything is done, or when all is."""
        with self._lock:
            return self._seconds_left()

    def _seconds_left(self) -> float | None:
        seconds_done = self._seconds_done + self._share(self._seen[0]) * self._seconds_running
        if self._n_done >= self._n_total or seconds_done <= 0:
            return None
        pace = (self._paused - self._started) / seconds_done
        since = time.monotonic() - self._paused
        return max(0.0, pace * (self._seconds_total - seconds_done) - since)

    def _share(self, n_done: int) -> float:
        """Return the share of the running work that so many done of it are."""
        return min(1.0, n_done / self._n_running) if self._n_running else 0.0

    def _render(self) -> RenderableType:
        return Text(self.line())

    def _tick(self) -> None:
        """Look and tell until it is over; a log without a terminal gets a line now and then."""
        logged = time.monotonic()
        while not self._over.wait(min(LOOK_SECONDS, LOG_SECONDS)):
            self._tell()
            if not self._console.is_terminal and time.monotonic() - logged >= LOG_SECONDS:
                logged = time.monotonic()
                logger.info(self.line())

    def _tell(self) -> None:
        """Look, and tell whoever wants to know; whatever a store or a sink raises, the next time may go better."""
        with tolerated(self._complain):
            self.look()
            self._tell_sinks()

    def _complain(self, error: Exception) -> None:
        if not self._is_troubled:
            logger.warning("the progress cannot be told everywhere, and goes on trying: %r", error)
        self._is_troubled = True

    def _tell_sinks(self) -> None:
        found = self.figures()
        if found["done"] >= found["total"]:
            found["seconds_left"] = 0.0  # else the last guess would stand in the tracking for ever
        what = self._what.replace(" ", "_")
        told = {f"{what}_{name}": value for name, value in found.items() if name != "seconds"}
        for sink in sinks:
            sink(told)


def clock(seconds: float) -> str:
    """Write a duration: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
