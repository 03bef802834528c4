"""What comes to the driver of results on Spark: numbers, and nothing that is wide."""

from typing import Any

import pandas as pd
import pytest

from distributed_automl.reporting.scores import (
    NARROW_COLUMNS,
    rank_candidates,
    read_details,
    read_distributions,
    read_scores,
)
from distributed_automl.reporting.training import NAMED_SCORES
from distributed_automl.tables import TRAINING_RESULTS

pytestmark = pytest.mark.spark


@pytest.fixture
def results(on_spark: Any, training_results: pd.DataFrame) -> Any:
    """The five scenarios as training leaves them."""
    rows = training_results.assign(selection="{}", hyperparameters="{}", model_digest="d" * 64)
    return on_spark(rows, TRAINING_RESULTS)


def test_when_scores_are_read_then_they_are_those_of_the_maps(results: Any, scores: pd.DataFrame) -> None:
    found = read_scores(results, also=["mae", "no such score"])
    assert found["scenario_id"].tolist() == ["a", "b", "c", "d", "e", "f"]
    named = [name for name in scores.columns if name in found.columns]
    assert {*NAMED_SCORES, "mae"} <= {*named}
    assert not {"baseline_mae", "no such score"} & {*found.columns}
    pd.testing.assert_frame_equal(found[named], scores[named], check_dtype=False)


def test_when_scores_are_read_then_nothing_wide_comes_along(results: Any) -> None:
    found = read_scores(results)
    texts = {name for name in found.columns if not pd.api.types.is_numeric_dtype(found[name])}
    assert texts == {"run_id", "scenario_id", "status", "reason", "stage", "error_type", "estimator"}
    assert not {"leaderboard", "hyperparameters", "selection", "metrics", "kpis", "model_digest"} & {*found.columns}
    assert {*NARROW_COLUMNS} <= {*found.columns}


def test_when_a_level_has_a_fraction_of_a_percent_then_its_coverage_is_read(on_spark: Any) -> None:
    row = {"scenario_id": "a", "metrics": {"wape": 0.1, "coverage_97.5": 0.9}, "kpis": {}}
    found = read_scores(on_spark(pd.DataFrame([row]), TRAINING_RESULTS))
    assert found["coverage_97.5"].tolist() == [0.9]


def test_when_the_target_is_a_class_then_its_errors_stand_for_wape_and_cost(on_spark: Any) -> None:
    metrics, kpis = {"error_rate": 0.1, "baseline_error_rate": 0.4}, {"misclassification_cost": 5.0}
    row = {"scenario_id": "a", "metrics": metrics, "kpis": kpis}
    found = read_scores(on_spark(pd.DataFrame([row]), TRAINING_RESULTS)).iloc[0]
    assert found[["wape", "baseline_wape", "total_cost"]].tolist() == [0.1, 0.4, 5.0]
    assert pd.isna(found["baseline_total_cost"])


def test_when_candidates_are_ranked_then_shares_add_up_to_one(results: Any, candidates: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(rank_candidates(results), candidates, check_dtype=False)
    assert rank_candidates(results.where("status = 'failed'")).empty


def test_when_details_are_asked_for_then_only_of_those_scenarios(results: Any) -> None:
    found = read_details(results, ["b", "x"])
    assert len(found) == 1
    shown = ["scenario_id", "hyperparameters", "model_digest", "baseline_mae", "total_cost", "fva"]
    assert found[shown].iloc[0].tolist() == ["b", "{}", "d" * 64, 10.0, 30.0, -0.5]
    assert list(read_details(results, []).columns[:3]) == ["scenario_id", "fit_run_id", "n_features"]


def test_when_quantiles_are_taken_then_only_scenarios_with_a_model_count(results: Any) -> None:
    found = read_distributions(results)
    assert found["holdout.wape.p50"] == pytest.approx(0.1)
    assert found["holdout.baseline_wape.p90"] == pytest.approx(0.68)
    assert found["holdout.fva.p50"] == pytest.approx(0.5)  # 0.5, -0.5 and 1
    assert found["training.fit_seconds.p10"] == pytest.approx(2.2)  # of 2 and 4; the reused one's are not known
    assert not any(name.startswith("holdout.r2") for name in found)


def test_when_nothing_has_a_model_then_there_are_no_quantiles(results: Any) -> None:
    assert read_distributions(results.where("status in ('skipped', 'failed')")) == {}


def test_when_a_score_is_not_a_number_then_quantiles_leave_it_out(on_spark: Any) -> None:
    rows = [{"status": "fitted", "metrics": {"mae": value}} for value in (1.0, float("nan"), 3.0, None)]
    found = read_distributions(on_spark(pd.DataFrame(rows), TRAINING_RESULTS))
    assert found == pytest.approx({"holdout.mae.p10": 1.2, "holdout.mae.p50": 2.0, "holdout.mae.p90": 2.8})
