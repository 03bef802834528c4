"""Who predicts from now on."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from pyspark.sql import DataFrame

from distributed_automl.errors import RunError
from distributed_automl.monitoring import promotion
from distributed_automl.monitoring.promotion import (
    Signature,
    decide_champions,
    pin,
    recent,
    roll_back,
    unpin,
    who_can_roll_back,
)
from distributed_automl.pipelines.promote import nodes
from distributed_automl.pipelines.promote.nodes import promote
from distributed_automl.tables import CHAMPIONS, TRAINING_RESULTS

NOW = datetime(2026, 1, 5, tzinfo=UTC)
RUN_1, RUN_2, RUN_3 = (f"2025123{day}T000000Z-aaaaaa" for day in (0, 1, 2))


def results(*rows: tuple[str, str, str | None], fitted_at: str = "2025-12-31") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scenario_id", "status", "fit_run_id"])
    return frame.assign(fitted_at=pd.Timestamp(fitted_at))


def champions(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scenario_id", "fit_run_id", "since", "decision"])
    return frame.assign(since=pd.to_datetime(frame["since"]), reason=None, by="promote")


def on_spark(spark: Any, frame: pd.DataFrame) -> DataFrame:
    columns = (*CHAMPIONS.columns, *TRAINING_RESULTS.columns)
    ddl = ", ".join(f"{name} {next(one.type for one in columns if one.name == name)}" for name in frame.columns)
    found: DataFrame = spark.createDataFrame(frame.astype(object), ddl)
    return found


def there(*fits: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(fits, columns=["scenario_id", "run_id"])


def decided(training: pd.DataFrame, past: pd.DataFrame) -> list[tuple[str, str, str]]:
    kept = training[["scenario_id", "fit_run_id"]].dropna().set_axis(["scenario_id", "run_id"], axis=1)
    return named(decide_champions(training, past, kept, now=NOW))


def named(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
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


@pytest.mark.spark
def test_when_nothing_is_decided_then_nothing_is_saved(spark: Any) -> None:
    champion = on_spark(spark, champions(("a", RUN_1, "2026-01-01", "first")))
    fits = spark.createDataFrame(
        [("a", RUN_1, "fitted"), ("a", RUN_2, "fitted"), ("a", RUN_3, "failed")],
        "scenario_id string, run_id string, status string",
    )
    training = {run_id: on_spark(spark, results(("a", "fitted", run_id))) for run_id in (RUN_1, RUN_2, RUN_3)}
    assert list(promote(training[RUN_1], champion, fits)) == []
    (saved,) = promote(training[RUN_2], champion, fits)
    assert list(saved["fit_run_id"]) == [RUN_2]
    with pytest.raises(RunError, match=rf"1 of 1 are not among the fits .*: a of run {RUN_3}\."):
        next(promote(training[RUN_3], champion, fits))


@pytest.mark.spark
def test_when_there_are_more_decisions_than_a_driver_should_hold_then_the_latest_of_each_scenario_are_read(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "N_RECENT", 2)
    days = [("a", str(day), f"2026-01-0{day}", "promoted") for day in (2, 3, 1)]
    found = recent(on_spark(spark, champions(*days, ("b", "1", "2026-01-01", "first"))))
    assert list(found.columns) == CHAMPIONS.names
    assert sorted(zip(found["scenario_id"], found["fit_run_id"], strict=True)) == [("a", "2"), ("a", "3"), ("b", "1")]


def test_when_a_fit_is_gone_then_nothing_is_promoted_and_the_error_names_it() -> None:
    training = results(("a", "fitted", RUN_2), ("b", "fitted", RUN_2))
    with pytest.raises(RunError, match=rf"1 of 2 are not among the fits .* so nothing was decided: b of run {RUN_2}\."):
        decide_champions(training, champions(), there(("a", RUN_2), ("b", RUN_1)), now=NOW)


def test_when_a_gone_fit_is_not_chosen_then_nobody_minds() -> None:
    training, past = results(("a", "reused", RUN_1)), champions(("a", RUN_2, "2026-01-01", "first"))
    assert decide_champions(training, past, there(), now=NOW).empty


def test_when_nothing_was_trained_then_the_error_says_so() -> None:
    with pytest.raises(RunError, match="nothing was trained yet"):
        decided(results(), champions())


# --- by hand ---------------------------------------------------------------------------------------------------------

ANNE = Signature("anne", "it sold out", NOW)


def test_when_a_fit_is_pinned_then_it_predicts_and_stays_until_it_is_unpinned() -> None:
    past = champions(("a", RUN_1, "2026-01-01", "first"), ("b", RUN_2, "2026-01-01", "first"))
    row = pin(past, there(("a", RUN_1)), {"a": RUN_1}, ANNE)
    assert named(row) == [("a", RUN_1, "pinned")]
    assert row[["since", "reason", "by"]].values.tolist() == [[pd.Timestamp(NOW), "it sold out", "anne"]]
    pinned = pd.concat([past, row.assign(since=row["since"].dt.tz_localize(None))])
    training = results(("a", "fitted", RUN_3), ("b", "fitted", RUN_3))
    assert decided(training, pinned) == [("b", RUN_3, "promoted")]
    free = unpin(pinned, [], ANNE)
    assert named(free) == [("a", RUN_1, "unpinned")]
    later = pd.concat([pinned, free.assign(since=free["since"].dt.tz_localize(None))])
    assert decided(training, later) == [("a", RUN_3, "promoted"), ("b", RUN_3, "promoted")]
    with pytest.raises(RunError, match="expected scenarios that are pinned; these are not: a"):
        unpin(later, ["a"], ANNE)


def test_when_a_fit_was_made_while_another_was_pinned_then_it_is_promoted_once_that_is_free() -> None:
    past = champions(
        ("a", "nightly-9", "2026-01-01", "first"),
        ("a", "nightly-9", "2026-01-02", "pinned"),
        ("a", "nightly-9", "2026-01-04", "unpinned"),
    )
    training = results(("a", "reused", "nightly-10"), fitted_at="2026-01-03")  # ids that do not sort by time
    assert decided(training, past) == [("a", "nightly-10", "promoted")]


def test_when_somebody_decides_while_a_promotion_reads_then_that_is_later_than_the_promotion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[datetime] = []

    def read_decisions(decisions: object) -> pd.DataFrame:
        read.append(datetime.now(UTC))
        return champions()

    monkeypatch.setattr(nodes, "recent", read_decisions)
    monkeypatch.setattr(nodes, "fits_there", lambda *_: there(("a", RUN_1)))
    training: Any = SimpleNamespace(select=lambda *_: SimpleNamespace(toPandas=lambda: results(("a", "fitted", RUN_1))))
    unread = cast(DataFrame, None)
    (promoted,) = nodes.promote(training, unread, unread)
    assert promoted["since"].item() <= read[0]


def test_when_a_promotion_was_under_way_when_a_fit_was_pinned_then_the_pin_holds() -> None:
    past = [("a", RUN_1, "2026-01-01", "first"), ("a", RUN_1, "2026-01-02", "pinned")]
    past.append(("a", RUN_2, "2026-01-03", "promoted"))  # by who had not seen the pin
    assert decided(results(("a", "fitted", RUN_3)), champions(*past)) == []
    assert named(unpin(champions(*past), ["a"], ANNE)) == [("a", RUN_1, "unpinned")]
    past.append(("a", RUN_1, "2026-01-04", "unpinned"))
    assert decided(results(("a", "fitted", RUN_2)), champions(*past)) == [("a", RUN_2, "promoted")]


def test_when_a_fit_that_is_not_there_is_pinned_then_nothing_is_decided() -> None:
    past = champions(("a", RUN_1, "2026-01-01", "first"))
    with pytest.raises(RunError, match=rf"not among the fits .*: a of run {RUN_2}"):
        pin(past, there(("a", RUN_1)), {"a": RUN_2}, ANNE)


def test_when_the_clock_lags_then_a_decision_is_the_latest_all_the_same() -> None:
    past = champions(("a", RUN_1, "2027-01-01", "first"))
    row = pin(past, there(("a", RUN_1)), {"a": RUN_1}, ANNE)
    assert row["since"].iloc[0] == pd.Timestamp("2027-01-01T00:00:00.000001Z")


def test_when_rolled_back_twice_then_it_goes_two_champions_back() -> None:
    history = [("a", RUN_1, "2026-01-01", "first"), ("a", RUN_2, "2026-01-02", "promoted")]
    history.append(("a", RUN_3, "2026-01-03", "promoted"))
    kept = there(("a", RUN_1), ("a", RUN_2))
    assert named(roll_back(champions(*history), kept, ["a"], ANNE)) == [("a", RUN_2, "rolled_back")]
    history.append(("a", RUN_2, "2026-01-04", "rolled_back"))
    assert named(roll_back(champions(*history), kept, ["a"], ANNE)) == [("a", RUN_1, "rolled_back")]
    history.append(("a", RUN_1, "2026-01-05", "rolled_back"))
    with pytest.raises(RunError, match="these had none: a"):
        roll_back(champions(*history), kept, ["a"], ANNE)


def test_when_a_pin_repeats_the_champion_then_a_rollback_passes_over_it() -> None:
    past = champions(
        ("a", RUN_1, "2026-01-01", "first"),
        ("a", RUN_2, "2026-01-02", "promoted"),
        ("a", RUN_2, "2026-01-03", "pinned"),
        ("a", RUN_2, "2026-01-04", "unpinned"),
    )
    assert named(roll_back(past, there(("a", RUN_1)), ["a"], ANNE)) == [("a", RUN_1, "rolled_back")]


def test_when_the_fit_to_roll_back_to_is_gone_then_nothing_is_decided() -> None:
    past = champions(("a", RUN_1, "2026-01-01", "first"), ("a", RUN_2, "2026-01-02", "promoted"))
    with pytest.raises(RunError, match=rf"not among the fits .*: a of run {RUN_1}"):
        roll_back(past, there(("a", RUN_2)), ["a"], ANNE)


def test_when_all_are_to_be_rolled_back_then_those_are_that_can_and_are_not_pinned() -> None:
    past = champions(
        *[(name, RUN_1, "2026-01-01", "first") for name in ("new", "old", "other", "gone", "fixed")],
        *[(name, RUN_3, "2026-01-02", "promoted") for name in ("old", "gone")],
        ("other", RUN_2, "2026-01-02", "promoted"),
        ("fixed", RUN_3, "2026-01-02", "pinned"),
    )
    kept = there(*[(name, RUN_1) for name in ("new", "old", "other", "fixed")])
    assert who_can_roll_back(past, kept, None) == ["old", "other"]
    assert who_can_roll_back(past, kept, RUN_3) == ["old"]


def test_when_rows_are_made_then_they_say_when_why_and_by_whom() -> None:
    row = decide_champions(results(("a", "fitted", "new")), champions(), there(("a", "new")), now=NOW).iloc[0]
    assert (row["since"], row["reason"], row["by"]) == (pd.Timestamp(NOW), "it had no champion", "promote")
