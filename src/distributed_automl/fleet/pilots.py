"""A fleet's own portfolio: pilots of all sizes are searched, what won on one is tried on all, and the best is kept.

Both passes are waves as training has them: children that may die alone, failures as rows, either engine.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.errors import RunError
from distributed_automl.fleet.estimates import by_rows
from distributed_automl.fleet.fingerprint import measure
from distributed_automl.fleet.fitting import FitJob, Row
from distributed_automl.fleet.limits import OnStage
from distributed_automl.fleet.orders import Order
from distributed_automl.fleet.plan import check_sizes
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.results import Failures, require_tolerable
from distributed_automl.fleet.scenario_ids import with_ids
from distributed_automl.fleet.session import n_cores
from distributed_automl.fleet.setup import Setup
from distributed_automl.fleet.train import Frame, fit_wave
from distributed_automl.fleet.waves import fill_tasks
from distributed_automl.parameters import AutoML, Pilots
from distributed_automl.tables import FITS, PILOTS

if TYPE_CHECKING:
    from distributed_automl.scenario.arena import Arena
    from distributed_automl.scenario.pilots import PilotTrial

    Trials = list[tuple[str, list[PilotTrial]]]

Judge = Callable[["Arena", AutoML], "list[PilotTrial]"]
ADVICE = "Their rows are saved: see the tracebacks there; mend the cause, or raise the share"


def search_pilots(
    master_df: DataFrame, setup: Setup, pilots: Pilots, *, run_id: str, progress: Progress
) -> Iterator[Frame]:
    """Search every candidate on some scenarios of all sizes, of those that the run is restricted to; yield their rows.

    Args:
        master_df: the training table.
        setup: the run's parameters.
        pilots: how many scenarios and trials.
        run_id: this run.
        progress: is told how it goes.

    Raises:
        RunError: the table is empty, or `run.scenarios` names a scenario that is not there.
    """
    from distributed_automl.scenario.pilots import choose_pilots, search_pilot

    sizes = measure(master_df, setup.problem)
    check_sizes(sizes, setup)
    if setup.run.scenarios:
        sizes = sizes[sizes["scenario_id"].isin(setup.run.scenarios)]
    chosen = sizes[sizes["scenario_id"].isin(choose_pilots(sizes, pilots.n_pilots))]
    judge = partial(search_pilot, n_trials=pilots.n_trials)
    yield from _judge(master_df, chosen.assign(run_id=run_id), setup, judge, progress)


def try_on_pilots(
    master_df: DataFrame, searched: DataFrame, setup: Setup, pilots: Pilots, progress: Progress
) -> Iterator[Frame]:
    """Try what won on any pilot, and the general portfolio, on every pilot; yield their rows.

    Args:
        master_df: the training table.
        searched: rows of PILOTS from `search_pilots`.
        setup: the run's parameters.
        pilots: how many configurations.
        progress: is told how it goes.

    Raises:
        RunError: no pilot could be searched, or more of them failed than the run tolerates.
    """
    from distributed_automl.scenario.estimators import competitors
    from distributed_automl.scenario.pilots import to_try, try_on_pilot
    from distributed_automl.scenario.portfolio import general_portfolio

    won = [trial for _, trials in read_trials(searched, setup) for trial in trials]
    rows = searched.where("status = 'judged'").select("scenario_id", "run_id", "n_samples", "fingerprint").toPandas()
    known = general_portfolio().configurations.get(setup.problem.task, {})
    competing = [one.name for one in competitors(setup.automl.candidates, setup.problem.task)]
    known = {name: known[name] for name in competing if name in known}
    judge = partial(try_on_pilot, tried=to_try(won, known, max_tried=pilots.max_tried))
    chosen = rows.rename(columns={"n_samples": "n_rows", "fingerprint": "rows_fingerprint"})
    yield from _judge(master_df, chosen, setup, judge, progress)


def choose_portfolio(tried: DataFrame, setup: Setup, pilots: Pilots, *, run_id: str) -> dict[str, Any]:
    """Choose the configurations that are worth a trial everywhere; the general portfolio fills in.

    Args:
        tried: rows of PILOTS from `try_on_pilots`.
        setup: the run's parameters.
        pilots: how many configurations.
        run_id: this run, kept beside the portfolio for people.

    Raises:
        RunError: no pilot could be tried, or more of them failed than the run tolerates.
    """
    from distributed_automl.scenario.pilots import make_portfolio, trials_frame
    from distributed_automl.scenario.portfolio import general_portfolio

    trials = read_trials(tried, setup)
    made = make_portfolio(
        trials_frame(trials), general_portfolio(), setup.problem.task, n_configurations=pilots.n_configurations
    )
    return {"run_id": run_id, "pilots": [pilot for pilot, _ in trials], **made.to_json()}


def read_trials(rows: DataFrame, setup: Setup) -> "Trials":
    """Return the trials of every pilot that has some, sorted by pilot.

    Args:
        rows: of PILOTS, durable by now.
        setup: says what share of them may have failed.

    Raises:
        RunError: too many failed, or there are no trials at all; names what the pilots ended with.
    """
    from distributed_automl.scenario.pilots import PilotTrial

    told = rows.select("scenario_id", "status", "stage", "error_type", "message", "trials").toPandas()
    found = told.sort_values("scenario_id")
    failed = found[found["status"] == "failed"].rename(columns={"message": "reason"})
    require_tolerable(Failures(len(found), failed), setup.run.tolerated_failed_share, advice=ADVICE)
    judged = found[found["status"] == "judged"]
    if judged.empty:
        reasons = (found["scenario_id"] + ": " + found["message"].astype(str)).head(5).tolist()
        raise RunError(
            f"expected at least one pilot with trials, found none of {len(found)}: {reasons}; mend the data, or let "
            "more scenarios be pilots (pilots.n_pilots)"
        )
    return [
        (row["scenario_id"], [PilotTrial(**trial) for trial in json.loads(row["trials"])])
        for row in judged.to_dict("records")
    ]


def pilot_attempt(job: FitJob, order: Order, frame: pd.DataFrame, on_stage: OnStage, *, judge: Judge) -> Row:
    """Search or try one pilot; never raises for what is wrong with its rows."""
    from distributed_automl.scenario.attempt import attempt_pilot

    return attempt_pilot(
        frame,
        job.problem,
        job.automl,
        scenario_id=order.scenario_id,
        judge=judge,
        definitions=job.definitions,
        on_stage=on_stage,
    )


def _judge(
    master_df: DataFrame, chosen: pd.DataFrame, setup: Setup, judge: Judge, progress: Progress
) -> Iterator[Frame]:
    """Do the same with every pilot, in one wave.

    Args:
        master_df: the training table.
        chosen: scenario_id, run_id, n_rows, rows_fingerprint of the pilots.
        setup: the run's parameters.
        judge: see `attempt_pilot`.
        progress: is told how it goes.
    """
    spark = master_df.sparkSession
    seconds = by_rows(chosen["n_rows"])
    cores = 1 if setup.run.engine == "local" else n_cores(spark)
    part = chosen.assign(
        fingerprint=chosen["rows_fingerprint"],
        pool_key=None,
        wave=0,
        bucket=fill_tasks(seconds, setup.plan, cores),
        estimated_seconds=seconds,
    )
    attempt = partial(pilot_attempt, judge=judge)
    rows, no_models = with_ids(master_df, setup.problem), spark.createDataFrame([], schema=FITS.ddl)
    with progress.running("pilots", len(part), float(seconds.sum())):
        yield from fit_wave(rows, no_models, part, setup, progress, attempt=attempt, table=PILOTS)
