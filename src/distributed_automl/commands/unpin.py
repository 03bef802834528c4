"""`kedro fleet unpin SCENARIO...|--all`: let pinned scenarios be promoted again."""

import click

from distributed_automl.commands.champions import require_known, save, signature_of, signed
from distributed_automl.commands.project import keep_quiet, opened, options_of_run


@click.command(params=[*options_of_run("env"), *signed(default_reason="unpinned by hand")])
@click.argument("scenarios", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that are pinned.")
def unpin(env: str | None, scenarios: tuple[str, ...], is_all: bool, reason: str, by: str) -> None:
    """Let pinned scenarios be promoted again; what predicts now goes on until then."""
    from distributed_automl.monitoring.promotion import recent
    from distributed_automl.monitoring.promotion import unpin as decide

    if bool(scenarios) == is_all:
        raise click.UsageError("name scenarios, or say --all")
    keep_quiet()
    with opened(env, {}) as context:
        champions = recent(context.catalog.load("champions_before"))
        require_known(scenarios, set(champions["scenario_id"]))
        save(context.catalog, champions, decide(champions, scenarios, signature_of(by, reason)))
