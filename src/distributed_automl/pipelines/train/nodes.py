"""Nodes of training: thin calls into the fleet."""

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.fleet import plan as planning
from distributed_automl.fleet import train
from distributed_automl.fleet.past import Past
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.results import collect_results, count_failures, require_tolerable, told_by_status
from distributed_automl.fleet.runs import record_training
from distributed_automl.fleet.session import n_cores
from distributed_automl.fleet.setup import Setup, read_portfolio
from distributed_automl.parameters import AutoML, Plan, Problem, Run

logger = logging.getLogger(__name__)


def make_plan(
    master_df: DataFrame,
    fits_before: DataFrame,
    plans_before: DataFrame,
    problem: Problem,
    automl: AutoML,
    plan: Plan,
    run: Run,
    run_id: str,
    portfolio: dict[str, Any],
    master_df_version: str | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decide what is fitted, what is reused, and why; and write down what the run is set up with."""
    setup = Setup(problem, automl, plan, run, read_portfolio(portfolio))
    past = Past.read(fits_before, plans_before, setup)
    cores = 1 if run.engine == "local" else n_cores(master_df.sparkSession)
    planned = planning.make_plan(master_df, past, setup, run_id=run_id, n_cores=cores)
    logger.info(planning.summary(planned))
    return planned, record_training(setup, run_id, master_df_version).row()


def fit_pools(
    master_df: DataFrame,
    plan: DataFrame,
    fits_before: DataFrame,
    problem: Problem,
    automl: AutoML,
    plan_parameters: Plan,
    run: Run,
    run_id: str,
) -> Iterator[train.Frame]:
    """Fit the pools that this run's plan asks for."""
    planning.require_plan_of(run_id, plan)
    yield from train.fit_pools(master_df, plan, fits_before, Setup(problem, automl, plan_parameters, run), Progress())


def fit_scenarios(
    master_df: DataFrame,
    plan: DataFrame,
    pooled_fits: DataFrame,
    problem: Problem,
    automl: AutoML,
    plan_parameters: Plan,
    run: Run,
    portfolio: dict[str, Any],
    run_id: str,
) -> Iterator[train.Frame]:
    """Fit the scenarios that this run's plan asks for, a wave per yield."""
    planning.require_plan_of(run_id, plan)
    setup = Setup(problem, automl, plan_parameters, run, read_portfolio(portfolio))
    yield from train.fit_scenarios(master_df, plan, pooled_fits, setup, Progress())


def collect(plan: DataFrame, fits: DataFrame) -> DataFrame:
    """Put plan and outcomes together: one row per scenario of this run. Lazy."""
    return collect_results(plan, fits)


def require_few_failures(training_results: DataFrame, training_tracked: bool, run: Run) -> bool:
    """End the run in an error if too many scenarios failed: their rows are durable, and tracked, by then."""
    del training_tracked
    logger.info("training: %s", told_by_status(training_results))
    require_tolerable(count_failures(training_results), run.tolerated_failed_share)
    return True
