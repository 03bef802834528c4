"""`kedro fleet replay SCENARIO`: one fit or prediction of an earlier run again, in this process, under the debugger."""

import logging
from bdb import BdbQuit
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from kedro.io import CatalogProtocol
from kedro.io.core import AbstractVersionedDataset, VersionNotFoundError
from rich.console import Console

from distributed_automl.commands.project import keep_quiet, opened, options_of_run
from distributed_automl.datasets.version import time_of
from distributed_automl.errors import RunError
from distributed_automl.hooks import new_run_id
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
    with reading(catalog, recorded.run.table_version):
        master_df, is_as_read = load_at_or_latest(catalog, "master_df", recorded.run.table_version)
        table = master_df if is_as_read else master_df.drop(PART_COL)  # its parts may be others than the plan's
        replayed = replay_fit(recorded, table, fits, debug=debug)
    print_replay(recorded.fit, replayed.found, replayed.differing, replayed.reasons, console)


def _replay_prediction(catalog: Catalog, scenario: str, run_id: str | None, debug: bool, console: Console) -> None:
    from distributed_automl.fleet.replay_predict import find_prediction, replay_prediction
    from distributed_automl.reporting.replayed import print_prediction_replay

    if not catalog.exists("predictions_before"):
        raise RunError("nothing was predicted yet: run `kedro run --pipelines=predict` first")
    recorded = find_prediction(catalog.load("predictions_before"), catalog.load("prediction_runs"), scenario, run_id)
    champions, fits = catalog.load("champions"), catalog.load("fits_before")
    with reading(catalog, recorded.run.table_version):
        asked = load_at(catalog, "master_df_predict", recorded.run.table_version)
        replayed = replay_prediction(recorded, asked, champions, fits, debug=debug)
    print_prediction_replay(recorded.rows, replayed.rows, replayed.differing, replayed.reasons, console)


@contextmanager
def reading(catalog: Catalog, version: str | None) -> Iterator[None]:
    """Say, as long as the block runs, that somebody reads an old version: no clean-up takes it away."""
    from distributed_automl.datasets.ledger import ledgers_in

    since = time_of(version) if version else None
    store = ledgers_in(catalog)["fits_before"].store
    with store.running(f"replay-{new_run_id()}", since or datetime.now(UTC)):
        yield


def load_at(catalog: Catalog, name: str, version: str | None) -> "DataFrame":
    """Load a table as a run read it.

    Args:
        catalog: of the project.
        name: of the entry.
        version: that the run read; None: the table keeps none.

    Raises:
        RunError: that version is gone.
    """
    there = versions_of(catalog, name)
    if version is not None and version not in there:
        raise RunError(f"{gone(name, version)}; versions that are there: {there[:5]}")
    table: DataFrame = catalog.load(name, version=version)
    return table


def load_at_or_latest(catalog: Catalog, name: str, version: str | None) -> "tuple[DataFrame, bool]":
    """Load a table as a run read it; the latest version, with a warning, if that one is gone.

    Args:
        catalog: of the project.
        name: of the entry.
        version: that the run read; None: the table keeps none.

    Returns:
        The table, and whether it is that version for sure.

    Raises:
        RunError: all versions are gone.
    """
    there = versions_of(catalog, name)
    if version is None or version in there:
        return load_at(catalog, name, version), version is not None
    if not there and isinstance(catalog.get(name), AbstractVersionedDataset):
        raise RunError(f"{gone(name, version)}, and there is no other")
    logging.getLogger(__name__).warning(
        "%s; the rows are taken from %s, and if the scenario's are others there, the replay differs and says so",
        gone(name, version),
        f"version {there[0]}, the latest" if there else "the table as it is now",
    )
    return catalog.load(name), False


def versions_of(catalog: Catalog, name: str) -> list[str]:
    """Return the versions of a table that are there, the latest first; none if it keeps none."""
    dataset = catalog.get(name)
    try:
        return dataset.list_versions(full_path=False) if isinstance(dataset, AbstractVersionedDataset) else []
    except VersionNotFoundError:
        return []


def gone(name: str, version: str) -> str:
    """Say that a version is not there any more, and why that may be."""
    return (
        f"version {version} of {name}, which the run read, is gone (`kedro fleet clean` keeps those that runs read "
        "last, see --keep-versions)"
    )
