"""`kedro fleet clean`: free what aborted runs left and fits that nobody needs, and put many small files together."""

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from kedro.io import CatalogProtocol
from rich.console import Console
from rich.table import Table

from distributed_automl.commands.project import opened, options_of_run

MIB = 1024**2
_OPTIONS = (
    click.Option(["--dry-run"], is_flag=True, help="Only say what would go."),
    click.Option(
        ["--keep"],
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        help="Outcomes that stay of each scenario: those that its latest so many plans made or reused.",
    ),
    click.Option(
        ["--grace-hours"],
        type=click.FloatRange(min=0.25),
        default=24.0,
        show_default=True,
        help="Remove nothing that a run which began earlier could still use; for how long a writer may be silent.",
    ),
)


@click.command(params=[*options_of_run("env", "params"), *_OPTIONS])
def clean(env: str | None, params: dict[str, Any], dry_run: bool, keep: int, grace_hours: float) -> None:
    """Free what aborted runs left, and fits that are no champion's and in no recent plan; pack small files together.

    Champions' fits, the ones before them and their pools' stay, and so does whatever a run may be reading.
    """
    from distributed_automl.fleet.cleanup import Rules, alone, clean_up, survey

    rules, now = Rules(keep, timedelta(hours=grace_hours)), datetime.now(UTC)
    with opened(env, params) as context:
        ledgers = ledgers_of(context.catalog)
        with nullcontext() if dry_run else alone(ledgers):
            found = survey(ledgers, rules, now=now)
            _print(found, Console())
            if not dry_run:
                clean_up(ledgers, found, rules, now=now)
                click.echo("Done.")


def ledgers_of(catalog: CatalogProtocol[str, Any]) -> Any:
    """Return the ledgers of a catalog, each root once."""
    from distributed_automl.datasets.ledger import ledgers_in
    from distributed_automl.fleet.cleanup import Ledgers

    named = ledgers_in(catalog)
    main = named["fits"], named["plans_before"], named["champions"]
    taken = {one.store.root for one in main}
    others = {one.store.root: one for one in named.values() if one.store.root not in taken}
    return Ledgers(*main, tuple(others.values()))


def _print(found: Any, console: Console) -> None:
    """Say what would go, and what stays for now."""
    table = Table("what", "folders", "files", "MiB on disk", title="kedro fleet clean", title_justify="left")
    for what, folders in (
        ("left by aborted runs: goes now", found.aborted),
        ("replaced by an earlier clean-up: goes now", found.replaced),
        ("replaced, but a run may still read it: stays for now", found.waiting),
    ):
        table.add_row(what, str(len(folders)), str(sum(one.n_files for one in folders)), _mib(folders))
    console.print(table)
    one = found.rewriting
    if one is None:
        console.print("No fits to write anew.")
        return
    n_freed, before, after = one.n_fits - one.n_kept, one.n_bytes / MIB, one.n_kept_bytes / MIB
    console.print(
        f"{n_freed:,} of {one.n_fits:,} fits in {len(one.sources)} folders are needed no more. The others are written "
        f"anew: of {before:,.1f} MiB on disk in {one.n_files:,} files about {after:,.1f} MiB stay, in files of at most "
        "64 MiB. The old ones go with a later clean-up."
    )


def _mib(folders: Iterable[Any]) -> str:
    return f"{sum(folder.n_bytes for folder in folders) / MIB:,.1f}"
