"""Metrics: how far predictions are from what came true. One metric is one short function and one line in a table.

Those of numbers are here, those of classes in `classification_metrics`; METRICS is both.
"""

import math

import numpy as np

from distributed_automl.scenario.classification_metrics import CLASSIFICATION_METRICS, log_loss
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.kpis import KPIS, total_cost
from distributed_automl.scenario.outcome import CLASSES, FORECASTING, NUMBERS, Metric, Outcome

FVA = "fva"
"""What `value_added` is called among the metrics of a fit."""


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


def rmsse(outcome: Outcome) -> float:
    """Root mean squared error over that of the seasonal naive forecast on the training rows; NaN without such an error.

    Makridakis et al. (2022), "The M5 accuracy competition", equation 1, with a season.
    """
    return _ratio(rmse(outcome), outcome.naive_rmse)


def mape(outcome: Outcome) -> float:
    """Mean absolute percentage error, as a share; NaN if an actual is zero and its prediction is not."""
    return _finite(float(_percentage_errors(outcome).mean()))


def medape(outcome: Outcome) -> float:
    """Median absolute percentage error, as a share; NaN if half of the actuals are zero and their predictions not."""
    return _finite(float(np.median(_percentage_errors(outcome))))


def rmsle(outcome: Outcome) -> float:
    """Root of the mean squared difference of logarithms of 1 + value; NaN if a value is negative."""
    if min(outcome.y_true.min(), outcome.y_pred.min()) < 0:
        return math.nan
    return float(np.sqrt(np.square(np.log1p(outcome.y_pred) - np.log1p(outcome.y_true)).mean()))


def pinball(outcome: Outcome) -> float:
    """Mean pinball loss at the quantile that costs name, in units of the target; NaN if no error costs anything.

    `total_cost` per row and per unit of cost: the margin's share of the costs for a unit short, the rest for one over.
    """
    per_unit = outcome.costs.margin_per_unit + outcome.costs.holding_per_unit
    return _ratio(total_cost(outcome), per_unit * len(outcome.y_true))


def r2(outcome: Outcome) -> float:
    """Share of the variance that is explained; NaN if the actuals do not vary."""
    spread = float(np.square(outcome.y_true - outcome.y_true.mean()).sum())
    return 1.0 - _ratio(float(np.square(outcome.errors).sum()), spread)


def _ratio(numerator: float, denominator: float) -> float:
    """Divide; NaN if the denominator is not positive."""
    return numerator / denominator if denominator > 0 else math.nan


def _percentage_errors(outcome: Outcome) -> FloatArray:
    """Return the size of each error as a share of the actual; 0 where both are 0, infinite where only the actual is."""
    sizes, errors = np.abs(outcome.y_true), np.abs(outcome.errors)
    return np.divide(errors, sizes, out=np.where(errors > 0, np.inf, 0.0), where=sizes > 0)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


METRICS: dict[str, Metric] = {
    "wape": Metric(wape, NUMBERS),
    "mae": Metric(mae, NUMBERS),
    "rmse": Metric(rmse, NUMBERS),
    "medae": Metric(medae, NUMBERS),
    "bias": Metric(bias, NUMBERS),
    "smape": Metric(smape, NUMBERS),
    "mape": Metric(mape, NUMBERS),
    "medape": Metric(medape, NUMBERS),
    "rmsle": Metric(rmsle, NUMBERS),
    "pinball": Metric(pinball, NUMBERS),
    "mase": Metric(mase, FORECASTING),
    "rmsse": Metric(rmsse, FORECASTING),
    "r2": Metric(r2, NUMBERS, greater_is_better=True),
    **CLASSIFICATION_METRICS,
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

    Where the objective is not defined (WAPE without actuals, R2 of constant actuals), the negative MAE (of classes: log
    loss) stands in: it ranks candidates on the same rows, and only there may gains be compared.

    Raises:
        ValueError: unknown objective, or an outcome without rows.
    """
    _require_rows(outcome)
    metric = _objective(objective)
    value = metric.function(outcome)
    if math.isnan(value):
        return -log_loss(outcome) if metric.tasks == CLASSES else -mae(outcome)
    return value if metric.greater_is_better else -abs(value)


def is_defined(outcome: Outcome, objective: str) -> bool:
    """Return whether an objective says anything of an outcome, so that its gain is not that of a stand-in."""
    return not math.isnan(_objective(objective).function(outcome))


def best_gain(objective: str) -> float:
    """Return the gain of a perfect outcome; what a gain lies below it is an error, of which shares can be taken."""
    return 1.0 if _objective(objective).greater_is_better else 0.0


def value_added(outcome: Outcome, baseline: Outcome, objective: str) -> float:
    """Return the share of the baseline's error, in terms of the objective, that is gone: forecast value added.

    1 is perfect, 0 no better than the baseline, below 0 worse. NaN if the baseline is perfect and this is not.
    """
    ours, theirs = (best_gain(objective) - gain(one, objective) for one in (outcome, baseline))
    return 0.0 if ours == theirs else 1.0 - _ratio(ours, theirs)


def _objective(name: str) -> Metric:
    metric = METRICS.get(name) or KPIS.get(name)
    if metric is None:
        raise ValueError(f"`objective` must be one of {objective_names()}; found '{name}'")
    return metric


def _require_rows(outcome: Outcome) -> None:
    if len(outcome.y_true) == 0:
        raise ValueError("an outcome without rows has no score: expected at least one actual with a prediction")
