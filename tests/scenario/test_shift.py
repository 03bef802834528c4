import numpy as np
import pytest
from tests.scenario.panels import demand_frame, demand_problem

from distributed_automl.parameters import AutoML, Costs, Tuning, Validation
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.fit import ScenarioFit, fit_scenario
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.predict import predict_scenario
from distributed_automl.scenario.serialize import digest_of
from distributed_automl.scenario.shift import Shift, cross_shifted, learn_shift, pinball_loss, target_quantile

# Which quantile


@pytest.mark.parametrize(
    ("objective", "margin", "holding", "expected"),
    [
        ("total_cost", 4.0, 1.0, 0.8),
        ("pinball", 1.0, 3.0, 0.25),
        ("total_cost", 1.0, 0.0, 0.99),
        ("total_cost", 0.0, 1.0, 0.01),
        ("total_cost", 0.0, 0.0, None),
        ("wape", 4.0, 1.0, None),
        ("lost_margin", 4.0, 1.0, None),
        ("accuracy", 4.0, 1.0, None),
    ],
)
def test_when_costs_are_known_then_the_quantile_is_their_critical_ratio(
    objective: str, margin: float, holding: float, expected: float | None
) -> None:
    costs = Costs(margin_per_unit=margin, holding_per_unit=holding)
    assert target_quantile(objective, costs) == (None if expected is None else pytest.approx(expected))


# The shift


def test_when_a_shift_is_applied_then_it_grows_with_the_prediction() -> None:
    predicted = np.array([0.0, 1.0, 4.0, 16.0])
    assert Shift(2.0, 0.0, 1.0).apply(predicted).tolist() == [2.0, 3.0, 6.0, 18.0]
    assert Shift(2.0, 0.5, 1.0).apply(predicted).tolist() == [2.0, 3.0, 8.0, 24.0]
    assert Shift(-0.5, 1.0, 1.0).apply(predicted).tolist() == [-0.5, 0.5, 2.0, 8.0]


def test_when_errors_do_not_grow_then_the_shift_is_the_quantile_of_the_residuals() -> None:
    predicted = np.full(10, 20.0)
    shift = learn_shift(predicted + np.arange(10.0), predicted, 0.75)
    assert shift.apply(predicted).tolist() == pytest.approx([27.0] * 10)  # the 8th of ten


def test_when_errors_grow_in_proportion_then_so_does_the_shift() -> None:
    predicted = np.tile([1.0, 10.0, 100.0], 20)
    factors = np.repeat(np.linspace(0.5, 2.4, 20), 3)
    shift = learn_shift(predicted * factors, predicted, 0.8)
    assert shift.power == 1.0
    assert shift.apply(np.array([50.0])) == pytest.approx([50.0 * 2.0], rel=0.06)


@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.9])
def test_when_a_shift_is_learned_then_no_other_offset_loses_less(quantile: float) -> None:
    rng = np.random.default_rng(0)
    predicted = rng.gamma(3.0, size=200)
    y_true = predicted * rng.gamma(2.0, 0.5, size=200)
    shift = learn_shift(y_true, predicted, quantile)
    best = pinball_loss(y_true - shift.apply(predicted), quantile)
    for other in np.linspace(shift.offset - 1.0, shift.offset + 1.0, 41):
        moved = Shift(float(other), shift.power, shift.floor).apply(predicted)
        assert pinball_loss(y_true - moved, quantile) >= best - 1e-12


def test_when_predictions_have_both_signs_then_the_shift_does_not_grow_with_them() -> None:
    rng = np.random.default_rng(1)
    assert learn_shift(rng.normal(size=50), rng.normal(size=50), 0.8).power == 0.0


def test_when_all_predictions_are_zero_then_there_is_a_shift_all_the_same() -> None:
    shift = learn_shift(np.array([0.0, 1.0, 2.0, 3.0]), np.zeros(4), 0.5)
    assert shift.apply(np.zeros(1)) == pytest.approx([1.0])


def test_when_parts_are_shifted_then_each_learns_from_the_others_alone() -> None:
    y_true = np.array([5.0, 5.0, 5.0, 9.0, 9.0, 9.0])
    parts = [slice(0, 3), slice(3, 6)]
    assert cross_shifted(y_true, np.full(6, 4.0), 0.5, parts).tolist() == pytest.approx([9.0] * 3 + [5.0] * 3)
    assert cross_shifted(y_true[:3], np.full(3, 4.0), 0.5, parts[:1]).tolist() == pytest.approx([5.0] * 3)


# In a fit

COSTS = Costs(margin_per_unit=4.0, holding_per_unit=1.0)


def skewed_fit(objective: str, seed: int) -> tuple[ScenarioFit, FloatArray, FloatArray]:
    """Fit skewed demand up to four weeks before its end; return the fit, and those weeks' actuals and forecast."""
    frame = demand_frame(n_days=396, seed=seed)
    noise = np.random.default_rng(seed + 100).gamma(1.2, 1 / 1.2, len(frame))
    frame["units"] = np.round(frame["units"] * noise)
    problem = demand_problem(objective=objective, horizon=28)
    automl = AutoML(
        candidates=("ridge", "lightgbm", "seasonal_mean"),
        tuning=Tuning(n_trials=1),
        validation=Validation(n_folds=3),
        costs=COSTS,
    )
    fit = fit_scenario(frame.iloc[:-28], problem, automl)
    asked = frame.copy()
    asked.loc[asked.index[-28:], ["units", "visitors"]] = np.nan
    predicted = predict_scenario(asked, fit.model)["predicted_value"].to_numpy()
    return fit, frame["units"].to_numpy()[-28:], predicted


def test_when_the_objective_is_money_then_the_forecast_is_the_quantile_that_costs_least() -> None:
    costs: dict[str, float] = {"wape": 0.0, "total_cost": 0.0}
    below = []
    for seed in range(4):
        for objective in costs:
            fit, actual, predicted = skewed_fit(objective, seed)
            costs[objective] += fit.kpis["total_cost"] + float(
                4.0 * np.maximum(actual - predicted, 0.0).sum() + np.maximum(predicted - actual, 0.0).sum()
            )
            if objective == "total_cost":
                below.extend(actual <= predicted)
    assert costs["total_cost"] < 0.85 * costs["wape"]
    assert np.mean(below) == pytest.approx(0.8, abs=0.1)


def test_when_a_model_is_shifted_then_it_predicts_the_same_from_its_bytes_and_inside_its_intervals() -> None:
    fit, _, _ = skewed_fit("total_cost", 0)
    assert fit.model.shift is not None
    assert fit.model.shift.offset > 0.0
    data = fit.model.to_bytes()
    loaded = ScenarioModel.from_bytes(data, digest_of(data))
    assert loaded.shift == fit.model.shift
    frame = demand_frame(n_days=396)
    frame.loc[frame.index[-28:], ["units", "visitors"]] = np.nan
    one, two = (predict_scenario(frame, model) for model in (fit.model, loaded))
    assert one["predicted_value"].tolist() == two["predicted_value"].tolist()
    assert (one["lower_80"] <= one["predicted_value"]).all()
    assert (one["predicted_value"] <= one["upper_80"]).all()


def test_when_the_objective_names_no_quantile_then_nothing_is_shifted() -> None:
    fit, _, _ = skewed_fit("wape", 0)
    assert fit.model.shift is None


def test_when_money_is_the_objective_then_lightgbm_learns_the_quantile_by_its_own_loss() -> None:
    fit, _, _ = skewed_fit("total_cost", 1)
    assert fit.hyperparameters["lightgbm"]["loss"] == "quantile@0.8"
