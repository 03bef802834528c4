"""The ledger: committed folders and nothing else, never appended to, never overwritten."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io.core import DatasetError

from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.tables import CHAMPIONS

pytestmark = pytest.mark.spark

FIRST, SECOND = "20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"


def champions(*names: str) -> pd.DataFrame:
    now = pd.Timestamp(datetime(2026, 1, 1, 12, tzinfo=UTC))
    rows = [(name, "run", now, "first", None, "promote") for name in names]
    return pd.DataFrame(rows, columns=CHAMPIONS.names)


@pytest.fixture
def ledger(spark: Any, tmp_path: Path) -> Any:
    def make(run_id: str | None = FIRST, **options: Any) -> LedgerDataset:
        made = LedgerDataset(
            filepath=str(tmp_path / "champions"), table="champions", **{"returns": "pandas", **options}
        )
        made.run_id = run_id
        return made

    return make


def names(frame: Any) -> list[str]:
    return sorted(frame["scenario_id"])


def test_when_nothing_was_saved_then_it_does_not_exist_and_loads_the_declared_columns(ledger: Any) -> None:
    assert not ledger().exists()
    empty = ledger(returns="spark").load()
    assert (empty.columns, empty.count()) == (CHAMPIONS.names, 0)


def test_when_saved_twice_then_each_save_has_its_own_folder_and_both_are_read(ledger: Any, tmp_path: Path) -> None:
    one = ledger()
    one.save(champions("a"))
    one.save(champions("b", "c"))
    folders = sorted(path.name for path in (tmp_path / "champions" / FIRST).iterdir())
    assert [name[:5] for name in folders] == ["0000-", "0001-"]
    assert names(one.load()) == ["a", "b", "c"]


def test_when_rows_are_read_back_then_nulls_and_times_are_as_they_were(ledger: Any) -> None:
    one = ledger()
    one.save(champions("a"))
    row = one.load().iloc[0]
    assert row["since"] == pd.Timestamp("2026-01-01 12:00")
    assert row["reason"] is None


def test_when_a_folder_has_no_sign_of_success_then_it_is_as_good_as_absent(ledger: Any, tmp_path: Path) -> None:
    one = ledger()
    one.save(champions("a"))
    one.save(champions("killed"))
    next((tmp_path / "champions" / FIRST).glob("0001-*/_SUCCESS")).unlink()
    assert names(ledger().load()) == ["a"]
    next((tmp_path / "champions" / FIRST).glob("0000-*/_SUCCESS")).unlink()
    assert not ledger().exists()


def test_when_two_runs_save_at_once_then_nothing_is_lost_or_mixed(ledger: Any) -> None:
    one, two = ledger(FIRST), ledger(SECOND)
    one.save(champions("a"))
    two.save(champions("b"))
    one.save(champions("c"))
    assert names(ledger().load()) == ["a", "b", "c"]
    assert names(ledger(None, runs="latest").load()) == ["b"]


def test_when_a_run_s_id_is_older_than_another_s_then_it_is_said_that_its_rows_are_not_the_latest(
    ledger: Any, caplog: Any
) -> None:
    ledger(FIRST).save(champions("a"))  # loads all runs: their order does not matter
    ledger(SECOND, runs="latest").save(champions("b"))
    assert caplog.messages == []
    ledger(FIRST, runs="latest").save(champions("c"))
    (told,) = caplog.messages
    assert f"was saved by the run {FIRST}, but whoever loads its latest run gets that of {SECOND}" in told


def test_when_latest_is_asked_for_then_this_session_s_own_run_counts_more_than_a_later_one(ledger: Any) -> None:
    own = ledger(FIRST, runs="latest")
    own.save(champions("mine"))
    ledger(SECOND).save(champions("other"))
    assert names(own.load()) == ["mine"]
    assert names(ledger(FIRST, runs="latest").load()) == ["other"]


def test_when_it_is_read_only_then_a_save_is_refused(ledger: Any) -> None:
    with pytest.raises(DatasetError, match="read-only"):
        ledger(read_only=True).save(champions("a"))


def test_when_it_does_not_know_its_run_then_a_save_says_how_to_mend_that(ledger: Any) -> None:
    with pytest.raises(DatasetError, match="does not know its run"):
        ledger(None).save(champions("a"))


def test_when_a_column_of_the_contract_is_missing_then_the_error_names_it(ledger: Any) -> None:
    with pytest.raises(DatasetError, match=r"table 'champions' lacks the columns \['by'\]"):
        ledger().save(champions("a").drop(columns="by"))


@pytest.mark.parametrize("options", [{"table": "fitz"}, {"runs": "newest"}, {"returns": "polars"}])
def test_when_an_option_is_wrong_then_the_error_lists_what_is_allowed(options: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="must be one of"):
        LedgerDataset(filepath="x", **options)


def test_when_the_columns_depend_on_the_problem_then_they_are_kept_as_saved(spark: Any, tmp_path: Path) -> None:
    made = LedgerDataset(filepath=f"file://{tmp_path}/predictions")
    made.run_id = FIRST
    with pytest.raises(DatasetError, match="is empty: run the pipeline"):
        made.load()
    made.save(spark.createDataFrame([(1, "x")], "store int, rung string"))
    assert made.load().dtypes == [("store", "int"), ("rung", "string")]
    for run_id, column in ((SECOND, "lower_80"), ("20250101T000000Z-cccccc", "lower_50")):  # after, and before
        made.run_id = run_id
        made.save(spark.createDataFrame([(2, "y", 0.5)], f"store int, rung string, {column} double"))
    assert {*made.load().columns} == {"store", "rung", "lower_80", "lower_50"}
