"""`kedro fleet pin`, `unpin`, `rollback` on a store of three fits: what they decide, print and refuse."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from kedro.io import DataCatalog

from distributed_automl.cli import readable
from distributed_automl.commands import pin as pin_module
from distributed_automl.commands import rollback as rollback_module
from distributed_automl.commands import unpin as unpin_module
from distributed_automl.commands.champions import whoever_asks
from distributed_automl.commands.project import NOISY, QUIET
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.tables import CHAMPIONS, FITS, PLAN, Table

MONDAY, TUESDAY, WEDNESDAY = (f"2026010{day}T000000Z-aaaaaa" for day in (5, 6, 7))
Kedro = Callable[..., Result]


def rows_of(table: Table, columns: list[str], *rows: tuple[Any, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns).reindex(columns=table.names).astype(object)
    return frame.where(frame.notna(), None)


def at(day: int) -> pd.Timestamp:
    return pd.Timestamp(datetime(2026, 1, day, tzinfo=UTC))


@pytest.fixture(autouse=True)
def loud_again() -> Iterator[None]:
    """Take back what a command does to loggers: it is a process of its own outside tests."""
    levels = {name: logging.getLogger(name).level for name in (*QUIET, *NOISY)}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def catalog(spark: Any, tmp_path: Any) -> DataCatalog:
    """Oslo was promoted on Tuesday, bergen has its first champion still; Wednesday reused Tuesday's fit of oslo."""
    ledgers = {
        "fits_before": LedgerDataset(filepath=str(tmp_path / "fits"), table="fits"),
        "plans_before": LedgerDataset(filepath=str(tmp_path / "plan"), table="plan"),
        "champions": LedgerDataset(filepath=str(tmp_path / "champions"), table="champions"),
        "champions_before": LedgerDataset(filepath=str(tmp_path / "champions"), table="champions"),
    }
    for ledger in ledgers.values():
        ledger.run_id = WEDNESDAY
    catalog = DataCatalog(ledgers)
    made = [("oslo", MONDAY, "fitted"), ("oslo", TUESDAY, "fitted"), ("bergen", MONDAY, "fitted")]
    catalog.save("fits_before", rows_of(FITS, ["scenario_id", "run_id", "status"], *made))
    reused = (WEDNESDAY, "oslo", "reuse", TUESDAY)
    catalog.save("plans_before", rows_of(PLAN, ["run_id", "scenario_id", "action", "fit_run_id"], reused))
    since = [("oslo", MONDAY, at(5), "first"), ("bergen", MONDAY, at(5), "first"), ("oslo", TUESDAY, at(6), "promoted")]
    catalog.save("champions", rows_of(CHAMPIONS, ["scenario_id", "fit_run_id", "since", "decision"], *since))
    return catalog


@pytest.fixture
def kedro(catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch) -> Kedro:
    """Return a function that runs a command on the store."""

    @contextmanager
    def opened(env: str | None, params: dict[str, Any]) -> Iterator[Any]:
        yield SimpleNamespace(catalog=catalog)

    for module in (pin_module, unpin_module, rollback_module):
        monkeypatch.setattr(module, "opened", opened)

    def run(command: click.Command, *arguments: str) -> Result:
        return CliRunner().invoke(readable(command), arguments)

    return run


def latest(catalog: DataCatalog) -> dict[str, tuple[str, ...]]:
    """Return scenario -> run, decision, reason and who, of its latest decision."""
    rows = catalog.load("champions_before").toPandas().sort_values("since").groupby("scenario_id").tail(1)
    found = rows[["scenario_id", "fit_run_id", "decision", "reason", "by"]].itertuples(index=False, name=None)
    return {name: tuple(rest) for name, *rest in found}


@pytest.mark.spark
def test_when_a_fit_is_pinned_unpinned_and_rolled_back_then_each_is_a_row_more(
    kedro: Kedro, catalog: DataCatalog
) -> None:
    pinned = kedro(pin_module.pin, "oslo", f"--run={MONDAY}", "--reason=it sold out", "--by=anne")
    assert pinned.exit_code == 0, pinned.output
    assert "oslo" in pinned.output
    assert latest(catalog)["oslo"] == (MONDAY, "pinned", "it sold out", "anne")
    assert kedro(pin_module.pin, "oslo", f"--run={WEDNESDAY}").exit_code == 0  # it had reused Tuesday's fit
    assert latest(catalog)["oslo"][:2] == (TUESDAY, "pinned")
    unpinned = kedro(unpin_module.unpin, "--all")
    assert unpinned.exit_code == 0, unpinned.output
    assert latest(catalog)["oslo"] == (TUESDAY, "unpinned", "unpinned by hand", whoever_asks())
    rolled_back = kedro(rollback_module.rollback, "oslo")
    assert rolled_back.exit_code == 0, rolled_back.output
    assert latest(catalog)["oslo"][:2] == (MONDAY, "rolled_back")
    assert catalog.load("champions_before").count() == 7
    assert latest(catalog)["bergen"][:2] == (MONDAY, "first")


@pytest.mark.spark
def test_when_what_a_run_fitted_is_undone_then_others_stay(kedro: Kedro, catalog: DataCatalog) -> None:
    assert kedro(rollback_module.rollback, f"--run={TUESDAY}").exit_code == 0
    assert {name: row[:2] for name, row in latest(catalog).items()} == {
        "oslo": (MONDAY, "rolled_back"),
        "bergen": (MONDAY, "first"),
    }
    again = kedro(rollback_module.rollback, "--all")
    assert (again.exit_code, again.output) == (0, "Nothing was decided: there is no such scenario.\n")


@pytest.mark.spark
def test_when_it_cannot_be_done_then_one_message_says_why_and_nothing_is_decided(
    kedro: Kedro, catalog: DataCatalog
) -> None:
    for command, arguments, told in (
        (pin_module.pin, ["bergen", f"--run={TUESDAY}"], f"bergen of run {TUESDAY}"),
        (pin_module.pin, ["olso", f"--run={TUESDAY}"], "'olso' (did you mean ['oslo']?)"),
        (unpin_module.unpin, ["oslo"], "expected scenarios that are pinned; these are not: oslo"),
        (rollback_module.rollback, ["oslo", "bergen"], "these had none: bergen"),
    ):
        ended = kedro(command, *arguments)
        assert (ended.exit_code, told in " ".join(ended.output.split())) == (1, True), ended.output
    assert catalog.load("champions_before").count() == 3


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        (pin_module.pin, ["oslo"], "Missing option '--run'"),
        (pin_module.pin, ["--run=x"], "Missing argument 'SCENARIOS...'"),
        (unpin_module.unpin, [], "name scenarios, or say --all"),
        (unpin_module.unpin, ["oslo", "--all"], "name scenarios, or say --all"),
        (rollback_module.rollback, [], "name scenarios, or say --all, or --run"),
        (rollback_module.rollback, ["oslo", "--all"], "name scenarios, or say --all, or --run"),
    ],
)
def test_when_it_is_not_said_whom_it_is_about_then_nothing_begins(
    command: click.Command, arguments: list[str], told: str
) -> None:
    ended = CliRunner().invoke(readable(command), arguments)
    assert (ended.exit_code, told in ended.output) == (2, True), ended.output
