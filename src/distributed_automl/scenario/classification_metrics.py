"""Metrics of classes: how good probabilities are, and the classes that were decided for.

Rows count alike, unless a docstring says otherwise. `y_pred` has a column per class, `y_true` the column's number.
"""

import math

import numpy as np
from scipy.stats import rankdata

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.outcome import CLASSES, Metric, Outcome

LEAST_PROBABILITY = 1e-15
"""What a probability of nothing counts as in the log loss, which would be infinite."""
N_BINS = 10
"""Bins of equal width over the probability of the most probable class, for the calibration error."""


def log_loss(outcome: Outcome) -> float:
    """Mean of minus the logarithm of the probability that the true class was given."""
    given = outcome.y_pred[np.arange(len(outcome.codes)), outcome.codes]
    return float(-np.log(np.maximum(given, LEAST_PROBABILITY)).mean())


def brier(outcome: Outcome) -> float:
    """Half of the squared distance between probabilities and truth, from 0 to 1; Brier (1950) for two classes."""
    return float(np.square(outcome.y_pred - _indicators(outcome)).sum(axis=1).mean() / 2.0)


def error_rate(outcome: Outcome) -> float:
    """Share of the rows in a wrong class."""
    return float(outcome.is_wrong.mean())


def accuracy(outcome: Outcome) -> float:
    """Share of the rows in the right class."""
    return 1.0 - error_rate(outcome)


def balanced_accuracy(outcome: Outcome) -> float:
    """Mean over the classes that came true of the share of their rows that was recognized."""
    confusion = _confusion(outcome)
    n_true = confusion.sum(axis=1)
    came_true = n_true > 0
    return float((np.diag(confusion)[came_true] / n_true[came_true]).mean())


def f1_macro(outcome: Outcome) -> float:
    """Mean of the classes' F1 scores, over the classes that came true or were predicted."""
    confusion = _confusion(outcome)
    named = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2.0 * np.diag(confusion)[named > 0] / named[named > 0]).mean())


def mcc(outcome: Outcome) -> float:
    """Correlation of predicted and true classes, from -1 to 1; 0 if only one class was predicted, NaN if one came true.

    Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation coefficient", equation 8.
    """
    confusion = _confusion(outcome)
    n, n_true, n_predicted = confusion.sum(), confusion.sum(axis=1), confusion.sum(axis=0)
    covariance = np.trace(confusion) * n - (n_true * n_predicted).sum()
    spread_true, spread_predicted = (n**2 - np.square(counts).sum() for counts in (n_true, n_predicted))
    if spread_true == 0:
        return math.nan
    return float(covariance / math.sqrt(spread_true * spread_predicted)) if spread_predicted else 0.0


def roc_auc(outcome: Outcome) -> float:
    """Area under the ROC curve, one class against the rest, mean over the classes; NaN if only one class came true.

    By ranks: the share of pairs of a row of the class and one of the rest in which the first has more probability.
    """
    areas = []
    for code in range(outcome.y_pred.shape[1]):
        is_own = outcome.codes == code
        n_own, n_rest = int(is_own.sum()), int((~is_own).sum())
        if n_own and n_rest:
            ranks = rankdata(outcome.y_pred[:, code])
            areas.append((ranks[is_own].sum() - n_own * (n_own + 1) / 2.0) / (n_own * n_rest))
    return float(np.mean(areas)) if areas else math.nan


def calibration_error(outcome: Outcome) -> float:
    """Expected calibration error: how far the most probable class's probability is from how often that came true.

    Guo et al. (2017), "On calibration of modern neural networks", equation 3.
    """
    confidence, is_right = outcome.y_pred.max(axis=1), outcome.y_pred.argmax(axis=1) == outcome.codes
    bins = np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)
    gaps = np.bincount(bins, weights=is_right - confidence, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(bins))


def _indicators(outcome: Outcome) -> FloatArray:
    is_own: FloatArray = (outcome.codes[:, np.newaxis] == np.arange(outcome.y_pred.shape[1])).astype(np.float64)
    return is_own


def _confusion(outcome: Outcome) -> FloatArray:
    """Count rows by true class (down) and predicted class (across), shape (n_classes, n_classes)."""
    n_classes = outcome.y_pred.shape[1]
    cells = np.bincount(outcome.codes * n_classes + outcome.predicted_codes, minlength=n_classes**2)
    confusion: FloatArray = cells.reshape(n_classes, n_classes).astype(np.float64)
    return confusion


CLASSIFICATION_METRICS: dict[str, Metric] = {
    "log_loss": Metric(log_loss, CLASSES),
    "brier": Metric(brier, CLASSES),
    "error_rate": Metric(error_rate, CLASSES),
    "accuracy": Metric(accuracy, CLASSES, greater_is_better=True),
    "balanced_accuracy": Metric(balanced_accuracy, CLASSES, greater_is_better=True),
    "f1_macro": Metric(f1_macro, CLASSES, greater_is_better=True),
    "mcc": Metric(mcc, CLASSES, greater_is_better=True),
    "roc_auc": Metric(roc_auc, CLASSES, greater_is_better=True),
    "calibration_error": Metric(calibration_error, CLASSES),
}
"""Name -> metric. A new one costs a function and a line here."""
