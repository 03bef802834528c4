"""Metrics of classes, worked out by hand and compared with scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from distributed_automl.scenario.kpis import kpis
from distributed_automl.scenario.metrics import METRICS, gain, objective_names, scores
from distributed_automl.scenario.outcome import Outcome

# true classes 0, 0, 1, 2; predicted 0, 1, 1, 1
FOUR = Outcome(
    y_true=np.array([0.0, 0.0, 1.0, 2.0]),
    y_pred=np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.2, 0.7, 0.1], [0.4, 0.5, 0.1]]),
    class_costs=np.array([1.0, 3.0, 10.0]),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_loss", -(math.log(0.7) + math.log(0.4) + math.log(0.7) + math.log(0.1)) / 4),
        ("brier", (0.3**2 + 0.2**2 + 0.1**2 + 0.6**2 + 0.5**2 + 0.1**2 + 0.2**2 + 0.3**2 + 0.1**2
                   + 0.4**2 + 0.5**2 + 0.9**2) / 8),
        ("error_rate", 0.5),
        ("accuracy", 0.5),
        ("balanced_accuracy", (0.5 + 1.0 + 0.0) / 3),
        ("f1_macro", (2 / 3 + 2 * 1 / (3 + 1) + 0.0) / 3),
        ("mcc", (2 * 4 - (2 * 1 + 1 * 3 + 1 * 0)) / math.sqrt((16 - (4 + 1 + 1)) * (16 - (1 + 9)))),
        ("roc_auc", (3.5 / 4 + 3 / 3 + 1.5 / 3) / 3),
        # two rows of 0.5 are wrong, two of 0.7 are right
        ("calibration_error", (2 * 0.5 + 2 * 0.3) / 4),
    ],
)  # fmt: skip
def test_when_four_rows_are_judged_then_the_metric_is_as_worked_out(name: str, expected: float) -> None:
    assert METRICS[name].function(FOUR) == pytest.approx(expected)


def _random(n_classes: int) -> tuple[Outcome, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_classes)
    y_pred = rng.dirichlet(np.ones(n_classes), size=80)
    y_true = rng.integers(0, n_classes, 80)
    return Outcome(y_true.astype(float), y_pred), y_true, y_pred


@pytest.mark.parametrize("n_classes", [2, 4])
def test_when_scikit_learn_has_the_metric_then_both_agree(n_classes: int) -> None:
    outcome, y_true, y_pred = _random(n_classes)
    labels = y_pred.argmax(axis=1)
    one_sided = y_pred[:, 1] if n_classes == 2 else y_pred
    expected = {
        "log_loss": oracle.log_loss(y_true, y_pred),
        "accuracy": oracle.accuracy_score(y_true, labels),
        "balanced_accuracy": oracle.balanced_accuracy_score(y_true, labels),
        "f1_macro": oracle.f1_score(y_true, labels, average="macro"),
        "mcc": oracle.matthews_corrcoef(y_true, labels),
        "roc_auc": oracle.roc_auc_score(y_true, one_sided, multi_class="ovr"),
    }
    if n_classes == 2:
        expected["brier"] = oracle.brier_score_loss(y_true, y_pred[:, 1])
    found = scores(outcome, "classification")
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_when_classes_are_certain_and_right_then_nothing_is_wrong() -> None:
    found = scores(Outcome(np.array([0.0, 1.0, 0.0]), np.array([[1.0, 0], [0, 1.0], [1.0, 0]])), "classification")
    perfect = dict.fromkeys(("accuracy", "balanced_accuracy", "f1_macro", "mcc", "roc_auc"), 1.0)
    assert found == {**dict.fromkeys(("log_loss", "brier", "error_rate", "calibration_error"), 0.0), **perfect}


def test_when_one_class_came_true_then_ranks_and_correlation_are_not_defined_and_log_loss_ranks() -> None:
    outcome = Outcome(np.zeros(2), np.array([[0.8, 0.2], [0.4, 0.6]]))
    found = scores(outcome, "classification")
    assert {name for name, value in found.items() if math.isnan(value)} == {"roc_auc", "mcc"}
    assert gain(outcome, "roc_auc") == pytest.approx((math.log(0.8) + math.log(0.4)) / 2)


def test_when_the_true_class_had_no_probability_then_the_loss_is_large_and_finite() -> None:
    assert scores(Outcome(np.array([1.0]), np.array([[1.0, 0.0]])), "classification")["log_loss"] == pytest.approx(
        15 * math.log(10)
    )


def test_when_another_class_was_decided_for_then_errors_are_counted_against_it() -> None:
    decided = Outcome(FOUR.y_true, FOUR.y_pred, decided=np.array([0, 0, 0, 2]), class_costs=FOUR.class_costs)
    assert METRICS["error_rate"].function(decided) == 0.25
    assert METRICS["log_loss"].function(decided) == METRICS["log_loss"].function(FOUR)
    assert kpis(decided, "classification") == {"n_wrong": 1.0, "misclassification_cost": 3.0}


def test_when_rows_are_wrong_then_each_costs_what_its_true_class_costs() -> None:
    assert kpis(FOUR, "classification") == {"n_wrong": 2.0, "misclassification_cost": 1.0 + 10.0}
    assert kpis(Outcome(FOUR.y_true, FOUR.y_pred), "classification")["misclassification_cost"] == 2.0
    assert gain(FOUR, "misclassification_cost") == -11.0


def test_when_objectives_are_listed_then_each_task_has_its_own() -> None:
    ours, others = set(objective_names("classification")), set(objective_names("regression"))
    assert {"log_loss", "roc_auc", "misclassification_cost"} <= ours
    assert ours & others == set()


def test_when_the_objective_is_to_be_small_then_the_gain_is_negative() -> None:
    assert gain(FOUR, "log_loss") == -METRICS["log_loss"].function(FOUR)
    assert gain(FOUR, "balanced_accuracy") == pytest.approx(0.5)
