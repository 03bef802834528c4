"""Metrics, worked out by hand."""

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from distributed_automl.parameters import Costs
from distributed_automl.scenario.kpis import KPIS
from distributed_automl.scenario.metrics import METRICS, gain, objective_names, scores, value_added
from distributed_automl.scenario.outcome import Outcome

COSTS = Costs(margin_per_unit=4.0, holding_per_unit=1.0)


def _outcome(y_true: list[float], y_pred: list[float], naive: float = math.nan) -> Outcome:
    return Outcome(np.array(y_true, dtype=float), np.array(y_pred, dtype=float), naive, COSTS, naive_rmse=2 * naive)


# errors: +1, -2, 0, +3; sizes sum to 6, actuals to 12
FOUR = _outcome([1, 4, 2, 5], [2, 2, 2, 8], naive=3.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wape", 6 / 12),
        ("mae", 6 / 4),
        ("rmse", math.sqrt((1 + 4 + 0 + 9) / 4)),
        ("medae", 1.5),
        ("bias", 2 / 12),
        ("smape", (1 / 1.5 + 2 / 3 + 0 + 3 / 6.5) / 4),
        ("mape", (1 + 1 / 2 + 0 + 3 / 5) / 4),
        ("medape", (1 / 2 + 3 / 5) / 2),
        ("rmsle", math.sqrt((math.log(3 / 2) ** 2 + math.log(3 / 5) ** 2 + math.log(9 / 6) ** 2) / 4)),
        ("pinball", (0.8 * 2 + 0.2 * 4) / 4),  # 2 short, 4 over
        ("mase", 1.5 / 3.0),
        ("rmsse", math.sqrt(14 / 4) / 6.0),
        ("r2", 1 - 14 / 10),
    ],
)
def test_when_errors_are_known_then_the_metric_is_as_worked_out(name: str, expected: float) -> None:
    assert METRICS[name].function(FOUR) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mae", oracle.mean_absolute_error),
        ("rmse", oracle.root_mean_squared_error),
        ("medae", oracle.median_absolute_error),
        ("r2", oracle.r2_score),
        ("mape", oracle.mean_absolute_percentage_error),
        ("rmsle", oracle.root_mean_squared_log_error),
    ],
)
def test_when_scikit_learn_has_the_metric_then_both_agree(name: str, function: object) -> None:
    assert callable(function)
    rng = np.random.default_rng(3)
    y_true, y_pred = rng.gamma(2.0, size=50), rng.gamma(2.0, size=50)
    assert METRICS[name].function(Outcome(y_true, y_pred)) == pytest.approx(function(y_true, y_pred))


def test_when_predictions_are_perfect_then_nothing_is_wrong() -> None:
    found = scores(_outcome([1, 2, 3], [1, 2, 3], naive=1.0), "forecasting")
    assert found == {**dict.fromkeys(found, 0.0), "r2": 1.0}


def test_when_there_are_no_actuals_then_shares_of_them_are_not_defined() -> None:
    found = scores(_outcome([0, 0], [1, 3]), "forecasting")
    assert {name for name, value in found.items() if math.isnan(value)} == {
        *("wape", "bias", "mape", "medape", "mase", "rmsse", "r2"),
    }
    assert found["mae"] == 2.0


def test_when_actual_and_prediction_are_both_zero_then_smape_counts_no_error() -> None:
    assert METRICS["smape"].function(_outcome([0, 0], [0, 4])) == pytest.approx((0 + 2) / 2)


def test_when_targets_are_negative_then_wape_divides_by_their_sizes() -> None:
    assert METRICS["wape"].function(_outcome([-2, 2], [-1, 2])) == pytest.approx(1 / 4)


def test_when_the_task_is_tabular_then_metrics_of_time_series_are_left_out() -> None:
    assert set(scores(FOUR, "forecasting")) - set(scores(FOUR, "regression")) == {"mase", "rmsse"}


@pytest.mark.parametrize(
    ("objective", "expected"), [("wape", -0.5), ("bias", -1 / 6), ("r2", -0.4), ("units_short", -2.0)]
)
def test_when_an_objective_is_scored_then_greater_is_better(objective: str, expected: float) -> None:
    assert gain(FOUR, objective) == pytest.approx(expected)


@pytest.mark.parametrize("objective", objective_names("forecasting"))
def test_when_predictions_are_closer_then_every_objective_gains(objective: str) -> None:
    actual, close, far = [2.0, 1.5, 4.0, 7.0], [3.5, 1.0, 4.5, 6.0], [5.0, 0.0, 9.0, 3.0]
    assert gain(_outcome(actual, close, 1.0), objective) > gain(_outcome(actual, far, 1.0), objective)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_when_the_objective_is_bias_then_too_little_is_as_bad_as_too_much(sign: float) -> None:
    assert gain(_outcome([10, 10], [10 + sign, 10 + sign]), "bias") == pytest.approx(-0.1)


@pytest.mark.parametrize("objective", ["wape", "bias", "mape", "mase", "rmsse", "r2"])
def test_when_an_objective_is_not_defined_then_the_mean_absolute_error_ranks(objective: str) -> None:
    assert gain(_outcome([0, 0], [1, 3]), objective) == -2.0


def test_when_an_objective_is_unknown_then_the_error_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"'wape'.*'total_cost'.*found 'wapee'"):
        gain(FOUR, "wapee")


def test_when_names_of_objectives_are_asked_for_then_metrics_and_kpis_are_there() -> None:
    assert {"wape", "total_cost", "mase"} <= set(objective_names())
    assert "mase" not in objective_names("regression")


def test_when_an_outcome_has_no_rows_then_it_has_no_score() -> None:
    with pytest.raises(ValueError, match="without rows"):
        gain(_outcome([], []), "wape")


def test_when_there_are_more_predictions_than_actuals_then_the_error_says_how_many() -> None:
    with pytest.raises(ValueError, match=r"\(1,\) and \(2,\)"):
        _outcome([1], [1, 2])


def test_when_a_single_actual_is_zero_then_the_median_percentage_error_is_defined_and_the_mean_is_not() -> None:
    outcome = _outcome([0, 2, 4], [1, 3, 5])
    assert math.isnan(METRICS["mape"].function(outcome))
    assert METRICS["medape"].function(outcome) == pytest.approx(0.5)


def test_when_actual_and_prediction_are_both_zero_then_the_percentage_error_is_zero() -> None:
    assert METRICS["mape"].function(_outcome([0, 2], [0, 3])) == pytest.approx(0.25)


@pytest.mark.parametrize(("y_true", "y_pred"), [([-1.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [-0.5, 1.0])])
def test_when_a_value_is_negative_then_logarithms_are_not_defined(y_true: list[float], y_pred: list[float]) -> None:
    assert math.isnan(METRICS["rmsle"].function(_outcome(y_true, y_pred)))


def test_when_costs_are_known_then_the_pinball_loss_is_that_of_their_quantile() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(rng.normal(size=40), rng.normal(size=40), costs=COSTS)
    expected = oracle.mean_pinball_loss(outcome.y_true, outcome.y_pred, alpha=0.8)
    assert METRICS["pinball"].function(outcome) == pytest.approx(expected)
    assert KPIS["total_cost"].function(outcome) == pytest.approx(40 * 5.0 * expected)


def test_when_no_error_costs_anything_then_the_pinball_loss_is_not_defined() -> None:
    free = Outcome(np.ones(1), np.zeros(1), costs=Costs(margin_per_unit=0.0, holding_per_unit=0.0))
    assert math.isnan(METRICS["pinball"].function(free))


# Forecast value added


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("mae", 1 - 1 / 2),
        ("wape", 1 - 1 / 2),
        ("bias", 1 - 1 / 2),  # 1 too little in one row is as bad as 1 too much
        ("rmse", 1 - math.sqrt(1 / 4)),
        ("r2", 1 - (2 / 32) / (8 / 32)),  # what is not explained: a quarter of the baseline's
        ("total_cost", 1 - 8 / 4),
    ],
)
def test_when_a_forecast_is_compared_then_the_value_added_is_the_share_of_the_baselines_error_that_is_gone(
    objective: str, expected: float
) -> None:
    ours, baseline = _outcome([2, 10], [1, 9]), _outcome([2, 10], [4, 12])
    assert value_added(ours, baseline, objective) == pytest.approx(expected)


def test_when_a_forecast_is_worse_than_the_baseline_then_value_is_lost() -> None:
    assert value_added(_outcome([2], [5]), _outcome([2], [3]), "mae") == pytest.approx(-2.0)


@pytest.mark.parametrize("objective", ["mae", "r2", "total_cost"])
def test_when_both_are_the_same_then_no_value_is_added_even_if_both_are_perfect(objective: str) -> None:
    perfect, same = _outcome([1, 2], [1, 2]), _outcome([1, 2], [2, 2])
    assert value_added(perfect, perfect, objective) == value_added(same, same, objective) == 0.0


def test_when_the_baseline_alone_is_perfect_then_the_value_lost_is_not_a_number() -> None:
    assert math.isnan(value_added(_outcome([1, 2], [2, 2]), _outcome([1, 2], [1, 2]), "mae"))
