"""What the commands share that decide by hand which fit predicts: who decides, and what is said of it."""

import getpass
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from kedro.io import CatalogProtocol
from rich.console import Console
from rich.table import Table

from distributed_automl.errors import RunError

if TYPE_CHECKING:
    from distributed_automl.monitoring.promotion import Signature

Catalog = CatalogProtocol[Any, Any]
N_SHOWN = 20
"""Scenarios that are printed."""


def whoever_asks() -> str:
    """Return the name of this machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"


def signed(*, default_reason: str) -> list[click.Parameter]:
    """Return the options that say why, and who."""
    return [
        click.Option(["--reason"], default=default_reason, show_default=True, help="Why; kept with the decision."),
        click.Option(["--by"], default=whoever_asks, show_default="you", help="Who; kept with the decision."),
    ]


def signature_of(by: str, reason: str) -> "Signature":
    """Return the signature of a decision that is made now."""
    from distributed_automl.monitoring.promotion import Signature

    return Signature(by, reason, datetime.now(UTC))


def require_known(scenarios: Sequence[str], known: Collection[str]) -> None:
    """Raise RunError if a scenario has never had a champion; names those that look like it."""
    from distributed_automl.fleet.plan import near_misses

    unknown = [name for name in scenarios if name not in known]
    if unknown:
        raise RunError(f"these scenarios have no champion: {near_misses(unknown, sorted(known))}")


def save(catalog: Catalog, before: pd.DataFrame, decided: pd.DataFrame) -> None:
    """Add decisions to the ledger `champions`, and say which.

    Args:
        catalog: of the project.
        before: the decisions before, as they were read.
        decided: new rows of CHAMPIONS.
    """
    from distributed_automl.monitoring.promotion import history_of

    if decided.empty:
        click.echo("Nothing was decided: there is no such scenario.")
        return
    catalog.save("champions", decided)
    past = history_of(before)
    table = Table("scenario", "decision", "predicted until now", "predicts from now on", title_justify="left")
    for row in decided.head(N_SHOWN).to_dict("records"):
        until_now = past[row["scenario_id"]][-1]["fit_run_id"]
        table.add_row(row["scenario_id"], row["decision"], until_now, row["fit_run_id"])
    console = Console()
    console.print(table, markup=False)
    if len(decided) > N_SHOWN:
        console.print(f"and {len(decided) - N_SHOWN:,} more")
    console.print("The next `kedro run --pipelines=predict` goes by it.", markup=False)
