"""`kedro fleet rollback SCENARIO...|--all|--run RUN`: let the champion before predict again."""

import click

from distributed_automl.commands.champions import require_known, save, signature_of, signed
from distributed_automl.commands.project import keep_quiet, opened, options_of_run


@click.command(params=[*options_of_run("env"), *signed(default_reason="rolled back by hand")])
@click.argument("scenarios", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that can go back and are not pinned.")
@click.option("--run", "run_id", help="Of these only those whose champion this run fitted: it undoes a bad night.")
def rollback(
    env: str | None, scenarios: tuple[str, ...], *, is_all: bool, run_id: str | None, reason: str, by: str
) -> None:
    """Let the champion before predict again, without fitting anything.

    The fit that it was rolled back from does not come back by itself; a newer one may replace it. Named scenarios must
    all be able to go back, or nothing is done; a pinned one is unpinned by it.
    """
    from distributed_automl.monitoring.promotion import fits_there, recent, roll_back, who_can_roll_back

    if sum((bool(scenarios), is_all, run_id is not None)) != 1:
        raise click.UsageError("name scenarios, or say --all, or --run")
    keep_quiet()
    with opened(env, {}) as context:
        catalog = context.catalog
        champions = recent(catalog.load("champions_before"))
        require_known(scenarios, set(champions["scenario_id"]))
        there = fits_there(catalog.load("fits_before"), set(champions["fit_run_id"]))
        chosen = scenarios or who_can_roll_back(champions, there, run_id)
        save(catalog, champions, roll_back(champions, there, chosen, signature_of(by, reason)))
