"""Who predicts from now on."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from distributed_automl.monitoring.promotion import decide_champions
from distributed_automl.pipelines.promote.nodes import promote
from distributed_automl.tables import CHAMPIONS

NOW = datetime(2026, 1, 5, tzinfo=UTC)
RUN_1, RUN_2, RUN_3 = (f"2025123{day}T000000Z-aaaaaa" for day in (0, 1, 2))


def results(*rows: tuple[str, str, str | None], fitted_at: str = "2025-12-31") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scenario_id", "status", "fit_run_id"])
    return frame.assign(fitted_at=pd.Timestamp(fitted_at))


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


@pytest.mark.parametrize("status", ["fitted", "reused"])
def test_when_a_fit_is_newer_then_it_is_promoted_whichever_run_made_it(status: str) -> None:
    assert decided(results(("a", status, RUN_2)), champions(("a", RUN_1, "2026-01-01", "first"))) == [
        ("a", RUN_2, "promoted")
    ]


@pytest.mark.parametrize("status", ["fitted", "reused"])
def test_when_a_fit_is_older_then_nothing_changes(status: str) -> None:
    assert decided(results(("a", status, RUN_1)), champions(("a", RUN_2, "2026-01-01", "first"))) == []


def test_when_a_run_id_tells_no_time_then_the_fit_s_time_does() -> None:
    champion = champions(("a", "night", "2026-01-01", "first"))
    assert decided(results(("a", "fitted", "day"), fitted_at="2026-01-02"), champion) == [("a", "day", "promoted")]
    assert decided(results(("a", "fitted", "day"), fitted_at="2025-12-30"), champion) == []


def test_when_it_was_rolled_back_then_the_fit_it_was_rolled_back_from_does_not_return() -> None:
    past = champions(("a", RUN_2, "2026-01-01", "promoted"), ("a", RUN_1, "2026-01-02", "rolled_back"))
    assert decided(results(("a", "reused", RUN_2)), past) == []
    assert decided(results(("a", "fitted", RUN_3)), past) == [("a", RUN_3, "promoted")]


def test_when_it_is_the_champion_already_then_nothing_changes() -> None:
    assert decided(results(("a", "fitted", "new")), champions(("a", "new", "2026-01-01", "first"))) == []


def test_when_it_was_pinned_then_it_stays_until_a_later_decision() -> None:
    pinned = ("a", RUN_2, "2026-01-01", "pinned")
    assert decided(results(("a", "fitted", RUN_3)), champions(pinned)) == []
    rolled_back = ("a", RUN_1, "2026-01-02", "rolled_back")
    assert decided(results(("a", "fitted", RUN_3)), champions(rolled_back, pinned)) == [("a", RUN_3, "promoted")]


def test_when_nothing_is_decided_then_nothing_is_saved() -> None:
    champion = champions(("a", RUN_1, "2026-01-01", "first"))
    assert list(promote(results(("a", "reused", RUN_1)), champion)) == []
    (saved,) = promote(results(("a", "fitted", RUN_2)), champion)
    assert list(saved["fit_run_id"]) == [RUN_2]


def test_when_rows_are_made_then_they_say_when_why_and_by_whom() -> None:
    row = decide_champions(results(("a", "fitted", "new")), champions(), now=NOW).iloc[0]
    assert (row["since"], row["reason"], row["by"]) == (pd.Timestamp(NOW), "it had no champion", "promote")
