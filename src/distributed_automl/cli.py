"""Kedro's `run` and the project's own commands, which tell what is wrong in one message instead of a page of frames."""

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS

from distributed_automl.commands.clean import clean
from distributed_automl.commands.messages import message_of
from distributed_automl.commands.pin import pin
from distributed_automl.commands.plan import plan
from distributed_automl.commands.replay import replay
from distributed_automl.commands.rollback import rollback
from distributed_automl.commands.unpin import unpin


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
            told = message_of(error)
            if told is None:
                raise
            raise click.ClickException(told) from error

    return run


run = readable(kedro_run)
cli.add_command(run, name="run")


@cli.group()
def fleet() -> None:
    """Plan, look after and debug the models of all scenarios."""


fleet.add_command(readable(plan))
fleet.add_command(readable(replay))
fleet.add_command(readable(clean))
fleet.add_command(readable(pin))
fleet.add_command(readable(unpin))
fleet.add_command(readable(rollback))
