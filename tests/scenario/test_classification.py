"""One classification on its whole way: fitted, calibrated, stored, predicted by every rung."""

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import flower_frame, flower_problem

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Problem, Tuning, Validation
from distributed_automl.scenario.attempt import StoredModel, attempt_predict
from distributed_automl.scenario.class_calibration import ClassCalibration
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.estimators.pooled import Pooled
from distributed_automl.scenario.fit import PoolFit, ScenarioFit, fit_scenario
from distributed_automl.scenario.fit_pool import fit_pool
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.pool import PooledModel, load_pool
from distributed_automl.scenario.predict import predict_scenario
from distributed_automl.scenario.serialize import digest_of
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import Definitions, define
from distributed_automl.scenario.validate import validate
from distributed_automl.tables import predictions_table

PROBLEM = flower_problem()
QUICK = AutoML(
    candidates=("logistic_regression", "random_forest_classifier", "lightgbm_classifier", "pooled"),
    tuning=Tuning(n_trials=2),
    validation=Validation(n_folds=2),
)
GARDENS = ("north", "south", "east")


@pytest.fixture(scope="module")
def fit() -> ScenarioFit:
    return fit_scenario(flower_frame(), PROBLEM, QUICK)


def stored(model: ScenarioModel | PooledModel, run_id: str = "run-1") -> StoredModel:
    data = model.to_bytes()
    return StoredModel(data, digest_of(data), run_id)


def reloaded(model: ScenarioModel) -> ScenarioModel:
    one = stored(model)
    return ScenarioModel.from_bytes(one.data, one.digest)


def matrix(predictions: pd.DataFrame, name: str = "probabilities") -> np.ndarray:
    return pd.DataFrame(predictions[name].tolist()).sort_index(axis=1).to_numpy()


def test_when_features_tell_the_species_then_the_winner_beats_the_frequencies(fit: ScenarioFit) -> None:
    assert fit.metrics["log_loss"] < 0.6 * fit.metrics["baseline_log_loss"]
    assert fit.metrics["roc_auc"] > 0.9
    assert fit.kpis["n_wrong"] < fit.kpis["baseline_n_wrong"]
    assert fit.metrics["error_rate"] == pytest.approx(1.0 - fit.metrics["accuracy"])
    assert not [name for name in fit.metrics if "wape" in name or "coverage" in name]


def test_when_fitted_twice_from_shuffled_rows_then_the_bytes_are_the_same(fit: ScenarioFit) -> None:
    again = fit_scenario(flower_frame().sample(frac=1.0, random_state=3), PROBLEM, QUICK)
    assert again.model.to_bytes() == fit.model.to_bytes()
    assert again.metrics == fit.metrics


def test_when_stored_and_loaded_then_the_model_predicts_the_same_and_knows_its_classes(fit: ScenarioFit) -> None:
    asked = flower_frame(n_asked=30)
    loaded = reloaded(fit.model)
    expected = predict_scenario(asked, fit.model)
    pd.testing.assert_frame_equal(predict_scenario(asked, loaded), expected, check_exact=True)
    assert isinstance(loaded.calibration, ClassCalibration)
    assert loaded.calibration.classes == ("aster", "rose", "tulip")


def test_when_predicted_then_classes_are_text_beside_calibrated_probabilities(fit: ScenarioFit) -> None:
    predicted = predict_scenario(flower_frame(n_asked=30), fit.model)
    truth = flower_frame().tail(30)["species"].reset_index(drop=True)
    assert (predicted["predicted_class"] == truth).mean() > 0.8
    assert set(predicted["probabilities"][0]) == {"aster", "rose", "tulip"}
    np.testing.assert_allclose(matrix(predicted).sum(axis=1), 1.0)
    best = [max(cells, key=cells.get) for cells in predicted["probabilities"]]
    assert predicted["predicted_class"].tolist() == best
    assert predicted["baseline_class"].eq("rose").all()


@pytest.mark.parametrize(
    ("values", "labels"),
    [({"rose": 2, "tulip": 1, "aster": 10}, {"1", "2", "10"}), ({"rose": True, "tulip": False}, {"true", "false"})],
)
def test_when_classes_are_no_text_then_predictions_are(values: dict[str, object], labels: set[str]) -> None:
    frame = flower_frame()
    frame = frame[frame["species"].isin(values)].assign(species=lambda rows: rows["species"].map(values))
    fit = fit_scenario(frame, PROBLEM, QUICK)
    asked = frame.assign(species=frame["species"].where(np.arange(len(frame)) < 100))  # integers become floats here
    predicted = predict_scenario(asked, fit.model)
    assert len(predicted) == len(frame) - 100
    assert set(predicted["probabilities"][0]) == labels
    truth = frame["species"].iloc[100:].astype(str).str.lower().reset_index(drop=True)
    assert (predicted["predicted_class"] == truth).mean() > 0.8


def test_when_missing_a_class_costs_much_then_it_is_predicted_more_often(fit: ScenarioFit) -> None:
    dear = fit_scenario(flower_frame(), flower_problem(class_costs={"aster": 50.0}), QUICK)
    asked = flower_frame(seed=5, n_asked=160)
    plain, careful = (predict_scenario(asked, one.model)["predicted_class"] for one in (fit, dear))
    assert (careful == "aster").sum() > (plain == "aster").sum()
    assert (plain[careful != plain] != "aster").all()
    assert dear.kpis["misclassification_cost"] <= dear.kpis["baseline_misclassification_cost"]


def test_when_classes_count_alike_then_the_rare_one_is_found_more_often(fit: ScenarioFit) -> None:
    problem = flower_problem(class_weight="balanced", objective="balanced_accuracy")
    balanced = fit_scenario(flower_frame(), problem, QUICK)
    asked = flower_frame(seed=5, n_asked=160)
    rare = (flower_frame(seed=5)["species"] == "aster").to_numpy()
    found = [predict_scenario(asked, one.model)["predicted_class"].eq("aster") for one in (fit, balanced)]
    assert found[1][rare].mean() >= found[0][rare].mean()
    assert found[1].sum() > found[0].sum()


def test_when_there_is_one_class_or_one_per_row_then_the_scenario_is_skipped_and_says_why() -> None:
    frame = flower_frame()
    with pytest.raises(ScenarioSkipped, match="constant: 'rose' in all of 160 rows"):
        fit_scenario(frame.assign(species="rose"), PROBLEM, QUICK)
    with pytest.raises(ScenarioSkipped, match="has 160 classes; at most 100"):
        fit_scenario(frame.assign(species=frame["flower_id"]), PROBLEM, QUICK)


def test_when_a_class_has_a_single_row_then_the_scenario_is_fitted_all_the_same() -> None:
    frame = flower_frame()
    frame.loc[7, "species"] = "orchid"
    predicted = predict_scenario(flower_frame(n_asked=30), fit_scenario(frame, PROBLEM, QUICK).model)
    assert (matrix(predicted) > 0).all()
    assert set(predicted["probabilities"][0]) == {"aster", "orchid", "rose", "tulip"}


def test_when_rows_are_cut_by_time_then_the_latest_are_held_out_and_all_classes_are_known() -> None:
    """The last species comes up only in the last rows: no fold can learn it."""
    frame = flower_frame().assign(day=pd.date_range("2024-01-01", periods=160))
    frame.loc[140:, "species"] = np.where(np.arange(20) % 2, "orchid", "rose")
    fit = fit_scenario(frame, flower_problem(timestamp="day"), QUICK)
    assert all(np.isfinite(value) for name, value in fit.metrics.items() if "auc" not in name)
    calibration = fit.model.calibration
    assert calibration.classes == ("aster", "orchid", "rose", "tulip")


# --- the pool and the ladder -----------------------------------------------------------------------------------------


def gardens() -> pd.DataFrame:
    """Three gardens; the last one grows lilies too."""
    frame = pd.concat([flower_frame(name, seed=n) for n, name in enumerate(GARDENS)], ignore_index=True)
    frame.loc[frame.index[-20:], "species"] = "lily"
    return frame


def definitions_of(frame: pd.DataFrame, problem: Problem = PROBLEM) -> Definitions:
    return define(kinds_of(frame, problem), problem, QUICK.synthesis, 1)


@pytest.fixture(scope="module")
def pool() -> PoolFit:
    return fit_pool(gardens(), PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions_of(gardens()))


def loaded_pool(pool: PoolFit) -> PooledModel:
    one = stored(pool.model)
    return load_pool(one.data, one.digest)


def test_when_a_pool_is_fitted_then_it_knows_all_classes(pool: PoolFit) -> None:
    assert pool.model.calibration.classes == ("aster", "lily", "rose", "tulip")
    assert pool.metrics["log_loss"] < 0.6 * pool.metrics["baseline_log_loss"]


def test_when_a_pool_competes_in_a_scenario_then_it_answers_in_the_scenario_s_classes(pool: PoolFit) -> None:
    frame = gardens().query("garden == 'north'")
    only_pool = QUICK.model_copy(update={"candidates": ("pooled",)})
    fit = fit_scenario(frame, PROBLEM, only_pool, pool=loaded_pool(pool), definitions=definitions_of(gardens()))
    assert fit.estimator == Pooled.name
    assert fit.model.calibration.classes == ("aster", "rose", "tulip")
    asked = flower_frame("north", n_asked=30)
    predicted = predict_scenario(asked, reloaded(fit.model), pool=loaded_pool(pool))
    np.testing.assert_allclose(matrix(predicted).sum(axis=1), 1.0)


def test_when_a_scenario_s_rows_changed_since_the_pool_was_fitted_then_no_vintage_is_honest(pool: PoolFit) -> None:
    """Stratified parts follow from all rows of a class: the pool may know rows that are judged by now."""
    unchanged = gardens().query("garden == 'north'")
    changed = unchanged.iloc[1:]
    unseen = unchanged.assign(garden="west")
    kinds = kinds_of(unchanged, PROBLEM)
    vintages = []
    for frame in (unchanged, changed, unseen):
        fold = split(validate(frame, PROBLEM, QUICK, kinds), QUICK.validation).folds[0]
        vintages.append(loaded_pool(pool).before(fold))
    assert vintages[0] is loaded_pool(pool).vintages[0].fitted
    assert vintages[1] is None
    assert vintages[2] is vintages[0]


def columns_of_the_contract() -> set[str]:
    table = predictions_table({"garden": "string"}, None, sample_id_type="string", levels=(), of_classes=True)
    return set(table.names) - {"prediction_run_id", "origin"}


def test_when_there_is_a_champion_then_it_answers_as_the_contract_says(fit: ScenarioFit) -> None:
    asked = flower_frame(n_asked=30)
    found = attempt_predict(asked, PROBLEM, scenario_id="north", champion=stored(fit.model))
    assert set(found.columns) == columns_of_the_contract()
    assert found["rung"].eq("champion").all()
    assert found["reason"].isna().all()


def test_when_a_garden_was_never_seen_then_the_pool_answers_in_all_its_classes(pool: PoolFit) -> None:
    asked = flower_frame("west", seed=9, n_asked=160)
    found = attempt_predict(asked, PROBLEM, scenario_id="west", pool=stored(pool.model))
    assert found["rung"].eq("pooled").all()
    assert set(found["probabilities"][0]) == {"aster", "lily", "rose", "tulip"}
    truth = flower_frame("west", seed=9)["species"]
    assert (found["predicted_class"] == truth).mean() > 0.8


def test_when_there_is_no_model_then_the_frequencies_of_the_known_rows_answer() -> None:
    asked = flower_frame(n_asked=30)
    known = asked["species"].dropna().value_counts()
    found = attempt_predict(asked, PROBLEM, scenario_id="north")
    assert found["rung"].eq("baseline").all()
    assert found["predicted_class"].eq("rose").all()
    assert found["probabilities"][0]["rose"] == pytest.approx((known["rose"] + 1 / 3) / 131)
    assert set(found.columns) == columns_of_the_contract()


def test_when_nothing_is_known_then_there_is_a_row_without_a_class() -> None:
    found = attempt_predict(flower_frame(n_asked=160), PROBLEM, scenario_id="north")
    assert len(found) == 160
    assert found["predicted_class"].isna().all()
    assert found["probabilities"].map(len).eq(0).all()


def test_when_rows_cannot_be_used_then_the_frequencies_answer_at_last() -> None:
    asked = flower_frame(n_asked=30).assign(flower_id="all the same")
    found = attempt_predict(asked, PROBLEM, scenario_id="north")
    assert len(found) == 30
    assert "baseline: sample id 'flower_id' must be unique" in found["reason"][0]
    assert found["predicted_class"].eq("rose").all()


def test_when_a_row_has_a_class_that_the_model_never_saw_then_it_is_not_asked_for(fit: ScenarioFit) -> None:
    asked = flower_frame(n_asked=30)
    asked.loc[0, "species"] = "orchid"
    assert len(predict_scenario(asked, fit.model)) == 30
