"""Who predicts from now on."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from distributed_automl.monitoring.promotion import decide_champions
from distributed_automl.tables import CHAMPIONS

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def results(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["scenario_id", "status", "fit_run_id"])


def champions(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scenario_id", "fit_run_id", "since", "decision"])
    return frame.assign(since=pd.to_datetime(frame["since"]), reason=None, by="promote")


def decided(*args: Any) -> list[tuple[str, str, str]]:
    frame = decide_champions(*args, now=NOW)
    assert list(frame.columns) == CHAMPIONS.names
    assert frame["scenario_id"].is_monotonic_increasing
    return list(zip(frame["scenario_id"], frame["fit_run_id"], frame["decision"], strict=True))


def test_when_there_is_no_champion_then_the_first_fit_is_taken_reused_or_not() -> None:
    found = decided(results(("b", "reused", "old"), ("a", "fitted", "new")), champions())
    assert found == [("a", "new", "first"), ("b", "old", "first")]


def test_when_there_is_no_model_then_there_is_no_champion() -> None:
    assert decided(results(("a", "failed", None), ("b", "skipped", None)), champions()) == []


def test_when_this_run_fitted_it_again_then_the_newer_fit_is_promoted() -> None:
    assert decided(results(("a", "fitted", "new")), champions(("a", "old", "2026-01-01", "first"))) == [
        ("a", "new", "promoted")
    ]


def test_when_the_fit_was_reused_then_nothing_changes() -> None:
    assert decided(results(("a", "reused", "older")), champions(("a", "old", "2026-01-01", "first"))) == []


def test_when_it_is_the_champion_already_then_nothing_changes() -> None:
    assert decided(results(("a", "fitted", "new")), champions(("a", "new", "2026-01-01", "first"))) == []


def test_when_it_was_pinned_then_it_stays_until_a_later_decision() -> None:
    pinned = ("a", "old", "2026-01-01", "pinned")
    assert decided(results(("a", "fitted", "new")), champions(pinned)) == []
    rolled_back = ("a", "older", "2026-01-02", "rolled_back")
    assert decided(results(("a", "fitted", "new")), champions(rolled_back, pinned)) == [("a", "new", "promoted")]


def test_when_rows_are_made_then_they_say_when_why_and_by_whom() -> None:
    row = decide_champions(results(("a", "fitted", "new")), champions(), now=NOW).iloc[0]
    assert (row["since"], row["reason"], row["by"]) == (pd.Timestamp(NOW), "it had no champion", "promote")
