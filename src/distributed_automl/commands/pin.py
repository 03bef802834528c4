"""`kedro fleet pin SCENARIO... --run RUN`: let a run's fits predict, whatever is trained later."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from distributed_automl.commands.champions import require_known, save, signature_of, signed
from distributed_automl.commands.project import keep_quiet, opened, options_of_run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@click.command(params=[*options_of_run("env"), *signed(default_reason="pinned by hand")])
@click.argument("scenarios", nargs=-1, required=True)
@click.option("--run", "run_id", required=True, help="The run that made the fits, or reused them.")
def pin(env: str | None, scenarios: tuple[str, ...], run_id: str, reason: str, by: str) -> None:
    """Let the fits of a run predict from now on; `promote` leaves them alone until `kedro fleet unpin`."""
    from distributed_automl.monitoring.promotion import fits_there, recent
    from distributed_automl.monitoring.promotion import pin as decide

    keep_quiet()
    with opened(env, {}) as context:
        catalog = context.catalog
        champions = recent(catalog.load("champions_before"))
        require_known(scenarios, set(champions["scenario_id"]))
        fit_of = fits_of_run(catalog.load("plans_before"), run_id, scenarios)
        there = fits_there(catalog.load("fits_before"), set(fit_of.values()))
        save(catalog, champions, decide(champions, there, fit_of, signature_of(by, reason)))


def fits_of_run(plans: "DataFrame", run_id: str, scenarios: Sequence[str]) -> dict[str, str]:
    """Return scenario_id -> the run that made the fit which a run has: itself, or the one whose fit it reused.

    Args:
        plans: rows of PLAN.
        run_id: the run.
        scenarios: whom it is about.
    """
    from pyspark.sql import functions as F

    mine = plans.where((F.col("run_id") == run_id) & F.col("scenario_id").isin(list(scenarios)))
    reused = {row["scenario_id"]: row["fit_run_id"] for row in mine.select("scenario_id", "fit_run_id").collect()}
    return {name: reused.get(name) or run_id for name in scenarios}
