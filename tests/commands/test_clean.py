"""`kedro fleet clean` says what would go before it goes, and finds every ledger once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from distributed_automl.commands import clean as command
from distributed_automl.commands.clean import MIB, clean, ledgers_of
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.fleet import cleanup
from distributed_automl.fleet.cleanup import Folder, Ledgers, Rewriting, Rules, Survey


def ledger(name: str, **options: Any) -> LedgerDataset:
    return LedgerDataset(filepath=f"store/{name}", **options)


@pytest.fixture
def catalog() -> dict[str, Any]:
    return {
        "fits": ledger("fits", table="fits"),
        "fits_before": ledger("fits", table="fits", read_only=True),
        "plan": ledger("plan", table="plan", runs="latest"),
        "plans_before": ledger("plan", table="plan"),
        "champions": ledger("champions", table="champions"),
        "predictions": ledger("predictions"),
        "params:x": 1,
    }


def test_when_entries_share_a_root_then_it_is_cleaned_once(catalog: Any) -> None:
    found = ledgers_of(catalog)
    assert [one.store.root for one in found.all()] == [
        "store/fits",
        "store/plan",
        "store/champions",
        "store/predictions",
    ]
    assert found.plans is catalog["plans_before"]  # all runs', not only the latest


@pytest.fixture
def done(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the project and the work; return what was asked of them."""
    asked: list[Any] = []

    @contextmanager
    def opened(env: str | None, params: dict[str, Any]) -> Iterator[Any]:
        asked.append((env, params))
        yield SimpleNamespace(catalog=catalog)

    fits = catalog["fits"]
    aborted, waiting = (Folder(fits, "r1/a", 3, 5 * MIB // 2),), (Folder(fits, "r2/b", 1, 4 * MIB),)
    found = Survey(aborted, (), waiting, Rewriting(("r3/c",), 1_200, 40, 9 * MIB, 1_000, 8 * MIB), ())
    monkeypatch.setattr(command, "opened", opened)

    @contextmanager
    def alone(ledgers: Ledgers) -> Iterator[None]:
        asked.append("alone")
        yield
        asked.append("over")

    monkeypatch.setattr(cleanup, "alone", alone)
    monkeypatch.setattr(cleanup, "survey", lambda ledgers, rules, now: asked.append(rules) or found)
    monkeypatch.setattr(cleanup, "clean_up", lambda ledgers, what, rules, now: asked.append(what is found))
    return asked


def test_when_it_is_only_asked_then_it_says_what_would_go_and_touches_nothing(done: list[Any]) -> None:
    told = CliRunner().invoke(clean, ["--dry-run", "--env=cluster", "--keep=5", "--grace-hours=2"])
    assert told.exit_code == 0, told.output
    assert done == [("cluster", {}), Rules(5, timedelta(hours=2))]
    text = " ".join(told.output.split())
    assert "left by aborted runs: goes now │ 1 │ 3 │ 2.5" in text
    assert "200 of 1,200 fits in 1 folders are needed no more" in text
    assert "of 9.0 MiB on disk in 40 files about 8.0 MiB stay" in text
    assert "MB" not in text
    assert "Done" not in text


def test_when_it_is_not_a_dry_run_then_it_does_it(done: list[Any]) -> None:
    told = CliRunner().invoke(clean, [])
    assert told.exit_code == 0, told.output
    assert done == [(None, {}), "alone", Rules(3, timedelta(hours=24)), True, "over"]
    assert told.output.endswith("Done.\n")


@pytest.mark.parametrize("wrong", [["--keep=0"], ["--grace-hours=0.1"]])
def test_when_an_option_is_dangerous_then_it_is_refused(wrong: list[str]) -> None:
    assert CliRunner().invoke(clean, wrong).exit_code == 2
