"""A task that misbehaves in any way is an outcome, and its parent lives on."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from distributed_automl.errors import LimitExceeded
from distributed_automl.fleet import limits
from distributed_automl.fleet.limits import Finished, _Child, run_each, run_limited
from distributed_automl.parameters import Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and /proc")

AMPLE = Limits(seconds=30.0, memory_mb=1024)


def stopped(finished: Finished) -> str:
    assert isinstance(finished.stopped, LimitExceeded)
    assert finished.result is None
    return str(finished.stopped)


def test_when_a_task_returns_then_its_result_stage_and_memory_come_back() -> None:
    def task(on_stage: Callable[[str], None]) -> object:
        on_stage("tune")
        return {"answer": 42, "child": os.getpid()}

    finished = run_limited(task, AMPLE)
    assert finished.stopped is None
    assert finished.result["answer"] == 42  # type: ignore[index]
    assert finished.result["child"] != os.getpid()  # type: ignore[index]
    assert finished.stage == "tune"
    assert (finished.peak_memory_mb or 0) > 5
    assert 0 < finished.seconds < 10


def test_when_a_result_is_larger_than_the_pipe_then_it_comes_whole() -> None:
    finished = run_limited(lambda _: b"x" * 20_000_000, AMPLE)
    assert finished.result == b"x" * 20_000_000


def test_when_a_task_ends_between_two_looks_then_its_result_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = _Child._ended

    def slowly(child: _Child) -> bool:
        time.sleep(1.0)
        return ended(child)

    def task(_: Callable[[str], None]) -> object:
        time.sleep(0.3)
        return "answer"

    monkeypatch.setattr(_Child, "_ended", slowly)
    assert run_limited(task, AMPLE).result == "answer"


def test_when_a_task_hangs_then_it_is_stopped_and_the_row_names_its_stage() -> None:
    def task(on_stage: Callable[[str], None]) -> object:
        on_stage("refit")
        time.sleep(60)
        return None

    started = time.monotonic()
    finished = run_limited(task, Limits(seconds=0.5))
    assert stopped(finished) == "stopped after 0.5 s (run.limits.seconds) in stage 'refit'"
    assert time.monotonic() - started < 10


def test_when_a_task_exits_then_its_code_is_told() -> None:
    assert "ended with exit code 3 and no result" in stopped(run_limited(lambda _: os._exit(3), AMPLE))


def test_when_a_task_raises_system_exit_then_its_code_is_told() -> None:
    assert "exit code 5" in stopped(run_limited(lambda _: sys.exit(5), AMPLE))


def test_when_a_task_raises_then_the_parent_does_not() -> None:
    assert "exit code 1" in stopped(run_limited(lambda _: 1 / 0, AMPLE))


def test_when_a_task_is_killed_then_the_signal_is_told() -> None:
    finished = run_limited(lambda _: os.kill(os.getpid(), signal.SIGSEGV), AMPLE)
    assert "was killed by SIGSEGV" in stopped(finished)


def test_when_a_task_swells_step_by_step_then_it_is_stopped_near_its_limit() -> None:
    def task(_: Callable[[str], None]) -> object:
        hog = []
        while True:
            hog.append(bytearray(10_000_000))
            time.sleep(0.01)

    finished = run_limited(task, Limits(seconds=30.0, memory_mb=256))
    assert "run.limits.memory_mb is 256" in stopped(finished)
    assert (finished.peak_memory_mb or 0) > 256


def test_when_a_task_asks_for_far_too_much_at_once_then_it_gets_a_memory_error() -> None:
    def task(_: Callable[[str], None]) -> object:
        try:
            return len(bytearray(64 * 1024**3))
        except MemoryError:
            return "refused"

    assert run_limited(task, Limits(seconds=30.0, memory_mb=256)).result == "refused"


def test_when_a_task_closes_its_pipe_and_hangs_then_it_is_stopped() -> None:
    def task(_: Callable[[str], None]) -> object:
        os.closerange(3, 64)
        time.sleep(60)
        return None

    assert "stopped after 1 s" in stopped(run_limited(task, Limits(seconds=1.0)))


def test_when_a_task_leaves_children_then_they_are_killed_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def task(_: Callable[[str], None]) -> object:
        child = subprocess.Popen(["sleep", "60"])
        note.write_text(str(child.pid))
        os._exit(0)

    assert "exit code 0 and no result" in stopped(run_limited(task, AMPLE))
    assert is_gone(int(note.read_text()))


def test_when_the_parent_dies_then_so_does_the_child(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"""
import os, time
from pathlib import Path
from distributed_automl.fleet.limits import run_limited
from distributed_automl.parameters import Limits
def task(_):
    Path({str(note)!r}).write_text(str(os.getpid()))
    time.sleep(60)
run_limited(task, Limits())
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    assert is_gone(int(note.read_text()))


def test_when_tasks_behave_then_one_child_serves_them_all() -> None:
    found = list(run_each([lambda _, n=n: (n, os.getpid()) for n in range(5)], AMPLE))  # type: ignore[misc]
    results: list[tuple[int, int]] = [finished.result for finished in found]  # type: ignore[misc]
    assert [number for number, _ in results] == [0, 1, 2, 3, 4]
    assert len({pid for _, pid in results}) == 1


def test_when_one_task_swells_then_the_next_ones_peak_is_its_own() -> None:
    def task(n_bytes: int, _: Callable[[str], None]) -> object:
        return len(bytes(bytearray(b"x") * n_bytes))

    big, small = (finished.peak_memory_mb or 0 for finished in run_each([partial(task, n) for n in (2**28, 1)], AMPLE))
    assert big > small + 200


def test_when_a_child_is_old_enough_then_the_next_task_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHILD_SECONDS", 0.5)
    naps = (0.0, 0.0, 0.7, 0.0)

    def task(nap: float, _: Callable[[str], None]) -> object:
        time.sleep(nap)
        return os.getpid()

    first, second, third, fourth = (finished.result for finished in run_each([partial(task, n) for n in naps], AMPLE))
    assert first == second == third != fourth


def test_when_one_of_many_tasks_dies_then_the_others_have_their_results() -> None:
    def task(number: int, on_stage: Callable[[str], None]) -> object:
        on_stage(f"stage {number}")
        if number == 2:
            os._exit(3)
        if number == 3:
            time.sleep(60)
        return number

    found = list(run_each([partial(task, number) for number in range(5)], Limits(seconds=1.0)))
    assert [finished.result for finished in found] == [0, 1, None, None, 4]
    assert "exit code 3 and no result in stage 'stage 2'" in str(found[2].stopped)
    assert "stopped after 1 s (run.limits.seconds) in stage 'stage 3'" in str(found[3].stopped)


def test_when_a_task_dies_of_what_others_left_behind_then_it_gets_a_child_of_its_own() -> None:
    hoard: list[bytearray] = []

    def task(_: Callable[[str], None]) -> object:
        hoard.append(bytearray(100_000_000))
        time.sleep(0.2)
        return len(hoard)

    found = list(run_each([task] * 8, Limits(seconds=30.0, memory_mb=256)))
    held: list[int] = [finished.result for finished in found]  # type: ignore[misc]
    assert held[0] == 1
    assert 1 in held[1:]
    assert all(after in (before + 1, 1) for before, after in pairwise(held))


def test_when_a_task_is_refused_memory_that_others_hold_then_it_gets_a_child_of_its_own() -> None:
    held: list[int] = []

    def task(number: int, _: Callable[[str], None]) -> object:
        held.append(number)
        return "refused" if number == 3 or (number == 1 and len(held) > 1) else os.getpid()

    tasks = [partial(task, number) for number in range(5)]
    found = [finished.result for finished in run_each(tasks, AMPLE, lambda result: result == "refused")]
    assert found[3] == "refused"  # alone too
    first, second, third, last = found[0], found[1], found[2], found[4]
    assert first != second == third
    assert last not in (first, second)  # its child is the one that refused


def test_when_a_task_is_late_then_the_time_of_those_before_it_does_not_count() -> None:
    found = list(run_each([lambda _: time.sleep(0.6)] * 4, Limits(seconds=1.0)))
    assert [finished.stopped for finished in found] == [None] * 4


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BlockingIOError(11, "Resource temporarily unavailable"), "[Errno 11] Resource temporarily unavailable"),
        (MemoryError("no page left"), "no page left"),
    ],
)
def test_when_no_process_can_be_started_then_that_is_an_outcome(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, message: str
) -> None:
    def fork() -> int:
        raise error

    n_open = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "fork", fork)
    told = stopped(run_limited(lambda _: 1, AMPLE))
    assert told == f"its process could not be started: {message}"
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open


def test_when_memory_runs_out_on_the_machine_then_the_child_goes_first_and_leaves_no_core_file() -> None:
    def task(_: Callable[[str], None]) -> object:
        return int(Path("/proc/self/oom_score_adj").read_text()), resource.getrlimit(resource.RLIMIT_CORE)

    assert run_limited(task, AMPLE).result == (1000, (0, 0))


def is_gone(pid: int) -> bool:
    """Wait a little for a process to be gone, or a zombie that nobody has reaped yet."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
