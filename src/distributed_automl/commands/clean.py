"""`kedro fleet clean`: free what aborted runs left, old fits and versions of tables; put many small files together."""

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
READ_BY = {"master_df": "train", "master_df_predict": "predict", "actuals": None}
"""Tables that keep versions, and whose runs write down the one that they read, if any do."""
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
        ["--keep-versions"],
        type=click.IntRange(min=1),
        default=7,
        show_default=True,
        help="Versions that stay of each table of the store: those that runs read last, and the latest.",
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
def clean(
    env: str | None, params: dict[str, Any], dry_run: bool, keep: int, *, keep_versions: int, grace_hours: float
) -> None:
    """Free what aborted runs left, old fits and old versions of tables; pack small files together.

    Fits go that are no champion's and in no recent plan, versions of master_df and master_df_predict that no recent run
    read, and old ones of actuals. Champions' fits, the ones before them and their pools' stay, and so does whatever a
    run may be reading.
    Tables outside data_root are never touched.
    """
    from distributed_automl.fleet.cleanup import Rules, alone, clean_up, survey

    rules, now = Rules(keep, keep_versions, timedelta(hours=grace_hours)), datetime.now(UTC)
    with opened(env, params) as context:
        ledgers = ledgers_of(context.catalog, str(context.config_loader["globals"]["data_root"]))
        with nullcontext() if dry_run else alone(ledgers):
            found = survey(ledgers, rules, now=now)
            _print(found, Console())
            if not dry_run:
                clean_up(ledgers, found, rules, now=now)
                click.echo("Done.")


def ledgers_of(catalog: CatalogProtocol[str, Any], data_root: str) -> Any:
    """Return the ledgers of a catalog, each root once, and the tables below `data_root`: others are not the program's.

    A store without a ledger `runs` keeps all versions.
    """
    from distributed_automl.datasets.complete import tables_in
    from distributed_automl.datasets.ledger import ledgers_in
    from distributed_automl.fleet.cleanup import Ledgers
    from distributed_automl.fleet.old_versions import VersionedTable

    named = ledgers_in(catalog)
    main = named["fits"], named["plans_before"], named["champions"]
    taken = {one.store.root for one in main}
    others = {one.store.root: one for one in named.values() if one.store.root not in taken}
    tables = [
        VersionedTable(table.store, named["runs"], READ_BY[name])
        for name, table in tables_in(catalog).items()
        if name in READ_BY and "runs" in named and table.store.root.startswith(f"{data_root.rstrip('/')}/")
    ]
    return Ledgers(*main, tuple(others.values()), tuple(tables))


def _print(found: Any, console: Console) -> None:
    """Say what would go, and what stays for now."""
    table = Table("what", "folders", "files", "MiB on disk", title="kedro fleet clean", title_justify="left")
    for what, folders in (
        ("left by aborted runs: goes now", found.aborted),
        ("old versions of tables: go now", [folder for _, folder in found.versions]),
        ("replaced by an earlier clean-up: goes now", found.replaced),
        ("a run may still read them: stay for now", found.waiting),
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
