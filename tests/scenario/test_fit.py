import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import (
    HORIZON,
    QUICK,
    demand_frame,
    demand_problem,
    house_frame,
    house_problem,
    with_future,
)

from distributed_automl.errors import ModelError, ScenarioSkipped
from distributed_automl.parameters import AutoML, Costs
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.estimators import CANDIDATES
from distributed_automl.scenario.estimators.ridge import FittedRidge
from distributed_automl.scenario.fit import ScenarioFit, fit_scenario
from distributed_automl.scenario.predict import predict_scenario
from distributed_automl.scenario.synthesis import define


@pytest.fixture(scope="module")
def demand_fit() -> ScenarioFit:
    return fit_scenario(demand_frame(), demand_problem(), QUICK)


def test_when_demand_follows_weekday_and_promotion_then_the_winner_beats_the_baseline(demand_fit: ScenarioFit) -> None:
    assert demand_fit.metrics["wape"] < 0.75 * demand_fit.metrics["baseline_wape"]
    value_added = 1.0 - demand_fit.metrics["wape"] / demand_fit.metrics["baseline_wape"]
    assert demand_fit.metrics["fva"] == pytest.approx(value_added)
    assert demand_fit.kpis["total_cost"] < demand_fit.kpis["baseline_total_cost"]


def test_when_the_baseline_is_listed_then_it_is_tried_and_ranked_once() -> None:
    automl = QUICK.model_copy(update={"candidates": ("seasonal_naive", "ridge")})
    fit = fit_scenario(demand_frame(), demand_problem(), automl)
    names = [row["candidate"] for row in fit.leaderboard if row["candidate"] != "ensemble"]
    assert sorted(names) == ["ridge", "seasonal_naive"]
    assert fit.n_trials == sum(row["n_trials"] for row in fit.leaderboard)


def test_when_fitted_then_stages_are_told_in_the_order_of_the_story() -> None:
    stages: list[str] = []
    fit_scenario(demand_frame(), demand_problem(), QUICK, on_stage=stages.append)
    assert stages == ["validate", "split", "synthesize", "select", "tune", "ensemble", "score", "refit"]


def test_when_fitted_twice_from_shuffled_rows_then_model_scores_and_features_are_the_same_bytes(
    demand_fit: ScenarioFit,
) -> None:
    shuffled = demand_frame().sample(frac=1.0, random_state=3)
    again = fit_scenario(shuffled, demand_problem(), QUICK)
    assert again.model.to_bytes() == demand_fit.model.to_bytes()
    assert again.metrics == demand_fit.metrics
    assert again.features == demand_fit.features


def test_when_the_seed_changes_then_the_model_changes(demand_fit: ScenarioFit) -> None:
    other = fit_scenario(demand_frame(), demand_problem(), QUICK.model_copy(update={"seed": 1}))
    assert other.model.to_bytes() != demand_fit.model.to_bytes()


def test_when_a_frame_is_fitted_then_it_is_not_mutated() -> None:
    frame = demand_frame()
    before = frame.copy(deep=True)
    fit_scenario(frame, demand_problem(), QUICK)
    pd.testing.assert_frame_equal(frame, before)


def test_when_the_leaderboard_is_read_then_every_candidate_and_the_baseline_are_ranked(demand_fit: ScenarioFit) -> None:
    names = [row["candidate"] for row in demand_fit.leaderboard]
    assert {"ridge", "lightgbm", "seasonal_mean", "seasonal_naive"} <= set(names)
    gains = [row["gain"] for row in demand_fit.leaderboard]
    assert gains == sorted(gains, reverse=True)
    assert [row["rank"] for row in demand_fit.leaderboard] == list(range(1, len(names) + 1))
    assert all(row["first_gain"] <= row["gain"] for row in demand_fit.leaderboard if row["n_trials"])


def test_when_nothing_beats_the_baseline_then_the_baseline_ships_and_the_row_says_so() -> None:
    frame = demand_frame(n_days=140)
    frame["units"] = np.tile([5.0, 1.0, 9.0, 2.0, 7.0, 3.0, 30.0], 20)
    fit = fit_scenario(frame, demand_problem(), AutoML(candidates=("ridge",), validation=QUICK.validation))
    assert fit.estimator == "seasonal_naive"
    assert fit.metrics["wape"] == fit.metrics["baseline_wape"] == 0.0
    assert fit.metrics["fva"] == 0.0


def test_when_the_objective_is_money_then_a_baseline_that_ships_adds_nothing_to_itself() -> None:
    automl = AutoML(candidates=("seasonal_naive",), validation=QUICK.validation, costs=Costs(margin_per_unit=9.0))
    fit = fit_scenario(demand_frame(), demand_problem(objective="total_cost"), automl)
    assert fit.estimator == "seasonal_naive"
    assert fit.model.shift is not None
    assert fit.kpis["total_cost"] == fit.kpis["baseline_total_cost"] > 0.0
    assert fit.metrics["fva"] == 0.0


def test_when_the_holdout_changes_then_what_was_chosen_before_it_does_not(demand_fit: ScenarioFit) -> None:
    frame = demand_frame()
    frame.loc[frame.index[-HORIZON:], "units"] = 500.0
    changed = fit_scenario(frame, demand_problem(), QUICK)
    assert [(row["candidate"], row["gain"]) for row in changed.leaderboard] == [
        (row["candidate"], row["gain"]) for row in demand_fit.leaderboard
    ]
    assert changed.hyperparameters == demand_fit.hyperparameters
    assert changed.metrics["wape"] != demand_fit.metrics["wape"]


def test_when_observed_values_and_targets_of_the_future_are_there_then_predictions_ignore_them(
    demand_fit: ScenarioFit,
) -> None:
    asked = with_future(demand_frame())
    spoiled = asked.copy()
    is_future = spoiled["units"].isna()
    spoiled.loc[is_future, "visitors"] = 1e6
    expected = predict_scenario(asked, demand_fit.model)
    pd.testing.assert_frame_equal(predict_scenario(spoiled, demand_fit.model), expected)


def test_when_predicting_then_one_row_per_row_asked_for_with_ordered_bounds(demand_fit: ScenarioFit) -> None:
    predictions = predict_scenario(with_future(demand_frame()), demand_fit.model)
    assert predictions["step"].tolist() == list(range(1, HORIZON + 1))
    assert predictions["sample_id"].is_unique
    assert predictions["sample_id"].iloc[0].startswith("store_id=001@2024-04-30")
    values = predictions["predicted_value"]
    assert (predictions["lower_95"] <= predictions["lower_80"]).all()
    assert (predictions["lower_80"] <= values).all()
    assert (values <= predictions["upper_80"]).all()
    assert (predictions["upper_80"] <= predictions["upper_95"]).all()
    assert (predictions["lower_95"] >= 0.0).all()


def test_when_a_series_has_several_series_then_each_is_predicted() -> None:
    problem = demand_problem(series_keys=("dept",))
    frame = pd.concat(
        [
            demand_frame(seed=seed, level=level).assign(dept=dept)
            for seed, (dept, level) in enumerate([("a", 5), ("b", 50)])
        ]
    )
    fit = fit_scenario(frame, problem, QUICK)
    asked = pd.concat(with_future(rows).assign(dept=dept) for dept, rows in frame.groupby("dept"))
    predictions = predict_scenario(asked, fit.model)
    means = predictions.groupby("dept")["predicted_value"].mean()
    assert predictions.groupby("dept").size().to_dict() == {"a": HORIZON, "b": HORIZON}
    assert means["b"] > 5 * means["a"]


def test_when_the_task_is_regression_then_the_model_predicts_prices_near_the_truth() -> None:
    fit = fit_scenario(house_frame(), house_problem(), QUICK)
    frame = house_frame(n_asked=20)
    predictions = predict_scenario(frame, fit.model)
    truth = house_frame()["price"].to_numpy()[-20:]
    assert fit.metrics["r2"] > 0.9
    assert predictions["sample_id"].tolist() == [f"north-{number:04d}" for number in range(140, 160)]
    assert np.abs(predictions["predicted_value"] - truth).mean() < 40.0


def test_when_a_category_was_unseen_in_training_then_the_row_is_predicted_all_the_same() -> None:
    fit = fit_scenario(house_frame(), house_problem(), QUICK)
    frame = house_frame(n_asked=3)
    frame.loc[frame.index[-3:], "quarter"] = "moon"
    assert np.isfinite(predict_scenario(frame, fit.model)["predicted_value"]).all()


def test_when_a_feature_column_is_all_null_then_the_scenario_is_fitted_without_it() -> None:
    frame = demand_frame().assign(visitors=np.nan)
    kinds = kinds_of(demand_frame(), demand_problem())
    definitions = define(kinds, demand_problem(), QUICK.synthesis, 7)
    fit = fit_scenario(frame, demand_problem(), QUICK, definitions=definitions)
    assert not [name for name in fit.features if "visitors" in name]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (demand_frame(n_days=1), "period"),
        (demand_frame(n_days=20), "period"),
        (demand_frame().assign(units=3.0), "constant"),
        (demand_frame().assign(units=np.nan), "target"),
        (demand_frame().assign(units=lambda f: f["units"].where(f.index != 60, np.inf)), "infinite"),
        (demand_frame().assign(units=lambda f: f["units"].where(f.index != 60, -2e30)), "infinite, in 1 of 120"),
        (demand_frame().assign(units=lambda f: 1e300 * f["units"]), r"between -1e\+30 and 1e\+30"),
    ],
    ids=["one row", "too short", "constant", "all null", "infinite", "one huge", "all huge"],
)
def test_when_a_scenario_cannot_be_modelled_then_it_is_skipped_with_the_reason(
    frame: pd.DataFrame, reason: str
) -> None:
    with pytest.raises(ScenarioSkipped, match=reason):
        fit_scenario(frame, demand_problem(), QUICK)


def test_when_a_candidate_predicts_what_is_not_finite_then_the_fit_fails_and_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FittedRidge, "predict", lambda self, design, history, rows: np.full(len(rows), np.nan))
    with pytest.raises(ModelError, match="candidate 'ridge' predicted values that are not finite on fold_1"):
        fit_scenario(demand_frame(), demand_problem(), QUICK)


def test_when_targets_are_negative_and_unbounded_then_so_are_predictions() -> None:
    frame = demand_frame()
    frame["units"] = frame["units"] - 200.0
    fit = fit_scenario(frame, demand_problem(target_min=None), QUICK)
    predictions = predict_scenario(with_future(frame), fit.model)
    assert (predictions["predicted_value"] < -100.0).all()


@pytest.mark.parametrize("name", sorted(CANDIDATES))
def test_when_a_candidate_is_listed_then_it_can_be_fitted_alone(name: str) -> None:
    if "forecasting" not in CANDIDATES[name].tasks:
        pytest.skip("for another task")
    automl = QUICK.model_copy(update={"candidates": (name,)})
    fit = fit_scenario(demand_frame(), demand_problem(), automl)
    assert fit.estimator in {name, "seasonal_naive"}
