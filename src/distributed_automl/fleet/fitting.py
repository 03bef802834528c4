"""What a worker does in a wave: fit the scenarios of its bucket, each in a child that may die alone."""

import gc
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from distributed_automl.errors import RunError
from distributed_automl.fleet.limits import OnStage, run_limited
from distributed_automl.fleet.orders import Order, read_orders
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL
from distributed_automl.parameters import AutoML, Limits, Problem
from distributed_automl.tables import FITS, POOLED_PREFIX

if TYPE_CHECKING:
    from distributed_automl.scenario.portfolio import Portfolio
    from distributed_automl.scenario.synthesis import Definitions

Row = dict[str, Any]
Attempt = Callable[["FitJob", Order, pd.DataFrame, OnStage], Row]


@dataclass(frozen=True)
class FitJob:
    """What travels to every worker of a wave.

    Attributes:
        problem: the use case.
        automl: how one scenario is searched.
        definitions: of the features, the same for the whole fleet.
        limits: of one scenario's process.
        run_id: this run.
        wave: this wave.
        code: the driver's `code_digest`, which the worker's must equal.
        attempt: fits one scenario; see `fit_attempt`.
        portfolio: that searches start from.
    """

    problem: Problem
    automl: AutoML
    definitions: "Definitions"
    limits: Limits
    run_id: str
    wave: int
    code: str
    attempt: "Attempt"
    portfolio: "Portfolio"


def fit_bucket(job: FitJob, rows: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Fit every scenario of a bucket; what the UDF of the cogroup does.

    Args:
        job: what all scenarios of the wave share.
        rows: the bucket's rows, with SCENARIO_COL and BUCKET_COL.
        orders: the bucket's orders, see `orders`.

    Returns:
        One row of FITS per order, in the order of the ids.

    Raises:
        RunError: this worker has other code or libraries than the driver, so that fingerprints would lie.
    """
    from distributed_automl.scenario.attempt import preload

    require_same_code(job)
    preload(job.definitions)
    frames = dict(iter(rows.drop(columns=BUCKET_COL).groupby(SCENARIO_COL)))
    gc.collect()
    gc.freeze()  # children share these pages instead of copying them at their first collection
    fits = [
        fit_in_child(job, order, frames.pop(order.scenario_id).drop(columns=SCENARIO_COL))
        for order in read_orders(orders)
    ]
    gc.unfreeze()
    return fits_frame(fits)


def require_same_code(job: FitJob) -> None:
    """Raise RunError unless this process fits with the driver's code, libraries and Python."""
    from distributed_automl.fleet.fingerprint import code_digest

    if code_digest() != job.code:
        raise RunError(
            f"a worker's code differs from the driver's: expected digest {job.code[:12]}, found {code_digest()[:12]} "
            f"on {platform.node()} with Python {platform.python_version()}; give the workers the driver's wheel of "
            "this package, and the same versions of Python and of the libraries in requirements.lock"
        )


def fit_in_child(job: FitJob, order: Order, frame: pd.DataFrame) -> Row:
    """Fit one scenario in a killable child; a child that dies is a failed row."""
    from distributed_automl.scenario.attempt import failed_row

    finished = run_limited(partial(job.attempt, job, order, frame), job.limits)
    if finished.stopped is None:
        row: Row = finished.result  # type: ignore[assignment]
    else:
        stopped = finished.stopped
        row = failed_row(order.scenario_id, finished.stage, type(stopped).__name__, str(stopped))
        row["fit_seconds"] = finished.seconds
    return completed(row, job, order, finished.peak_memory_mb)


def fit_attempt(job: FitJob, order: Order, frame: pd.DataFrame, on_stage: OnStage) -> Row:
    """Fit a scenario or a pool, whichever the id says; never raises for what is wrong with its rows."""
    from distributed_automl.scenario.attempt import attempt_fit, attempt_fit_pool

    is_pool = order.scenario_id.startswith(POOLED_PREFIX)
    fit = attempt_fit_pool if is_pool else partial(attempt_fit, pool=order.pool, portfolio=job.portfolio)
    return fit(
        frame,
        job.problem,
        job.automl,
        scenario_id=order.scenario_id,
        definitions=job.definitions,
        on_stage=on_stage,
    )


def completed(row: Row, job: FitJob, order: Order, peak_memory_mb: float | None) -> Row:
    """Return a row of FITS from what an attempt says, with the run's and the process' share."""
    return {
        **row,
        "run_id": job.run_id,
        "wave": job.wave,
        "fingerprint": order.fingerprint,
        "fitted_at": pd.Timestamp(datetime.now(UTC)),
        "peak_memory_mb": peak_memory_mb,
    }


def fits_frame(fits: list[Row]) -> pd.DataFrame:
    """Return rows as a frame of FITS' columns; objects, so that null stays null."""
    return pd.DataFrame(fits, columns=FITS.names, dtype=object).assign(
        fitted_at=lambda frame: pd.to_datetime(frame["fitted_at"], utc=True)
    )
