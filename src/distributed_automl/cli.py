"""Kedro's `run`, which tells a wrong parameter or table in one message instead of a page of frames."""

import copy
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS

from distributed_automl.errors import AutoMLError


@click.group(context_settings=CONTEXT_SETTINGS, name=__file__)
def cli() -> None:
    """Commands of the project."""


def readable(command: click.Command) -> click.Command:
    """Return a command that ends in one message, exit code 1, where ours is the cause of its error."""
    told = copy.copy(command)
    told.callback = _telling(command.callback) if command.callback else None
    return told


def _telling(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except Exception as error:
            ours = next((cause for cause in causes(error) if isinstance(cause, AutoMLError)), None)
            if ours is None:
                raise
            raise click.ClickException(str(ours)) from error

    return run


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause's cause, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


run = readable(kedro_run)
cli.add_command(run, name="run")
