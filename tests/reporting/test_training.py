import pandas as pd
import pytest

from distributed_automl.reporting.training import (
    NAMED_SCORES,
    group_reasons,
    training_figures,
    with_class_errors,
)


def test_when_fleet_is_mixed_then_counts_and_pooled_holdout_are_those_by_hand(scores: pd.DataFrame) -> None:
    figures = training_figures(scores)
    assert [figures[f"training.n_{status}"] for status in ("planned", "fitted", "reused", "skipped", "failed")] == [
        6, 2, 1, 2, 1,
    ]  # fmt: skip
    assert figures["training.fit_seconds"] == 6.0
    assert figures["training.model_mb"] == pytest.approx(3.0)
    # errors 10 + 30 + 0 over actuals 100 + 100 + 50 (the last from the baseline, since ours is perfect)
    assert figures["holdout.wape"] == pytest.approx(40 / 250)
    assert figures["holdout.baseline_wape"] == pytest.approx(80 / 250)
    assert figures["holdout.error_reduction"] == pytest.approx(0.5)
    assert figures["holdout.share_better"] == pytest.approx(2 / 3)
    assert figures["holdout.share_value_added"] == pytest.approx(2 / 3)
    assert figures["holdout.money_saved"] == pytest.approx(40.0)


def test_when_reasons_differ_in_numbers_only_then_they_are_one_group(scores: pd.DataFrame) -> None:
    grouped = group_reasons(scores)
    assert grouped["n_scenarios"].tolist() == [1, 2]
    assert grouped["status"].tolist() == ["failed", "skipped"]
    assert grouped["scenarios"].tolist() == ["f", "d, e"]
    assert grouped["example"].tolist()[1] == "only 3 periods, at least 56 are needed"


def test_when_nothing_was_fitted_then_figures_are_zero_or_unknown(scores: pd.DataFrame) -> None:
    lost = scores[scores["status"].isin(["skipped", "failed"])]
    figures = training_figures(lost)
    assert figures["training.n_planned"] == 3
    assert figures["training.fit_seconds"] == 0
    assert pd.isna(figures["holdout.wape"])


def test_when_the_target_is_a_class_then_rows_in_a_wrong_class_are_the_errors() -> None:
    row = {
        "run_id": "run_1", "scenario_id": "a", "status": "fitted", "fit_seconds": 1.0, "n_trials": 3.0,
        "model_bytes": 1e6, "error_rate": 0.1, "baseline_error_rate": 0.4, "log_loss": 0.3, "n_wrong": 2.0,
        "baseline_n_wrong": 8.0, "misclassification_cost": 5.0, "baseline_misclassification_cost": 30.0,
    }  # fmt: skip
    scores = pd.DataFrame([dict.fromkeys(NAMED_SCORES, float("nan")) | row])
    figures = training_figures(with_class_errors(scores))
    assert (figures["holdout.wape"], figures["holdout.baseline_wape"]) == pytest.approx((0.1, 0.4))
    assert figures["holdout.error_reduction"] == pytest.approx(0.75)
    assert figures["holdout.money_saved"] == 25.0
