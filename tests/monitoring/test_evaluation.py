from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import TableError
from distributed_automl.monitoring.evaluation import (
    EXTRA,
    evaluate,
    evaluation_contract,
    fleet_figures,
    require_single_actuals,
    warn_of_strangers,
)
from distributed_automl.parameters import Costs, Problem

COSTS = Costs(margin_per_unit=2.0, price_per_unit=5.0, holding_per_unit=0.5)


@pytest.fixture
def problem() -> Problem:
    return Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units", horizon=2, levels=(0.8,))


def rows(store: str, actual: list[float], predicted: list[float], baseline: list[float], match="matched"):
    """Outcomes of one store whose intervals are the prediction plus or minus one."""
    return pd.DataFrame(
        {
            "prediction_run_id": "run_1",
            "scenario_id": store,
            "store": store,
            "rung": "champion",
            "predicted_value": predicted,
            "baseline_value": baseline,
            "lower_80": np.array(predicted) - 1,
            "upper_80": np.array(predicted) + 1,
            "actual": actual,
            "n_actual_rows": 1.0,
            "match": match,
        }
    )


def test_when_actuals_are_known_then_figures_are_those_by_hand(problem: Problem) -> None:
    (row,) = evaluate(rows("a", [10.0, 20.0], [12.0, 19.0], [5.0, 20.0]), problem, COSTS).to_dict("records")
    assert row["wape"] == pytest.approx(3 / 30)
    assert row["baseline_wape"] == pytest.approx(5 / 30)
    assert row["forecast_value_added"] == pytest.approx(2 / 30)
    assert row["bias"] == pytest.approx(1 / 30)
    assert (row["units_over"], row["units_short"], row["baseline_units_short"]) == (2.0, 1.0, 5.0)
    assert row["total_cost"] == pytest.approx(2 * 0.5 + 1 * 2.0)
    assert row["lost_revenue"] == 5.0
    assert row["coverage_80"] == 0.5
    assert (row["n_predictions"], row["n_actuals"], row["actual_sum"], row["predicted_sum"]) == (2, 2, 30.0, 31.0)


def test_when_actuals_miss_or_are_extra_then_they_are_counted_and_left_out(problem: Problem) -> None:
    outcomes = pd.concat(
        [
            rows("a", [10.0], [12.0], [5.0]),
            rows("a", [0.0], [1.0], [0.0], match="absent"),
            rows("a", [np.nan], [99.0], [99.0], match="missing"),
            rows("a", [50.0], [np.nan], [np.nan], match="extra"),
        ]
    )
    (row,) = evaluate(outcomes, problem, COSTS).to_dict("records")
    assert [row[f"n_{name}"] for name in ("predictions", "actuals", "missing", "extra")] == [3, 2, 1, 1]
    assert row["wape"] == pytest.approx(3 / 10)


def test_when_no_actual_is_known_then_scores_are_null(problem: Problem) -> None:
    (row,) = evaluate(rows("a", [np.nan], [1.0], [1.0], match="missing"), problem, COSTS).to_dict("records")
    assert pd.isna(row["wape"])
    assert pd.isna(row["coverage_80"])
    assert row["abs_error_sum"] == 0.0


def test_when_only_extra_actuals_are_there_then_the_scenario_is_named_by_its_keys(problem: Problem) -> None:
    extra = rows("a/b", [5.0], [np.nan], [np.nan], match="extra")
    extra = extra.assign(scenario_id=None, prediction_run_id=None, rung=None)
    (row,) = evaluate(extra, problem, COSTS).to_dict("records")
    assert (row["scenario_id"], row["n_predictions"], row["n_extra"]) == ("a/b", 0, 1)
    assert row["rung"] is None


def test_when_actuals_are_all_zero_then_wape_is_null_and_sums_still_count(problem: Problem) -> None:
    (row,) = evaluate(rows("a", [0.0], [2.0], [1.0]), problem, COSTS).to_dict("records")
    assert np.isnan(row["wape"])
    assert row["abs_error_sum"] == 2.0


def test_when_evaluated_then_the_columns_are_those_of_the_contract(problem: Problem) -> None:
    contract = evaluation_contract(problem)
    found = evaluate(rows("a", [1.0], [1.0], [1.0]), problem, COSTS)
    assert list(found.columns) == contract.names
    assert "baseline_total_cost" in contract.names
    assert "mase" not in contract.names
    assert found.loc[0, contract.names].notna().sum() == len(contract.names) - 2  # r2 of one row, and its baseline's


def test_when_pooled_then_sums_come_before_ratios(problem: Problem) -> None:
    outcomes = pd.concat(
        [
            rows("big", [100.0], [90.0], [80.0]),
            rows("small", [1.0], [3.0], [1.0]),
            rows("late", [np.nan], [1.0], [1.0], match="missing"),
        ]
    )
    figures = fleet_figures(evaluate(outcomes, problem, COSTS), problem.levels)
    assert figures["wape"] == pytest.approx(12 / 101)
    assert figures["baseline_wape"] == pytest.approx(20 / 101)
    assert figures["error_reduction"] == pytest.approx(0.4)
    assert figures["bias"] == pytest.approx(-8 / 101)
    assert (figures["n_scenarios_judged"], figures["n_better"], figures["n_worse"]) == (2, 1, 1)
    assert figures["share_better"] == 0.5
    assert figures["money_saved"] == pytest.approx(20 * 2.0 - (10 * 2.0 + 2 * 0.5))
    assert figures["coverage_80"] == 0.0
    assert figures["n_missing"] == 1


def test_when_coverage_is_pooled_then_rows_weigh_and_not_scenarios(problem: Problem) -> None:
    outcomes = pd.concat([rows("a", [5.0, 5.0, 5.0], [5.0, 5.0, 5.0], [0.0] * 3), rows("b", [5.0], [9.0], [0.0])])
    assert fleet_figures(evaluate(outcomes, problem, COSTS), problem.levels)["coverage_80"] == 0.75


def test_when_nothing_was_predicted_then_the_fleet_is_unknown(problem: Problem) -> None:
    figures = fleet_figures(evaluate(rows("a", [1.0], [1.0], [1.0]).iloc[:0], problem, COSTS), problem.levels)
    assert figures["n_predictions"] == 0
    assert np.isnan(figures["wape"])
    assert np.isnan(figures["share_better"])


def test_when_an_actual_is_doubled_then_the_error_names_the_scenario(problem: Problem) -> None:
    evaluation = evaluate(rows("a", [1.0], [1.0], [1.0]).assign(n_actual_rows=2.0), problem, COSTS)
    with pytest.raises(TableError, match=r"1 keys stand there several times, in 1 scenarios: a\."):
        require_single_actuals(evaluation)


def test_when_predictions_and_actuals_never_meet_then_it_is_said(problem: Problem, caplog: Any) -> None:
    absent = rows("a", [0.0, 0.0], [1.0, 2.0], [1.0, 1.0])
    extra = rows("a", [5.0], [0.0], [0.0]).assign(prediction_run_id=None, rung=None, match=EXTRA)
    warn_of_strangers(evaluate(absent, problem, COSTS))
    warn_of_strangers(evaluate(pd.concat([rows("a", [1.0], [1.0], [1.0]), extra]), problem, COSTS))
    assert caplog.messages == []
    warn_of_strangers(evaluate(pd.concat([absent, extra]), problem, COSTS))
    (told,) = caplog.messages
    assert told.startswith("none of 2 predictions met an actual other than zero, and 1 rows of `actuals` belong to no")


def test_when_order_of_rows_changes_then_nothing_else_does(problem: Problem) -> None:
    outcomes = pd.concat([rows("b", [1.0, 2.0], [2.0, 2.0], [0.0, 0.0]), rows("a", [3.0], [4.0], [3.0])])
    pd.testing.assert_frame_equal(evaluate(outcomes, problem, COSTS), evaluate(outcomes.iloc[::-1], problem, COSTS))


# --- classes ---------------------------------------------------------------------------------------------------------


def diagnoses(actual: list[str | None], predicted: list[str | None], sure: list[float]) -> pd.DataFrame:
    """Outcomes of one clinic: `sure` is the probability of "ill"; the baseline always says "well" at 0.75."""
    return pd.DataFrame(
        {
            "prediction_run_id": "run_1",
            "scenario_id": "a",
            "clinic": "a",
            "rung": "champion",
            "predicted_class": predicted,
            "probabilities": [{"ill": p, "well": 1 - p} for p in sure],
            "baseline_class": "well",
            "baseline_probabilities": [[("ill", 0.25), ("well", 0.75)]] * len(actual),
            "actual": actual,
            "n_actual_rows": 1.0,
            "match": ["missing" if one is None else "matched" for one in actual],
        }
    )


def clinic_problem(**changes: object) -> Problem:
    fields = {"task": "classification", "scenario_keys": ["clinic"], "target": "state", "sample_id": "patient"}
    return Problem.model_validate({**fields, "class_costs": {"ill": 10.0}, **changes})


def test_when_classes_came_true_then_figures_are_those_by_hand() -> None:
    outcomes = diagnoses(["ill", "ill", "well", None], ["ill", "well", "ill", "ill"], [0.9, 0.4, 0.6, 0.5])
    found = evaluate(outcomes, clinic_problem(), COSTS)
    (row,) = found.to_dict("records")
    assert list(found.columns) == evaluation_contract(clinic_problem()).names
    assert (row["n_predictions"], row["n_actuals"], row["n_missing"]) == (4, 3, 1)
    assert (row["n_wrong"], row["baseline_n_wrong"], row["abs_error_sum"], row["actual_sum"]) == (2.0, 2.0, 2.0, 3.0)
    assert (row["misclassification_cost"], row["baseline_misclassification_cost"]) == (10.0 + 1.0, 10.0 + 10.0)
    assert row["log_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.4) + np.log(0.4)) / 3)
    assert row["baseline_log_loss"] == pytest.approx(-(2 * np.log(0.25) + np.log(0.75)) / 3)
    assert row["forecast_value_added"] == 0.0
    figures = fleet_figures(found, ())
    assert figures["money_saved"] == 9.0
    assert figures["wape"] == pytest.approx(2 / 3)


def test_when_a_class_came_true_that_no_model_knew_then_it_had_no_probability() -> None:
    outcomes = diagnoses(["cured", "ill"], [None, "ill"], [0.9, 0.9])
    (row,) = evaluate(outcomes, clinic_problem(), COSTS).to_dict("records")
    assert row["n_wrong"] == 1.0
    assert row["log_loss"] == pytest.approx((15 * np.log(10) - np.log(0.9)) / 2)
