"""The Kedro project as a command sees it: the options of `kedro run`, its catalog, and Spark ready to be used."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession

QUIET = (
    "distributed_automl",
    "kedro",
    "kedro.framework.session",
    "kedro.runner",
    "kedro_mlflow",
    "mlflow.store.db.utils",
)
"""Loggers that would talk between the lines that a command prints; their warnings stay."""
NOISY = ("kedro_viz", "py4j")
"""Loggers whose warnings are of no use to whoever runs a command."""


def keep_quiet() -> None:
    """Let a command speak for itself."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)


def options_of_run(*names: str) -> list[click.Parameter]:
    """Return options of `kedro run`, for a command where they mean the same, e.g. "env", "params"."""
    return [option for option in kedro_run.params if option.name in names]


@contextmanager
def opened(env: str | None, params: Mapping[str, Any]) -> Iterator[KedroContext]:
    """Open the project: its parameters are checked, its catalog is there, and Spark starts when it is needed.

    Args:
        env: the environment; None: the default one.
        params: parameters that replace those of the environment.

    Raises:
        ConfigurationError: the parameters are wrong; names every fault.
        RunError: there is no Java for a local Spark.
    """
    from distributed_automl.fleet.session import needs_start, require_java, start

    session = KedroSession.create(env=env, runtime_params=dict(params))
    with session:
        context = session.load_context()
        settings = context.config_loader["spark"]
        require_java(settings)
        if needs_start():
            start(settings)
        yield context
