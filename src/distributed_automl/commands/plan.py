"""`kedro fleet plan`: what a training run would do now and what it would take, before anything is fitted."""

import json
import shlex
from typing import Any

import click
from kedro.framework.session import KedroSession

from distributed_automl.commands.project import keep_quiet, options_of_run


@click.command(params=options_of_run("env", "params", "from_inputs", "load_versions", "conf_source"))
def plan(
    env: str | None,
    params: dict[str, Any],
    from_inputs: list[str],
    load_versions: dict[str, str] | None,
    conf_source: str | None,
) -> None:
    """Print what a training run would do now, why, and what it takes.

    Builds master_df (with --from-inputs=master_df takes the one that is there), and fits nothing.
    """
    keep_quiet()
    click.echo("Measuring the table and planning; nothing is fitted.", err=True)
    session = KedroSession.create(env=env, runtime_params=params, conf_source=conf_source)
    with session:
        session.run(pipeline_names=["plan"], from_inputs=from_inputs, load_versions=load_versions)
    click.echo(f"\nThis plan is carried out by\n  {command_to_train(env, params, load_versions, conf_source)}\n")


def command_to_train(
    env: str | None,
    params: dict[str, Any],
    load_versions: dict[str, str] | None = None,
    conf_source: str | None = None,
) -> str:
    """Return the command that trains on the very table that was planned for."""
    given = {
        "--params": ",".join(f"{name}={_written(value)}" for name, value in _flat(params)),
        "--load-versions": ",".join(f"{name}:{version}" for name, version in (load_versions or {}).items()),
        "--conf-source": conf_source,
    }
    options = [*([f"--env={env}"] if env else []), "--pipelines=train", "--from-inputs=master_df"]
    return shlex.join(["kedro", "run", *options, *(f"{name}={value}" for name, value in given.items() if value)])


def _written(value: object) -> str:
    """Return a value the way the command line takes it: `null` and `true` are YAML's words."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _flat(params: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return dotted names and values, e.g. [("plan.refit", "all")]."""
    found = []
    for name, value in params.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found
