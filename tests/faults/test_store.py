"""A disk that fills up, and a store that turns read-only, in the middle of a wave: a clear error, and nothing lost."""

import ctypes
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.conftest import FIRST, SECOND, THIRD, Driver, Store

pytestmark = [pytest.mark.spark, pytest.mark.slow]

N_STORES, WAVE = 6, 2
MODEL_BYTES = 200_000
FULL_BYTES = 50_000
"""Where no file may grow larger than this, a wave of models cannot be written, as on a disk that is full."""
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


def obey_permissions() -> None:
    """Give up root's right to write where nobody may, for this process and all that it will start."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE) != 0:
        raise OSError("cannot give up CAP_DAC_OVERRIDE")


@pytest.fixture
def driver(start_driver: Callable[..., Driver]) -> Driver:
    return start_driver("local[1,2]", preexec_fn=obey_permissions)


def order_and_hold(driver: Driver, store: Store, run_id: str, n_stores: int, *, held: str) -> None:
    """Ask for a run, and hold it at a scenario of its second wave."""
    driver.order(run_id, n_stores=n_stores, model_bytes=MODEL_BYTES, held=[held])
    driver.wait_until(lambda: held in store.attempts())
    assert [call["wave"] for call in store.calls() if call["scenario"] == held] == [2]


def limit_files(driver: Driver, n_bytes: int) -> None:
    """Let no file of the driver, its JVM and its workers grow beyond a size."""
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            if os.getpgid(pid) == driver.process.pid:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))
        except ProcessLookupError:
            continue


def turn(root: Path, *, writable: bool) -> None:
    """Let the owner write in a tree of folders, or not."""
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o755 if writable else 0o555)


def test_when_the_disk_is_full_and_then_the_store_read_only_then_what_was_durable_stays_and_the_next_run_goes_on(
    driver: Driver, store: Store
) -> None:
    order_and_hold(driver, store, FIRST, N_STORES, held="s001")
    limit_files(driver, FULL_BYTES)
    store.release("s001")
    failed = driver.answer()
    assert failed["type"] == "RunError", failed
    assert f"could not save '{store.root}/fits/{FIRST}/0002-" in failed["error"]
    assert "File too large. What was saved before is whole" in failed["error"]
    limit_files(driver, resource.RLIM_INFINITY)
    durable = store.fits()
    assert len(durable) == WAVE
    assert set(durable["model_bytes"]) == {MODEL_BYTES}

    again = driver.run(SECOND, n_stores=N_STORES, model_bytes=MODEL_BYTES)
    assert again["status"] == {"reused": WAVE, "fitted": N_STORES - WAVE}, again

    order_and_hold(driver, store, THIRD, 2 * N_STORES, held="s007")
    turn(store.root / "fits", writable=False)
    store.release("s007")
    failed = driver.answer()
    turn(store.root / "fits", writable=True)
    assert failed["type"] == "RunError", failed
    assert f"could not save '{store.root}/fits/{THIRD}/000" in failed["error"]
    assert "What was saved before is whole" in failed["error"]
    last = driver.run("20260104T000000Z-dddddd", n_stores=2 * N_STORES, model_bytes=MODEL_BYTES)
    assert (last["n_results"], last["n_keys"] == last["n_fits"]) == (2 * N_STORES, True), last
    assert set(last["status"]) == {"reused", "fitted"}
    assert last["status"]["fitted"] <= 2 * N_STORES - WAVE
