"""Predictions: every sample asked for once, by the highest rung there is; bad questions are refused first."""

import datetime as dt
import io
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from distributed_automl.errors import RunError, TableError
from distributed_automl.fleet import predict as predicting
from distributed_automl.fleet import progress as progress_module
from distributed_automl.fleet.asked import Asked, read_question
from distributed_automl.fleet.orders import Order
from distributed_automl.fleet.predict import (
    PredictJob,
    PredictSetup,
    check_complete,
    keys_of_models,
    latest_champions,
    of_workers,
    predict,
    predict_attempt,
    predict_in_children,
)
from distributed_automl.fleet.progress import Progress, watching
from distributed_automl.fleet.scenario_ids import with_ids
from distributed_automl.parameters import Limits, Plan, Prediction, Problem, Run
from distributed_automl.scenario.attempt import StoredModel
from distributed_automl.tables import CHAMPIONS, FITS, predictions_table

pytestmark = pytest.mark.spark

RUN_ID = "20260101T000000Z-aaaaaa"
ORIGIN = dt.date(2024, 1, 20)


def day(number: int) -> dt.date:
    """Return a day after the panel's last one; 1 is the next."""
    return ORIGIN + dt.timedelta(days=number)


def with_future(rows: pd.DataFrame, stores: list[str], n_days: int = 3) -> pd.DataFrame:
    """Append rows to be predicted; every other target is NaN instead of null: both are unknown."""
    future = [
        (store, day(n), None if n % 2 else float("nan"), 0.0, 1.0) for store in stores for n in range(1, n_days + 1)
    ]
    return pd.DataFrame([*rows.itertuples(index=False, name=None), *future], columns=rows.columns)


@pytest.fixture
def read(to_spark: Any, problem: Problem) -> Callable[..., Asked]:
    def make(rows: Any, **prediction: Any) -> Asked:
        frame = to_spark(rows) if isinstance(rows, pd.DataFrame) else rows
        return read_question(with_ids(frame, problem), problem, Prediction(**prediction))

    return make


def test_when_rows_have_no_target_after_the_origin_then_they_are_asked_for(read: Any, panel: Any) -> None:
    rows = with_future(panel(["a", "b"]), ["b", "new"])
    rows.loc[3, "units"] = None  # unknown, but before the origin: history
    asked = read(rows)
    assert asked.origin == pd.Timestamp(ORIGIN)
    assert asked.n_asked == 6
    assert asked.scenarios[["scenario_id", "n_rows", "n_asked"]].values.tolist() == [["b", 23, 3], ["new", 3, 3]]


def test_when_an_origin_is_given_then_it_counts(read: Any, panel: Any) -> None:
    asked = read(with_future(panel(["a"]), ["a"]), origin="2024-01-21")
    assert (asked.origin, asked.n_asked) == (pd.Timestamp(day(1)), 2)


def test_when_rows_lie_beyond_the_horizon_then_the_error_names_them(read: Any, panel: Any) -> None:
    with pytest.raises(
        RunError, match=r"2 rows .* beyond the horizon of 7 steps .*'a' at 2024-01-28; 'b' at 2024-01-28"
    ):
        read(with_future(panel(["a", "b"]), ["a", "b"], n_days=8))


def test_when_a_row_is_asked_for_twice_then_the_error_names_it(read: Any, panel: Any) -> None:
    rows = with_future(panel(["a"]), ["a", "a"], n_days=1)
    with pytest.raises(
        TableError, match=r"asked for more than once: \[\{'store': 'a', 'day': datetime.date\(2024, 1, 21\)"
    ):
        read(rows)


def test_when_nothing_is_asked_for_then_the_error_says_so(read: Any, panel: Any) -> None:
    with pytest.raises(RunError, match="no row is asked for: 'units' is known everywhere after the origin 2024-01-20"):
        read(panel(["a"]))


def test_when_no_target_is_known_then_there_is_no_origin(read: Any, panel: Any) -> None:
    with pytest.raises(RunError, match="no row of master_df_predict has a target"):
        read(panel(["a"]).assign(units=None))


def test_when_a_key_is_null_then_the_error_counts_it(read: Any, panel: Any) -> None:
    rows = with_future(panel(["a"]), ["a"])
    rows.loc[0, "store"] = None
    with pytest.raises(TableError, match=r"\{'store': 1\}"):
        read(rows)


def test_when_the_machine_is_elsewhere_then_the_origin_is_the_same(
    spark: Any, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = spark.sql("select 'a' store, timestamp'2024-01-20 03:00:00Z' day, 1.0D units, 0.0D promo union all "
                     "select 'a', timestamp'2024-01-21 03:00:00Z', null, 0.0D")  # fmt: skip
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        asked = read_question(with_ids(rows, problem), problem, Prediction())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (asked.origin, asked.n_asked) == (pd.Timestamp("2024-01-20 03:00"), 1)


@pytest.mark.parametrize(
    ("ids", "told"), [(["x", "y", None], r"\{'promo_id': 1\}"), (["x", "y", "y"], "'promo_id': 'y', 'count': 2")]
)
def test_when_forecasting_with_sample_ids_then_nulls_and_doubles_are_refused(
    spark: Any, problem: Problem, ids: list[str | None], told: str
) -> None:
    named = problem.model_copy(update={"sample_id": "promo_id"})
    days = [(ORIGIN, 1.0), (day(1), None), (day(2), None)]
    rows = [("a", when, units, 0.0, name) for (when, units), name in zip(days, ids, strict=True)]
    frame = spark.createDataFrame(rows, "store string, day date, units double, promo double, promo_id string")
    with pytest.raises(TableError, match=told):
        read_question(with_ids(frame, named), named, Prediction())


def test_when_a_scenario_s_clock_ends_before_the_origin_then_only_what_is_after_it_is_asked_for(
    read: Any, panel: Any, caplog: Any
) -> None:
    early = panel(["b", "c"], n_days=10).assign(
        units=lambda rows: rows["units"].mask(rows["day"] > dt.date(2024, 1, 8))
    )
    asked = read(with_future(pd.concat([panel(["a"]), early]), ["a", "b"]))
    assert asked.origin == pd.Timestamp(ORIGIN)
    assert dict(zip(asked.scenarios["scenario_id"], asked.scenarios["n_asked"], strict=True)) == {"a": 3, "b": 3}
    assert "1 scenarios have rows without a target" in caplog.text
    assert caplog.text.rstrip().endswith("nothing is forecast for ['c']")


def test_when_the_known_future_is_not_there_then_it_is_said_how_often(read: Any, panel: Any, caplog: Any) -> None:
    rows = with_future(panel(["a", "b", "c"]), ["a", "b", "c"])
    rows.loc[0, "promo"] = None  # history
    read(rows)
    assert "known_in_advance" not in caplog.text
    rows.loc[(rows["store"] != "c") & (rows["day"] > day(1)), "promo"] = None
    read(rows)
    assert "4 of 9 rows asked for have a null in ['promo']" in caplog.text
    assert "in 2 scenarios, e.g. ['a', 'b']" in caplog.text


def test_when_the_task_is_tabular_then_every_row_without_a_target_is_asked_for(spark: Any) -> None:
    tabular = Problem(task="regression", scenario_keys=("store",), target="units", sample_id="id")
    rows = [("a", "1", 1.0), ("a", "2", None), ("b", "3", float("nan")), ("c", "4", 2.0)]
    frame = spark.createDataFrame(rows, "store string, id string, units double")
    asked = read_question(with_ids(frame, tabular), tabular, Prediction())
    assert asked.origin is None
    assert asked.scenarios[["scenario_id", "n_rows", "n_asked"]].to_numpy().tolist() == [["a", 2, 1], ["b", 1, 1]]


@pytest.mark.parametrize(("origin", "told"), [(7, "does not fit"), ("soon", "is not a date")])
def test_when_the_origin_does_not_fit_then_the_error_says_so(read: Any, panel: Any, origin: Any, told: str) -> None:
    with pytest.raises(RunError, match=told):
        read(with_future(panel(["a"]), ["a"]), origin=origin)


def test_when_decisions_follow_each_other_then_the_latest_counts(spark: Any) -> None:
    rows = [
        ("a", "old", dt.datetime(2026, 1, 2), "first", None, "promote"),
        ("a", "new", dt.datetime(2026, 1, 3), "promoted", None, "promote"),
        ("a", "older", dt.datetime(2026, 1, 1), "first", None, "promote"),
    ]
    assert latest_champions(spark.createDataFrame(rows, CHAMPIONS.ddl)) == {"a": "new"}


def test_when_a_promotion_was_under_way_when_a_fit_was_pinned_then_the_pin_holds(spark: Any) -> None:
    pinned = [
        (name, "old", dt.datetime(2026, 1, 1), "pinned", None, "anne") for name in ("pinned", "free", "rolled back")
    ]
    promoted = [(name, "new", dt.datetime(2026, 1, 2), "promoted", None, "promote") for name, *_ in pinned]
    later = [
        ("free", "old", dt.datetime(2026, 1, 3), "unpinned", None, "anne"),
        ("free", "newer", dt.datetime(2026, 1, 4), "promoted", None, "promote"),
        ("rolled back", "older", dt.datetime(2026, 1, 3), "rolled_back", None, "anne"),
    ]
    found = latest_champions(spark.createDataFrame([*later, *promoted, *pinned], CHAMPIONS.ddl))
    assert found == {"pinned": "old", "free": "newer", "rolled back": "older"}


def test_when_the_champion_s_pool_is_gone_then_the_latest_pool_is_given(spark: Any, on_spark: Any) -> None:
    at = dt.datetime(2026, 1, 1)
    fits = [
        {"scenario_id": "a", "run_id": "r1", "status": "fitted", "fitted_at": at, "pool_digest": "gone"},
        {"scenario_id": "b", "run_id": "r1", "status": "fitted", "fitted_at": at, "pool_digest": "first"},
        {"scenario_id": "p", "run_id": "r1", "status": "fitted", "fitted_at": at, "model_digest": "first"},
        {"scenario_id": "p", "run_id": "r2", "status": "fitted", "fitted_at": at, "model_digest": "second"},
    ]
    pools = "__pooled__/p"
    rows = pd.DataFrame(fits).replace({"scenario_id": {"p": pools}}).assign(fingerprint=lambda f: f["run_id"])
    frame = on_spark(rows, FITS)
    champions = spark.createDataFrame([(name, "r1", at, "first", None, "promote") for name in "ab"], CHAMPIONS.ddl)
    keys = keys_of_models(pd.DataFrame({"scenario_id": ["a", "b", "c"], "pool_id": pools}), champions, frame)
    assert keys["pool_key"].tolist() == [f"r2/{pools}", f"r1/{pools}", f"r2/{pools}"]


def test_when_predictions_are_packed_then_the_plan_says_into_how_many_tasks(
    spark: Any, to_spark: Any, panel: Any, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Plan] = []
    monkeypatch.setattr(predicting, "fill_tasks", lambda rows, plan, _: seen.append(plan) or [0] * len(rows))
    nothing = spark.createDataFrame([], CHAMPIONS.ddl), spark.createDataFrame([], FITS.ddl)
    plan = Plan(min_wave_scenarios=3)
    setup = PredictSetup(problem, Prediction(), plan, Run(), RUN_ID)
    next(predict(to_spark(with_future(panel(["a"]), ["a"])), *nothing, setup, n_cores=2, progress=Progress()))
    assert seen == [plan]


@pytest.mark.parametrize(
    ("champion", "pools", "told"),
    [
        (None, (None, None), "2 scenarios has a champion, so every sample is answered by the baseline. For"),
        (None, ("p", None), "2 scenarios has a champion, so every sample is answered by the pooled model in 1 of them"),
        ("a", (None, None), None),
    ],
)
def test_when_nobody_has_a_champion_then_a_warning_says_who_answers_and_what_to_do(
    caplog: pytest.LogCaptureFixture, champion: str | None, pools: tuple[str | None, str | None], told: str | None
) -> None:
    predicting._warn_without_champions(pd.DataFrame({"champion_key": [champion, None], "pool_key": pools}))
    assert [message for message in caplog.messages if told is None or told not in message] == []
    assert len(caplog.messages) == (told is not None)
    assert all("`kedro run --pipelines=train`" in message for message in caplog.messages)


@pytest.mark.parametrize("engine", ["spark", "local"])
def test_when_there_are_no_models_then_the_baseline_answers_every_sample_once(
    spark: Any,
    to_spark: Any,
    panel: Any,
    problem: Problem,
    make_ledger: Any,
    caplog: pytest.LogCaptureFixture,
    engine: str,
) -> None:
    frame = to_spark(with_future(panel(["a", "b/.."]), ["b/..", "a"]))
    nothing = spark.createDataFrame([], CHAMPIONS.ddl), spark.createDataFrame([], FITS.ddl)
    setup = PredictSetup(problem, Prediction(), Plan(), Run(engine=engine), RUN_ID)
    predictions, asked = next(predict(frame, *nothing, setup, n_cores=2, progress=Progress()))
    ledger = make_ledger("predictions")
    ledger.save(predictions)
    assert check_complete(ledger.load(), asked, RUN_ID).values.tolist() == [["baseline", 6]]
    found = ledger.load().toPandas().sort_values(["scenario_id", "timestamp"], ignore_index=True)
    assert dict(ledger.load().dtypes)["timestamp"] == "date"
    assert found.loc[0, ["scenario_id", "store", "timestamp", "step"]].tolist() == ["a", "a", day(1), 1]
    # store "a": units are d % 3 on day d = 0..19; the day a week before days 20, 21, 22 is 13, 14, 15
    assert found["predicted_value"].tolist()[:3] == [1.0, 2.0, 0.0]
    assert set(found["origin"]) == {ORIGIN}
    assert "no champion" in str(found.loc[0, "reason"])
    assert len([message for message in caplog.messages if "every sample is answered by the baseline" in message]) == 1


@pytest.mark.parametrize("engine", ["spark", "local"])
def test_when_a_champion_s_fit_is_gone_then_its_rows_say_so_and_it_counts_as_failed(
    spark: Any,
    to_spark: Any,
    panel: Any,
    problem: Problem,
    make_ledger: Any,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    told: list[dict[str, float]] = []
    monkeypatch.setattr(progress_module, "sinks", [told.append])
    frame = to_spark(with_future(panel(["a", "b"]), ["a", "b"]))
    champions = [("a", "night", dt.datetime(2026, 1, 2), "first", None, "promote")]
    tables = spark.createDataFrame(champions, CHAMPIONS.ddl), spark.createDataFrame([], FITS.ddl)
    setup = PredictSetup(problem, Prediction(), Plan(), Run(engine=engine), RUN_ID)
    ledger, progress = make_ledger("predictions"), Progress(Console(file=io.StringIO()))
    ledger.watch = watching
    for predictions, _ in predict(frame, *tables, setup, n_cores=2, progress=progress):
        ledger.save(predictions)
    reasons = ledger.load().select("scenario_id", "reason").distinct().toPandas()
    assert dict(reasons.itertuples(index=False, name=None)) == {
        "a": "champion: its fit, by the run night, is gone; no pooled",
        "b": "no champion; no pooled",
    }
    assert (told[-1]["predicted_scenarios_done"], told[-1]["predicted_scenarios_failed"]) == (2, 1)


def test_when_a_prediction_is_lost_or_doubled_then_the_check_names_its_scenario(spark: Any, caplog: Any) -> None:
    asked = Asked(None, pd.DataFrame({"scenario_id": ["a", "b"], "pool_id": "p", "n_rows": 9, "n_asked": [2, 1]}))
    ddl = "prediction_run_id string, scenario_id string, sample_id string, rung string, reason string"

    def saved(*samples: tuple[str, str], reason: str = "no champion; no pooled") -> Any:
        return spark.createDataFrame([(RUN_ID, *sample, "champion", reason) for sample in samples], ddl)

    assert check_complete(saved(("a", "1"), ("a", "2"), ("b", "3")), asked, RUN_ID)["n_rows"].tolist() == [3]
    with pytest.raises(RunError, match=r"1 scenarios .* 'b': asked for 1, saved 0"):
        check_complete(saved(("a", "1"), ("a", "2")), asked, RUN_ID)
    with pytest.raises(RunError, match="'a': asked for 2, saved 2, distinct 1"):
        check_complete(saved(("a", "1"), ("a", "1"), ("b", "3")), asked, RUN_ID)
    with pytest.raises(RunError, match="3 predictions were saved, but of 2 samples"):
        check_complete(saved(("a", "1"), ("a", "2"), ("b", "2")), asked, RUN_ID)
    assert caplog.messages == []
    broken = saved(("a", "1"), ("a", "2"), reason="champion: no column 'weather'; no pooled")
    check_complete(broken.union(saved(("b", "3"))), asked, RUN_ID)
    (told,) = caplog.messages
    assert told.startswith("in 1 of 2 scenarios a model that was to predict could not; most often: champion: no column")


MODEL = StoredModel(b"", "digest", "run")


def attempt_by(misdeeds: Callable[[Order], str | None]) -> Any:
    """Return an attempt that announces its rung, does what it should not, and else predicts as the baseline does."""

    def attempt(job: PredictJob, order: Order, frame: pd.DataFrame, on_stage: Any) -> pd.DataFrame:
        on_stage("champion" if order.champion else "pooled" if order.pool else "baseline")
        misdeed = misdeeds(order)
        if misdeed == "exit":
            os._exit(3)
        if misdeed == "hang":
            time.sleep(60)
        bare = replace(order, champion=None, pool=None)
        return predict_attempt(job, bare, frame).assign(rung=f"{os.getpid()}")

    return attempt


def job_with(problem: Problem, misdeeds: Callable[[Order], str | None], seconds: float = 30.0) -> PredictJob:
    table = predictions_table({"store": "string"}, "date", sample_id_type="string", levels=(0.8,))
    return PredictJob(problem, Limits(seconds=seconds), pd.Timestamp(ORIGIN), of_workers(table), attempt_by(misdeeds))


def test_when_no_champion_misbehaves_then_one_child_serves_them_all(panel: Any, problem: Problem) -> None:
    asked = [(Order(name, None, MODEL, None), with_future(panel([name]), [name])) for name in "abc"]
    found = predict_in_children(job_with(problem, lambda order: None), asked)
    assert [set(part["scenario_id"]) for part in found] == [{"a"}, {"b"}, {"c"}]
    assert len({*pd.concat(found)["rung"]}) == 1


@pytest.mark.parametrize(
    ("misdeed", "told"),
    [
        ("exit", "its process ended with exit code 3 and no result"),
        ("hang", "stopped after 4 s (run.limits.seconds)"),
    ],
)
def test_when_a_champion_kills_its_child_then_the_ladder_goes_on_below_it_and_neighbours_are_whole(
    panel: Any, problem: Problem, misdeed: str, told: str
) -> None:
    asked = [(Order(name, None, MODEL, None), with_future(panel([name]), [name])) for name in "abc"]
    job = job_with(problem, lambda order: misdeed if order.scenario_id == "b" else None, seconds=4.0)
    a, b, c = predict_in_children(job, asked)
    assert b["predicted_value"].tolist() == [1.0, 2.0, 0.0]
    assert set(b["rung"]) == {"baseline"}
    assert set(b["reason"]) == {f"champion: {told} in stage 'champion'; no pooled"}
    assert (len(a), len(c)) == (3, 3)
    assert not set(a["rung"]) & set(c["rung"])  # two children served them


def test_when_the_pool_survives_then_it_answers_and_when_not_the_baseline_does(panel: Any, problem: Problem) -> None:
    asked = [(Order("a", None, MODEL, MODEL), with_future(panel(["a"]), ["a"]))]
    (by_pool,) = predict_in_children(job_with(problem, lambda order: "exit" if order.champion else None), asked)
    died = "its process ended with exit code 3 and no result in stage"
    assert by_pool["rung"].str.isdigit().all()
    assert set(by_pool["reason"]) == {f"champion: {died} 'champion'; no pooled"}
    (by_baseline,) = predict_in_children(job_with(problem, lambda order: "exit"), asked)
    assert set(by_baseline["rung"]) == {"baseline"}
    assert set(by_baseline["reason"]) == {f"champion: {died} 'champion'; pooled: {died} 'pooled'"}


@pytest.mark.parametrize(
    ("champion", "pool", "reason"),
    [
        (MODEL, MODEL, "champion: {told}; pooled: {told}"),
        (MODEL, None, "champion: {told}; no pooled"),
        (None, MODEL, "pooled: {told}; no champion"),
        (None, None, "baseline: {told}; no champion; no pooled"),
    ],
)
def test_when_no_process_can_be_started_then_that_is_the_reason_and_the_baseline_answers(
    panel: Any,
    problem: Problem,
    monkeypatch: pytest.MonkeyPatch,
    champion: StoredModel | None,
    pool: StoredModel | None,
    reason: str,
) -> None:
    def fork() -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "fork", fork)
    asked = [(Order("a", None, champion, pool), with_future(panel(["a"]), ["a"]))]
    (found,) = predict_in_children(job_with(problem, lambda order: None), asked)
    assert found["predicted_value"].tolist() == [1.0, 2.0, 0.0]
    told = "its process could not be started: [Errno 12] Cannot allocate memory"
    assert set(found["reason"]) == {reason.format(told=told)}


@pytest.mark.parametrize("message", ["", "Unable to allocate 8.00 EiB for an array"])
def test_when_a_champion_is_refused_memory_in_a_shared_child_then_it_is_asked_again_alone(
    panel: Any, problem: Problem, message: str
) -> None:
    served: list[str] = []

    def attempt(job: PredictJob, order: Order, frame: pd.DataFrame, on_stage: Any) -> pd.DataFrame:
        served.append(order.scenario_id)
        predicted = predict_attempt(job, replace(order, champion=None), frame)
        return predicted.assign(reason=f"champion: {message}" if len(served) > 1 else "alone")

    asked = [(Order(name, None, MODEL, None), with_future(panel([name]), [name])) for name in "ab"]
    job = replace(job_with(problem, lambda order: None), attempt=attempt)
    assert [set(part["reason"]) for part in predict_in_children(job, asked)] == [{"alone"}, {"alone"}]
