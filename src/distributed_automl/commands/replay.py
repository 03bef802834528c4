"""`kedro fleet replay SCENARIO`: one fit or prediction of an earlier run again, in this process, under the debugger."""

import logging
from bdb import BdbQuit
from typing import TYPE_CHECKING, Any

import click
from kedro.io import CatalogProtocol
from kedro.io.core import AbstractVersionedDataset
from rich.console import Console

from distributed_automl.commands.project import keep_quiet, opened, options_of_run
from distributed_automl.errors import RunError
from distributed_automl.tables import PART_COL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Catalog = CatalogProtocol[Any, Any]
HINT = "pdb stops at the first line, and where an error is raised: n next line, s into a call, c go on, q quit"


@click.command(params=options_of_run("env"))
@click.argument("scenario")
@click.option("--run", "run_id", help="The run whose fit or prediction is replayed; default: the latest.")
@click.option("--predict", is_flag=True, help="Replay the scenario's prediction instead of its fit.")
@click.option("--pdb", "debug", is_flag=True, help="Run it under Python's debugger.")
def replay(env: str | None, scenario: str, run_id: str | None, *, predict: bool, debug: bool) -> None:
    """Do one scenario's fit again as a run did it, and compare.

    SCENARIO is a scenario's id, or a pool's (__pooled__/...). Rows, parameters, seed, pool and portfolio are those
    of the run; run.limits do not hold here.
    """
    keep_quiet()
    console = Console()
    if debug:
        console.print(HINT, style="dim")
    with opened(env, {}) as context:
        try:
            (_replay_prediction if predict else _replay_fit)(context.catalog, scenario, run_id, debug, console)
        except BdbQuit:
            console.print("left the debugger; nothing was compared")


def _replay_fit(catalog: Catalog, scenario: str, run_id: str | None, debug: bool, console: Console) -> None:
    from distributed_automl.fleet.replay import find_fit, replay_fit
    from distributed_automl.reporting.replayed import print_replay

    fits = catalog.load("fits_before")
    recorded = find_fit(fits, catalog.load("plans_before"), catalog.load("runs"), scenario, run_id)
    master_df, is_as_read = load_at(catalog, "master_df", recorded.run.table_version)
    table = master_df if is_as_read else master_df.drop(PART_COL)  # its parts may be others than the plan's
    replayed = replay_fit(recorded, table, fits, debug=debug)
    print_replay(recorded.fit, replayed.found, replayed.differing, replayed.reasons, console)


def _replay_prediction(catalog: Catalog, scenario: str, run_id: str | None, debug: bool, console: Console) -> None:
    from distributed_automl.fleet.replay_predict import find_prediction, replay_prediction
    from distributed_automl.reporting.replayed import print_prediction_replay

    if not catalog.exists("predictions_before"):
        raise RunError("nothing was predicted yet: run `kedro run --pipelines=predict` first")
    recorded = find_prediction(catalog.load("predictions_before"), catalog.load("prediction_runs"), scenario, run_id)
    asked, _ = load_at(catalog, "master_df_predict", recorded.run.table_version)
    champions, fits = catalog.load("champions"), catalog.load("fits_before")
    replayed = replay_prediction(recorded, asked, champions, fits, debug=debug)
    print_prediction_replay(recorded.rows, replayed.rows, replayed.differing, replayed.reasons, console)


def load_at(catalog: Catalog, name: str, version: str | None) -> "tuple[DataFrame, bool]":
    """Load a table as a run read it; as it is now, with a warning, if that version is gone.

    Args:
        catalog: of the project.
        name: of the entry.
        version: that the run read; None: it was not versioned.

    Returns:
        The table, and whether it is that version for sure.
    """
    dataset = catalog.get(name)
    there = dataset.list_versions(full_path=False) if isinstance(dataset, AbstractVersionedDataset) else []
    if version in there:
        return catalog.load(name, version=version), True
    if version is None:
        return catalog.load(name), False
    logging.getLogger(__name__).warning(
        "version %s of %s is gone, so the table is taken as it is now; versions that are there: %s",
        version,
        name,
        there[:5],
    )
    return catalog.load(name), False
