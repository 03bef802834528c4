import json

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import (
    HORIZON,
    QUICK,
    demand_frame,
    demand_problem,
    flower_frame,
    flower_problem,
    house_frame,
    house_problem,
    with_future,
)

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import Problem
from distributed_automl.scenario.attempt import (
    Failure,
    StoredModel,
    attempt,
    attempt_fit,
    attempt_fit_pool,
    attempt_predict,
)
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.ladder import baseline_answer, constant_answer
from distributed_automl.scenario.synthesis import Definitions, define
from distributed_automl.tables import FITS, predictions_table

PROBLEM = demand_problem()


def definitions_of(problem: Problem = PROBLEM) -> Definitions:
    return define(kinds_of(demand_frame(), problem), problem, QUICK.synthesis, 7)


def stored(row: dict) -> StoredModel:
    return StoredModel(row["model"], row["model_digest"], "run-1")


@pytest.fixture(scope="module")
def pool() -> StoredModel:
    frame = pd.concat(demand_frame(store_id=f"{n:03d}", seed=n, level=10.0 + 5 * n) for n in range(6))
    row = attempt_fit_pool(frame, PROBLEM, QUICK, scenario_id="__pooled__/all", definitions=definitions_of())
    assert row["status"] == "fitted", row["traceback"]
    return stored(row)


@pytest.fixture(scope="module")
def champion(pool: StoredModel) -> StoredModel:
    row = attempt_fit(demand_frame(), PROBLEM, QUICK, scenario_id="001", definitions=definitions_of(), pool=pool)
    assert row["status"] == "fitted", row["traceback"]
    return stored(row)


def test_when_work_fails_then_the_failure_names_stage_type_message_and_traceback() -> None:
    def work(note):
        note("tune")
        raise ZeroDivisionError("no denominator")

    failure = attempt(work)
    assert isinstance(failure, Failure)
    assert (failure.status, failure.stage, failure.error_type) == ("failed", "tune", "ZeroDivisionError")
    assert failure.message == "no denominator"
    assert "in work" in (failure.traceback or "")


def test_when_a_scenario_is_skipped_then_there_is_a_reason_and_no_traceback() -> None:
    def work(note):
        note("validate")
        raise ScenarioSkipped("one row")

    assert attempt(work) == Failure("skipped", "validate", "ScenarioSkipped", "one row", None)


def test_when_interrupted_then_the_interrupt_is_not_swallowed() -> None:
    def work(note):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(work)


def test_when_a_fit_succeeds_then_its_row_keeps_the_contract_of_fits() -> None:
    row = attempt_fit(demand_frame(), PROBLEM, QUICK, scenario_id="001", definitions=definitions_of())
    added_by_the_fleet = {"run_id", "wave", "fingerprint", "fitted_at", "peak_memory_mb"}
    assert set(row) == set(FITS.names) - added_by_the_fleet
    assert row["status"] == "fitted"
    assert row["model_bytes"] == len(row["model"])
    assert json.loads(row["leaderboard"])[0]["rank"] == 1
    votes = json.loads(row["selection"])
    assert set(votes) == set(QUICK.selection.methods)
    assert set(row["features"]) == {name for columns in votes.values() for name in columns}


def test_when_a_fit_cannot_be_made_then_its_row_has_the_same_columns_and_says_why() -> None:
    fitted = attempt_fit(demand_frame(), PROBLEM, QUICK, scenario_id="001", definitions=definitions_of())
    row = attempt_fit(demand_frame(n_days=1), PROBLEM, QUICK, scenario_id="001", definitions=definitions_of())
    assert set(row) == set(fitted)
    assert (row["status"], row["stage"], row["model"]) == ("skipped", "validate", None)
    assert "period" in row["message"]


def test_when_a_column_is_missing_then_the_fit_fails_and_names_it() -> None:
    frame = demand_frame().drop(columns="promotion")
    row = attempt_fit(frame, PROBLEM, QUICK, scenario_id="001", definitions=definitions_of())
    assert (row["status"], row["error_type"]) == ("failed", "TableError")
    assert "promotion" in row["message"]


def test_when_there_is_a_champion_then_it_predicts_without_a_reason(champion: StoredModel, pool: StoredModel) -> None:
    frame = with_future(demand_frame())
    predictions = attempt_predict(frame, PROBLEM, scenario_id="001", champion=champion, pool=pool)
    table = predictions_table({"store_id": "string"}, "timestamp", sample_id_type="string", levels=PROBLEM.levels)
    assert set(predictions.columns) == set(table.names) - {"prediction_run_id", "origin"}
    assert predictions["rung"].eq("champion").all()
    assert predictions["reason"].isna().all()
    assert predictions["fit_run_id"].eq("run-1").all()


@pytest.mark.parametrize("absurd", [np.inf, -1e300])
def test_when_an_absurd_target_is_in_the_history_then_it_counts_as_unknown(
    absurd: float, champion: StoredModel, pool: StoredModel
) -> None:
    frame = with_future(demand_frame())
    told = [frame.assign(units=frame["units"].where(frame.index != 100, value)) for value in (absurd, np.nan)]
    for models in ({"champion": champion, "pool": pool}, {"pool": pool}, {}):
        found, expected = (attempt_predict(one, PROBLEM, scenario_id="001", **models) for one in told)
        pd.testing.assert_frame_equal(found, expected)
        assert not found["reason"].fillna("").str.contains("encountered").any()
    assert (
        constant_answer(told[0], PROBLEM, None).predicted.tolist()
        == constant_answer(told[1], PROBLEM, None).predicted.tolist()
    )


def test_when_an_absurd_target_is_in_a_table_then_the_baseline_does_not_look_at_it() -> None:
    frame = house_frame(n_asked=3)
    absurd = frame.assign(price=frame["price"].where(frame.index != 5, 1e300))
    found, expected = (baseline_answer(one, house_problem(), None) for one in (absurd, frame.drop(index=5)))
    assert found.predicted.tolist() == expected.predicted.tolist()


def test_when_the_last_weeks_erred_then_the_baseline_is_less_sure_than_when_weeks_before_them_did() -> None:
    width = []
    for levels in ([10, 10, 10, 10, 10, 10, 20, 10], [10, 10, 10, 10, 20, 10, 10, 10]):
        frame = with_future(demand_frame(n_days=56).assign(units=np.repeat(levels, 7).astype(float)))
        bounds = baseline_answer(frame, PROBLEM, None).bounds
        width.append(bounds["upper_80"] - bounds["lower_80"])
    assert (width[0] > 1.1 * width[1]).all()


def test_when_a_class_has_half_a_surrogate_pair_then_it_is_learned_and_predicted() -> None:
    problem = flower_problem()
    frame = flower_frame().replace({"species": {"rose": "rose \ud83d"}})
    definitions = define(kinds_of(frame, problem), problem, QUICK.synthesis, 1)
    row = attempt_fit(frame, problem, QUICK, scenario_id="001", definitions=definitions)
    assert (row["status"], row["message"]) == ("fitted", None)
    asked = frame.assign(species=frame["species"].where(frame.index % 5 > 0, None))
    predictions = attempt_predict(asked, problem, scenario_id="001", champion=stored(row))
    assert "rose ?" in set(predictions["predicted_class"])


def test_when_there_is_no_champion_then_the_pool_answers_and_the_row_says_why(pool: StoredModel) -> None:
    frame = with_future(demand_frame(store_id="new", n_days=3))
    predictions = attempt_predict(frame, PROBLEM, scenario_id="new", pool=pool)
    assert predictions["rung"].eq("pooled").all()
    assert predictions["reason"].eq("no champion").all()
    assert np.isfinite(predictions["predicted_value"]).all()


def test_when_there_is_no_model_at_all_then_the_baseline_answers() -> None:
    predictions = attempt_predict(with_future(demand_frame()), PROBLEM, scenario_id="001")
    last_week = demand_frame()["units"].to_numpy()[-HORIZON:]
    assert predictions["rung"].eq("baseline").all()
    assert predictions["reason"].eq("no champion; no pooled").all()
    assert predictions["predicted_value"].tolist() == last_week.tolist()
    assert (predictions["lower_95"] <= predictions["predicted_value"]).all()


def test_when_the_champion_is_damaged_then_the_pool_answers_and_the_row_says_so(
    champion: StoredModel, pool: StoredModel
) -> None:
    damaged = StoredModel(champion.data[:-10] + b"0123456789", champion.digest, champion.run_id)
    predictions = attempt_predict(with_future(demand_frame()), PROBLEM, scenario_id="001", champion=damaged, pool=pool)
    assert predictions["rung"].eq("pooled").all()
    assert predictions["reason"].str.contains("digest").all()


def test_when_the_champion_has_too_little_history_then_the_pool_answers(
    champion: StoredModel, pool: StoredModel
) -> None:
    frame = with_future(demand_frame(n_days=3))
    predictions = attempt_predict(frame, PROBLEM, scenario_id="001", champion=champion, pool=pool)
    assert predictions["rung"].eq("pooled").all()
    assert predictions["reason"].str.contains("too little history: 3 known periods, one season is 7").all()


def test_when_there_are_several_series_then_history_is_still_counted_in_periods() -> None:
    frame = pd.concat([demand_frame(seed=seed).assign(dept=dept) for seed, dept in enumerate("abcd")])
    problem = demand_problem(series_keys=("dept",))
    definitions = define(kinds_of(frame, problem), problem, QUICK.synthesis, 7)
    own = stored(attempt_fit(frame, problem, QUICK, scenario_id="001", definitions=definitions))
    last = frame["date"].max()
    asked = pd.concat([with_future(frame[frame["dept"] == dept]).assign(dept=dept) for dept in "abcd"])
    reasons = {}
    for n_known in (6, 7):
        recent = asked[asked["date"] > last - pd.Timedelta(days=n_known)]
        answer = attempt_predict(recent, problem, scenario_id="001", champion=own)
        reasons[n_known] = answer["reason"].fillna("").unique().tolist()
    assert "too little history: 6 known periods, one season is 7" in reasons[6][0]
    assert reasons[7] == [""]


def test_when_a_scenario_has_no_history_at_all_then_every_row_is_answered() -> None:
    frame = with_future(demand_frame()).iloc[-HORIZON:]
    predictions = attempt_predict(frame, PROBLEM, scenario_id="001", origin=pd.Timestamp("2024-04-29"))
    assert len(predictions) == HORIZON
    assert predictions["predicted_value"].eq(0.0).all()


def test_when_timestamps_are_off_the_grid_then_every_row_is_answered_all_the_same() -> None:
    frame = with_future(demand_frame())
    frame.loc[50, "date"] += pd.Timedelta(hours=5)
    predictions = attempt_predict(frame, PROBLEM, scenario_id="001")
    assert len(predictions) == HORIZON
    assert predictions["reason"].str.contains("baseline").all()
    assert np.isfinite(predictions["predicted_value"]).all()
    assert predictions["step"].tolist() == list(range(1, HORIZON + 1))


def test_when_timestamps_have_a_time_zone_then_the_answers_are_those_in_utc(
    champion: StoredModel, pool: StoredModel
) -> None:
    frame = with_future(demand_frame())
    zoned = frame.assign(date=frame["date"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"))
    plain, found = (
        attempt_predict(rows, PROBLEM, scenario_id="001", champion=champion, pool=pool) for rows in (frame, zoned)
    )
    assert found["rung"].eq("champion").all()
    as_they_came = ["sample_id", "timestamp"]
    pd.testing.assert_frame_equal(found.drop(columns=as_they_came), plain.drop(columns=as_they_came))
    assert constant_answer(zoned, PROBLEM, None).steps.tolist() == list(range(1, HORIZON + 1))


@pytest.mark.parametrize(("frequency", "dtype"), [(7, "datetime64[ns]"), ("MS", "datetime64[ns]")])
def test_when_frequency_and_timestamps_do_not_fit_then_the_last_rung_still_answers(frequency, dtype) -> None:
    frame = with_future(demand_frame()).astype({"date": dtype})
    problem = PROBLEM.model_copy(update={"frequency": frequency})
    answer = constant_answer(frame, problem, None)
    assert len(answer.predicted) == HORIZON
    assert answer.steps.min() >= 0
    assert answer.steps.max() <= HORIZON


@pytest.mark.parametrize("origin", [None, pd.Timestamp("2024-04-29")])
def test_when_dates_are_plain_dates_then_the_last_rung_still_answers(origin: pd.Timestamp | None) -> None:
    frame = with_future(demand_frame())
    frame["date"] = frame["date"].dt.date
    answer = constant_answer(frame, PROBLEM, origin)
    assert len(answer.predicted) == HORIZON
    assert answer.predicted.tolist() == pytest.approx([demand_frame()["units"].mean()] * HORIZON)


def test_when_nothing_was_ever_known_then_every_row_is_asked_for() -> None:
    frame = with_future(demand_frame()).assign(units=np.nan)
    assert len(attempt_predict(frame, PROBLEM, scenario_id="001")) == len(frame)


def test_when_more_steps_are_asked_for_than_a_model_was_fitted_for_then_it_does_not_answer(
    champion: StoredModel, pool: StoredModel
) -> None:
    frame = with_future(demand_frame(), n_days=HORIZON + 1)
    predictions = attempt_predict(frame, PROBLEM, scenario_id="001", champion=champion, pool=pool)
    assert predictions["rung"].eq("baseline").all()
    assert predictions["reason"].str.contains("8 steps ahead are asked for, the model was fitted for 7").all()


def test_when_what_came_true_stands_in_the_table_then_an_earlier_origin_does_not_read_it(
    champion: StoredModel, pool: StoredModel
) -> None:
    origin = pd.Timestamp("2024-04-25")
    frame = with_future(demand_frame())
    frame.loc[frame["date"] == origin + pd.Timedelta(days=3), "units"] = np.nan
    spoiled = frame.copy()
    spoiled.loc[(spoiled["date"] > origin) & spoiled["units"].notna(), ["units", "visitors"]] = 1e6
    one, two = (
        attempt_predict(
            rows[rows["date"] <= origin + pd.Timedelta(days=HORIZON)],
            PROBLEM,
            scenario_id="001",
            champion=champion,
            pool=pool,
            origin=origin,
        )
        for rows in (frame, spoiled)
    )
    assert one["rung"].eq("champion").all()
    pd.testing.assert_frame_equal(one, two)


def test_when_other_levels_are_asked_for_than_the_model_has_then_the_row_says_so(champion: StoredModel) -> None:
    problem = demand_problem(levels=(0.8, 0.9))
    automl_free_of_pool = attempt_fit(demand_frame(), PROBLEM, QUICK, scenario_id="001", definitions=definitions_of())
    predictions = attempt_predict(
        with_future(demand_frame()), problem, scenario_id="001", champion=stored(automl_free_of_pool)
    )
    assert predictions["rung"].eq("champion").all()
    assert predictions["lower_80"].notna().all()
    assert predictions["lower_90"].isna().all()
    assert "lower_95" not in predictions
    assert predictions["reason"].eq("no interval at 0.9: the model was fitted for other levels").all()
