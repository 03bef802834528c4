"""Run tasks in forked children that can be killed: nothing that a task does can take its parent or a neighbour down."""

import ctypes
import os
import pickle
import resource
import select
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from distributed_automl.errors import LimitExceeded
from distributed_automl.parameters import Limits

T = TypeVar("T")
OnStage = Callable[[str], None]
Task = Callable[[OnStage], object]

POLL_SECONDS = 0.05
"""How often memory is looked at. A child that allocates faster than this meets RLIMIT_AS."""
CHILD_SECONDS = 20.0
"""Age at which a child takes no further task: a fork is little beside it, and what tasks leave behind stays little."""
ADDRESS_SPACE_FACTOR = 4
"""Address space is reserved far more freely than it is used: the hard limit is this multiple of the memory limit."""
_HEADER = struct.Struct("!cQ")
_STAGE, _RESULT, _LAST = b"S", b"R", b"L"
_PEAK = struct.Struct("!d")
_PR_SET_PDEATHSIG = 1
_OOM_SCORE_MAX = 1000


@dataclass(frozen=True)
class Finished:
    """How a task ended.

    Attributes:
        result: what the task returned; None if it did not finish.
        stopped: why it did not finish; None if it did.
        stage: the last stage that it announced; "start" if none.
        peak_memory_mb: largest resident memory of its process while it ran, pages shared with the parent included;
            None if the process never began.
        seconds: wall time.
    """

    result: object
    stopped: LimitExceeded | None
    stage: str
    peak_memory_mb: float | None
    seconds: float


def ignore_stage(stage: str) -> None:
    """Do nothing when a stage begins."""


def run_limited(task: Task, limits: Limits) -> Finished:
    """Run a task in a child of this process, under limits of time and memory.

    The child is a fork: it inherits what is imported, and must inherit no thread pool (a process that used OpenMP
    before it forks gives birth to children that hang). It is killed when this process dies.

    Args:
        task: called with a function that it tells its stages; its result must be picklable.
        limits: wall time, and memory above what this process holds now.

    Returns:
        The result, or why there is none. Never raises for what the task did.
    """
    return next(run_each([task], limits))


def run_each(
    tasks: Sequence[Task], limits: Limits, lacked_memory: Callable[[object], bool] = lambda result: False
) -> Iterator[Finished]:
    """Run tasks one after another, in one child until it is CHILD_SECONDS old, then in the next; see `run_limited`.

    A fork and the pages that a child copies cost more than a short task. The limit of seconds is each task's own. A
    child that swells, dies or is refused memory may owe that to what earlier tasks left behind, so the task under way
    is tried once more, as the first of another child: what becomes of it does not depend on its neighbours.

    Args:
        tasks: as in `run_limited`.
        limits: of each.
        lacked_memory: whether a result tells that its task was refused memory, and made a result of it.

    Yields:
        How each task ended, in order.
    """
    n_done = 0
    while n_done < len(tasks):
        try:
            child = _Child.fork(tasks[n_done:], limits)
        except (OSError, MemoryError) as error:  # no memory or no process left: the next one may fare better
            yield Finished(None, LimitExceeded(f"its process could not be started: {error}"), "start", None, 0.0)
            n_done += 1
            continue
        is_first = True
        with closing(child.serve()) as served:
            for finished in served:
                is_short = finished.stopped is not None or lacked_memory(finished.result)
                if is_short and not is_first and not child.is_too_slow:
                    break
                yield finished
                is_first = False
                n_done += 1


@dataclass(frozen=True)
class _Said:
    """A result as it came through the pipe: pickled, with the last stage before it, and what it took."""

    payload: bytes
    stage: str
    seconds: float
    peak_memory_mb: float
    is_last: bool


class _Child:
    """A forked process, the pipe that it talks through, and what it said so far."""

    def __init__(self, pid: int, pipe: int, limits: Limits) -> None:
        self.pid = pid
        self.pipe = pipe
        self.limits = limits
        self.memory_limit_mb = (resident_mb(os.getpid()) or 0.0) + limits.memory_mb
        self.received = bytearray()
        self.results: deque[_Said] = deque()
        self.is_too_slow = False
        self._expect()

    def _expect(self) -> None:
        """Begin the next task."""
        self.stage, self.started = "start", time.monotonic()

    @classmethod
    def fork(cls, tasks: Sequence[Task], limits: Limits) -> "_Child":
        reader, writer = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            with warnings.catch_warnings():  # Python 3.12 warns of forks beside threads; the child runs none of theirs
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except (OSError, MemoryError):
            os.close(reader)
            os.close(writer)
            raise
        if pid == 0:
            os.close(reader)
            _live(tasks, limits, writer, parent)
        os.close(writer)
        return cls(pid, reader, limits)

    def serve(self) -> Generator[Finished, None, None]:
        """Yield how its tasks ended, the first that did not finish as the last; end and reap it whatever happens."""
        is_reaped = False
        try:
            while True:
                reason = self._watch()
                said = self.results.popleft() if self.results else None
                if said is not None and not said.is_last:
                    yield _finished(said)
                    continue
                status, peak_mb = self._reap()
                is_reaped = True
                yield _finished(said) if said is not None else self._stopped(reason or _ending(status), peak_mb)
                return
        finally:
            if not is_reaped:
                self._reap()

    def _stopped(self, reason: str, peak_mb: float) -> Finished:
        stopped = LimitExceeded(f"{reason} in stage '{self.stage}'")
        return Finished(None, stopped, self.stage, peak_mb, time.monotonic() - self.started)

    def _reap(self) -> tuple[int, float]:
        """End the child; return its exit status and its peak memory."""
        self._kill()
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.pipe)
        return status, _resident_mb_of(usage)

    def _watch(self) -> str | None:
        """Read until there is a result or the child is done; return why it must be killed, or None."""
        poller = select.poll()
        poller.register(self.pipe, select.POLLIN | select.POLLHUP)
        while not self.results:
            ready = poller.poll(POLL_SECONDS * 1000)
            if ready and not self._read():
                return None if self.results or self._exits() else self._too_slow()
            if not self.results and not ready and self._ended():
                while poller.poll(0) and self._read():  # it may have spoken its last since the poll
                    pass
                return None
            reason = None if self.results else self._exceeded()
            if reason:
                return reason
        return None

    def _read(self) -> bool:
        """Take in what the child said; return False at the end of the pipe."""
        chunk = os.read(self.pipe, 1 << 20)
        self.received += chunk
        while len(self.received) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self.received)
            end = _HEADER.size + size
            if len(self.received) < end:
                break
            self._take(kind, bytes(self.received[_HEADER.size : end]))
            del self.received[:end]
        return bool(chunk)

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == _STAGE:
            self.stage = body.decode()
        else:
            (peak_mb,) = _PEAK.unpack_from(body)
            seconds = time.monotonic() - self.started
            self.results.append(_Said(body[_PEAK.size :], self.stage, seconds, peak_mb, kind == _LAST))
            self._expect()

    def _exits(self) -> bool:
        """Return whether a child that closed its pipe also ends, within its time."""
        while time.monotonic() - self.started < self.limits.seconds:
            if self._ended():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _ended(self) -> bool:
        """Return whether the child is a zombie; it may have left children that hold its pipe open."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _exceeded(self) -> str | None:
        if time.monotonic() - self.started > self.limits.seconds:
            return self._too_slow()
        used_mb = resident_mb(self.pid)
        if used_mb is not None and used_mb > self.memory_limit_mb:
            return f"stopped at {used_mb:,.0f} MB (run.limits.memory_mb is {self.limits.memory_mb:,} above its parent)"
        return None

    def _too_slow(self) -> str:
        self.is_too_slow = True
        return f"stopped after {self.limits.seconds:g} s (run.limits.seconds)"

    def _kill(self) -> None:
        """End the child and all that it started; a child that ended already is a zombie still, so its id is its own."""
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)


def _finished(said: _Said) -> Finished:
    return Finished(pickle.loads(said.payload), None, said.stage, said.peak_memory_mb, said.seconds)


def _live(tasks: Sequence[Task], limits: Limits, pipe: int, parent: int) -> NoReturn:
    """Be the child: never return into the code of the parent, whatever the task does."""
    code = 1
    try:
        os.setsid()
        _die_with(parent)
        _be_the_first_to_go()
        _cap_address_space(limits)
        _serve(tasks, pipe)
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


def _serve(tasks: Sequence[Task], pipe: int) -> None:
    """Do tasks until they are all done, or this process is old enough."""
    retires = time.monotonic() + CHILD_SECONDS
    for n_left, task in zip(reversed(range(len(tasks))), tasks, strict=True):
        _forget_peak()
        result = task(lambda stage: _send(pipe, _STAGE, stage.encode()))
        is_last = n_left == 0 or time.monotonic() > retires
        payload = pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)
        _send(pipe, _LAST if is_last else _RESULT, _PEAK.pack(_peak_mb()) + payload)
        if is_last:
            return


def _forget_peak() -> None:
    """Let the largest resident memory be that since now (Linux; elsewhere it stays that since this process began)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    """Return the largest resident memory of this process."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024
    return _resident_mb_of(resource.getrusage(resource.RUSAGE_SELF))


def _resident_mb_of(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def _send(pipe: int, kind: bytes, body: bytes) -> None:
    view = memoryview(_HEADER.pack(kind, len(body)) + body)
    while view:
        view = view[os.write(pipe, view) :]


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _be_the_first_to_go() -> None:
    """Let a machine short of memory end this process before its parent, and a crash not fill the disk with a core."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_MAX))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _cap_address_space(limits: Limits) -> None:
    """Make one huge allocation fail at once, where polling would be too late (Linux)."""
    held_mb = _statm_mb("self", 0)
    if held_mb is not None:
        cap = int((held_mb + ADDRESS_SPACE_FACTOR * limits.memory_mb) * 1024**2)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (cap if hard == resource.RLIM_INFINITY else min(cap, hard), hard))


def resident_mb(pid: int) -> float | None:
    """Return the resident memory of a process; None where the system does not say (no /proc) or it is gone."""
    return _statm_mb(str(pid), 1)


def _statm_mb(pid: str, field: int) -> float | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[field])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"its process was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"its process ended with exit code {os.waitstatus_to_exitcode(status)} and no result"
