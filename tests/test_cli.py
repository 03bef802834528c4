"""What `kedro run` says when it ends badly."""

from typing import Any

import click
import pytest
from click.testing import CliRunner
from kedro.io.core import DatasetError
from pyspark.sql import functions as F

from distributed_automl.cli import cli, readable
from distributed_automl.errors import RunError


def test_when_an_error_of_ours_is_the_cause_then_its_message_is_all_that_is_told() -> None:
    @click.command()
    def bad() -> None:
        try:
            raise RunError("too many scenarios failed")
        except RunError as error:
            raise DatasetError("Failed while saving") from error

    done = CliRunner().invoke(readable(bad))
    assert (done.exit_code, done.output) == (1, "Error: too many scenarios failed\n")


@pytest.mark.spark
def test_when_a_guard_inside_a_query_raises_then_its_message_is_all_that_is_told(spark: Any) -> None:
    @click.command()
    def bad() -> None:
        try:
            spark.range(2).select(F.raise_error(F.lit("stream 'products': a key twice"))).collect()
        except Exception as error:
            raise DatasetError("Failed while saving") from error

    done = CliRunner().invoke(readable(bad))
    assert (done.exit_code, done.output) == (1, "Error: stream 'products': a key twice\n")


def test_when_an_error_is_not_ours_then_it_is_raised_as_it_is() -> None:
    @click.command()
    def bad() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        CliRunner().invoke(readable(bad), catch_exceptions=False)


def test_when_kedro_looks_for_run_then_it_takes_every_option_of_kedro_s() -> None:
    options = {option for parameter in cli.commands["run"].params for option in parameter.opts}
    assert {"--pipelines", "--pipeline", "--env", "--params", "--tags", "--from-inputs"} <= options


def test_when_the_fleet_is_asked_for_then_every_command_is_there() -> None:
    fleet = cli.commands["fleet"]
    assert isinstance(fleet, click.Group)
    assert {"plan", "replay", "clean", "pin", "unpin", "rollback"} <= set(fleet.commands)
