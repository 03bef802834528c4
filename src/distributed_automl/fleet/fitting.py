"""What a worker does in a wave: fit the scenarios of its bucket in children, any of which may die alone."""

import gc
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from distributed_automl.errors import RunError
from distributed_automl.fleet.limits import Finished, OnStage, run_each
from distributed_automl.fleet.orders import Order, read_orders
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL
from distributed_automl.parameters import AutoML, Limits, Problem
from distributed_automl.tables import FITS, Table, is_pool

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
        table: contract of the rows that the attempt makes.
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
    table: Table = FITS


def fit_bucket(job: FitJob, rows: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Fit every scenario of a bucket; what the UDF of the cogroup does.

    Args:
        job: what all scenarios of the wave share.
        rows: the bucket's rows, with SCENARIO_COL and BUCKET_COL.
        orders: the bucket's orders, see `orders`.

    Returns:
        One row of the job's table per order, in the order of the ids.

    Raises:
        RunError: this worker has other code or libraries than the driver, so that fingerprints would lie; or a scenario
            has no rows.
    """
    from distributed_automl.scenario.attempt import preload

    require_same_code(job)
    preload(job.definitions)
    frames = dict(iter(rows.drop(columns=[BUCKET_COL, SCENARIO_COL]).groupby(rows[SCENARIO_COL])))
    todo = read_orders(orders)
    for order in todo:
        if order.scenario_id not in frames:
            raise rows_are_gone(order.scenario_id)
    gc.collect()
    gc.freeze()  # children share these pages instead of copying them at their first collection
    try:
        fits = list(fit_in_children(job, [(order, frames[order.scenario_id]) for order in todo]))
    finally:
        gc.unfreeze()
    return rows_frame(fits, job.table)


def rows_are_gone(scenario_id: str) -> RunError:
    """Return the error of a scenario whose rows are not where the plan found them."""
    return RunError(
        f"master_df has no rows of '{scenario_id}' where the plan found them: it was written since; plan again"
    )


def require_same_code(job: FitJob) -> None:
    """Raise RunError unless this process fits with the driver's code, libraries and Python."""
    from distributed_automl.fleet.fingerprint import code_digest

    if code_digest() != job.code:
        raise RunError(
            f"a worker's code differs from the driver's: expected digest {job.code[:12]}, found {code_digest()[:12]} "
            f"on {platform.node()} with Python {platform.python_version()}; give the workers the driver's wheel of "
            "this package, and the same versions of Python and of the libraries in requirements.lock"
        )


def fit_in_children(job: FitJob, todo: Sequence[tuple[Order, pd.DataFrame]]) -> Iterator[Row]:
    """Fit scenarios in killable children; a child that dies is a failed row.

    Args:
        job: what all share.
        todo: each scenario's order, and its rows.

    Yields:
        Each scenario's row, in order.
    """
    tasks = [partial(job.attempt, job, order, frame) for order, frame in todo]
    for (order, _), finished in zip(todo, run_each(tasks, job.limits, lacked_memory), strict=True):
        yield completed(_row_of(job, order, finished), job, order, finished.peak_memory_mb)


def lacked_memory(row: Any) -> bool:
    """Return whether a row says that the fit was refused memory (numpy's error has a name of its own)."""
    return str(row.get("error_type")).endswith("MemoryError")


def _row_of(job: FitJob, order: Order, finished: Finished) -> Row:
    from distributed_automl.scenario.attempt import failed_row

    if finished.stopped is None:
        row: Row = finished.result  # type: ignore[assignment]
        return row
    failed = failed_row(job.table, order.scenario_id, finished.stage, finished.stopped)
    return {**failed, "fit_seconds": finished.seconds}


def fit_attempt(job: FitJob, order: Order, frame: pd.DataFrame, on_stage: OnStage) -> Row:
    """Fit a scenario or a pool, whichever the id says; never raises for what is wrong with its rows."""
    from distributed_automl.scenario.attempt import attempt_fit, attempt_fit_pool

    scenario_fit = partial(attempt_fit, pool=order.pool, portfolio=job.portfolio)
    fit = attempt_fit_pool if is_pool(order.scenario_id) else scenario_fit
    return fit(
        frame,
        job.problem,
        job.automl.with_trials(order.n_trials),
        scenario_id=order.scenario_id,
        definitions=job.definitions,
        on_stage=on_stage,
    )


def completed(row: Row, job: FitJob, order: Order, peak_memory_mb: float | None) -> Row:
    """Return a row of the job's table from what an attempt says, with the run's and the process' share."""
    return {
        **row,
        "run_id": job.run_id,
        "wave": job.wave,
        "fingerprint": order.fingerprint,
        "fitted_at": pd.Timestamp(datetime.now(UTC)),
        "peak_memory_mb": peak_memory_mb,
    }


def rows_frame(rows: list[Row], table: Table) -> pd.DataFrame:
    """Return rows as a frame of a table's columns, without any others; objects, so that null stays null."""
    frame = pd.DataFrame(rows, columns=table.names, dtype=object)
    stamps = [column.name for column in table.columns if column.type == "timestamp"]
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in stamps})
