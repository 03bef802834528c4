"""Metrics: how far predictions are from what came true. One metric is one short function and one line in METRICS."""

import math

import numpy as np

from distributed_automl.scenario.kpis import KPIS
from distributed_automl.scenario.outcome import ANY_TASK, FORECASTING, Metric, Outcome

__all__ = ["METRICS", "Metric", "Outcome", "gain", "objective_names", "scores"]


def mae(outcome: Outcome) -> float:
    """Mean absolute error."""
    return float(np.abs(outcome.errors).mean())


def medae(outcome: Outcome) -> float:
    """Median absolute error."""
    return float(np.median(np.abs(outcome.errors)))


def rmse(outcome: Outcome) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.square(outcome.errors).mean()))


def wape(outcome: Outcome) -> float:
    """Sum of absolute errors over the sum of absolute actuals; NaN if all actuals are zero."""
    return _ratio(float(np.abs(outcome.errors).sum()), float(np.abs(outcome.y_true).sum()))


def bias(outcome: Outcome) -> float:
    """Sum of signed errors over the sum of absolute actuals: 0.1 is 10% too much; NaN if all actuals are zero."""
    return _ratio(float(outcome.errors.sum()), float(np.abs(outcome.y_true).sum()))


def smape(outcome: Outcome) -> float:
    """Symmetric mean absolute percentage error, from 0 to 2; a row whose actual and prediction are both 0 counts as 0.

    Makridakis (1993), "Accuracy measures: theoretical and practical concerns", without the factor 100.
    """
    size = (np.abs(outcome.y_true) + np.abs(outcome.y_pred)) / 2.0
    shares = np.divide(np.abs(outcome.errors), size, out=np.zeros_like(size), where=size > 0)
    return float(shares.mean())


def mase(outcome: Outcome) -> float:
    """Mean absolute error over that of the seasonal naive forecast on the training rows; NaN without such an error.

    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", equation 5 with a season.
    """
    return _ratio(mae(outcome), outcome.naive_error)


def r2(outcome: Outcome) -> float:
    """Share of the variance that is explained; NaN if the actuals do not vary."""
    spread = float(np.square(outcome.y_true - outcome.y_true.mean()).sum())
    return 1.0 - _ratio(float(np.square(outcome.errors).sum()), spread)


def _ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN if the denominator is not positive."""
    return numerator / denominator if denominator > 0 else math.nan


METRICS: dict[str, Metric] = {
    "wape": Metric(wape, ANY_TASK),
    "mae": Metric(mae, ANY_TASK),
    "rmse": Metric(rmse, ANY_TASK),
    "medae": Metric(medae, ANY_TASK),
    "bias": Metric(bias, ANY_TASK),
    "smape": Metric(smape, ANY_TASK),
    "mase": Metric(mase, FORECASTING),
    "r2": Metric(r2, ANY_TASK, greater_is_better=True),
}
"""Name -> metric. A new one costs a function and a line here."""


def scores(outcome: Outcome, task: str) -> dict[str, float]:
    """Compute every metric of a task; NaN where a metric is not defined (WAPE without actuals)."""
    _require_rows(outcome)
    return {name: metric.function(outcome) for name, metric in METRICS.items() if task in metric.tasks}


def objective_names(task: str | None = None) -> list[str]:
    """Return the names that `problem.objective` may have: metrics and KPIs, of one task or of all."""
    return [name for name, metric in {**METRICS, **KPIS}.items() if task is None or task in metric.tasks]


def gain(outcome: Outcome, objective: str) -> float:
    """Score an outcome so that greater is better, whatever the objective.

    Where the objective is not defined (WAPE without actuals, R2 of constant actuals), the negative MAE stands in: it
    ranks candidates on the same rows, and only there may gains be compared.

    Raises:
        ValueError: unknown objective, or an outcome without rows.
    """
    _require_rows(outcome)
    metric = METRICS.get(objective) or KPIS.get(objective)
    if metric is None:
        raise ValueError(f"`objective` must be one of {objective_names()}; found '{objective}'")
    value = metric.function(outcome)
    if math.isnan(value):
        return -mae(outcome)
    return value if metric.greater_is_better else -abs(value)


def _require_rows(outcome: Outcome) -> None:
    if len(outcome.y_true) == 0:
        raise ValueError("an outcome without rows has no score: expected at least one actual with a prediction")
