"""Nodes that make a fleet's own portfolio: thin calls into the fleet."""

import logging
from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame

from distributed_automl.fleet import pilots as fleet_pilots
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.setup import Setup
from distributed_automl.fleet.train import Frame
from distributed_automl.parameters import AutoML, Pilots, Plan, Problem, Run

logger = logging.getLogger(__name__)


def search_pilots(
    master_df: DataFrame, problem: Problem, automl: AutoML, plan: Plan, run: Run, pilots: Pilots, run_id: str
) -> Iterator[Frame]:
    """Search every candidate on a few scenarios."""
    setup = Setup(problem, automl, plan, run)
    yield from fleet_pilots.search_pilots(master_df, setup, pilots, run_id=run_id, progress=Progress())


def try_on_pilots(
    master_df: DataFrame,
    pilot_searches: DataFrame,
    problem: Problem,
    automl: AutoML,
    plan: Plan,
    run: Run,
    pilots: Pilots,
) -> Iterator[Frame]:
    """Try on all pilots what won on any."""
    setup = Setup(problem, automl, plan, run)
    yield from fleet_pilots.try_on_pilots(master_df, pilot_searches, setup, pilots, Progress())


def choose_portfolio(
    pilot_trials: DataFrame, problem: Problem, automl: AutoML, plan: Plan, run: Run, pilots: Pilots, run_id: str
) -> dict[str, Any]:
    """Choose what every scenario tries first."""
    portfolio = fleet_pilots.choose_portfolio(pilot_trials, Setup(problem, automl, plan, run), pilots, run_id=run_id)
    logger.info("portfolio: made from %d pilots", len(portfolio["pilots"]))
    return portfolio
