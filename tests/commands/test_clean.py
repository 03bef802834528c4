"""`kedro fleet clean` says what would go before it goes, and finds every ledger once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.io.core import Version

from distributed_automl.commands import clean as command
from distributed_automl.commands.clean import MIB, clean, ledgers_of
from distributed_automl.datasets.complete import CompleteDataset
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.fleet import cleanup
from distributed_automl.fleet.cleanup import Folder, Ledgers, Rewriting, Rules, Survey


def ledger(name: str, **options: Any) -> LedgerDataset:
    return LedgerDataset(filepath=f"store/{name}", **options)


def table(name: str, version: Version | None) -> CompleteDataset:
    return CompleteDataset(filepath=name, version=version)


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
    found = ledgers_of(catalog, "store")
    assert [one.store.root for one in found.all()] == [
        "store/fits",
        "store/plan",
        "store/champions",
        "store/predictions",
    ]
    assert found.plans is catalog["plans_before"]  # all runs', not only the latest


def test_when_tables_of_the_program_keep_versions_then_these_are_cleaned_by_what_runs_read(catalog: Any) -> None:
    latest = Version(None, None)
    catalog |= {
        "master_df": table("store/a", latest),
        "master_df_predict": table("store/b", latest),
        "other": table("store/c", latest),  # no run writes down what it read of it
    }
    assert ledgers_of(catalog, "store").tables == ()  # nobody knows what runs read
    catalog["runs"] = ledger("runs", table="runs")
    found = ledgers_of(catalog, "store/").tables
    assert [(one.store.root, one.pipeline, one.runs) for one in found] == [
        ("store/a", "train", catalog["runs"]),
        ("store/b", "predict", catalog["runs"]),
    ]
    catalog["master_df"] = table("store-of-others/a", latest)
    catalog["master_df_predict"] = table("store/b", None)
    assert ledgers_of(catalog, "store").tables == ()  # a table of the user's own, and one without versions


@pytest.fixture
def done(catalog: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the project and the work; return what was asked of them."""
    asked: list[Any] = []

    @contextmanager
    def opened(env: str | None, params: dict[str, Any]) -> Iterator[Any]:
        asked.append((env, params))
        yield SimpleNamespace(catalog=catalog, config_loader={"globals": {"data_root": "store"}})

    fits = catalog["fits"].store
    aborted, waiting = (Folder(fits, "r1/a", 3, 5 * MIB // 2),), (Folder(fits, "r2/b", 1, 4 * MIB),)
    old = ((datetime(2026, 1, 1, tzinfo=UTC), Folder(fits, "v1/master_df", 32, 7 * MIB)),)
    found = Survey(aborted, (), waiting, Rewriting(("r3/c",), 1_200, 40, 9 * MIB, 1_000, 8 * MIB), (), old)
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
    told = CliRunner().invoke(clean, ["--dry-run", "--env=cluster", "--keep=5", "--keep-versions=2", "--grace-hours=2"])
    assert told.exit_code == 0, told.output
    assert done == [("cluster", {}), Rules(5, 2, timedelta(hours=2))]
    text = " ".join(told.output.split())
    assert "left by aborted runs: goes now │ 1 │ 3 │ 2.5" in text
    assert "old versions of tables: go now │ 1 │ 32 │ 7.0" in text
    assert "200 of 1,200 fits in 1 folders are needed no more" in text
    assert "of 9.0 MiB on disk in 40 files about 8.0 MiB stay" in text
    assert "MB" not in text
    assert "Done" not in text


def test_when_it_is_not_a_dry_run_then_it_does_it(done: list[Any]) -> None:
    told = CliRunner().invoke(clean, [])
    assert told.exit_code == 0, told.output
    assert done == [(None, {}), "alone", Rules(3, 7, timedelta(hours=24)), True, "over"]
    assert told.output.endswith("Done.\n")


@pytest.mark.parametrize("wrong", [["--keep=0"], ["--keep-versions=0"], ["--grace-hours=0.1"]])
def test_when_an_option_is_dangerous_then_it_is_refused(wrong: list[str]) -> None:
    assert CliRunner().invoke(clean, wrong).exit_code == 2
