"""The panels' own measures, each a function on rows that hold actuals beside predictions; lower is better."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

SMAPE_OF_NAIVE, MASE_OF_NAIVE = 18.383, 2.395
"""What the M4 competition's benchmark method scored on the hourly series: the divisors of OWA there."""
LOWEST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Measure:
    """A name and a function on rows: `actual` and `predicted_value` or `probabilities`, `weight`, `scale`, `series`."""

    name: str
    function: Callable[[pd.DataFrame], float]


def wape(rows: pd.DataFrame) -> float:
    """Sum of absolute errors over the sum of actuals."""
    return float((rows["predicted_value"] - rows["actual"]).abs().sum() / max(rows["actual"].abs().sum(), 1e-9))


def wrmsse(rows: pd.DataFrame) -> float:
    """Sum over series of weight x root of (mean squared error over `scale`, the mean squared first difference)."""
    squared = (rows["predicted_value"] - rows["actual"]) ** 2
    series = (
        rows.assign(squared=squared).groupby("series").agg({"squared": "mean", "scale": "first", "weight": "first"})
    )
    return float((series["weight"] * np.sqrt(series["squared"] / series["scale"])).sum())


def owa(rows: pd.DataFrame) -> float:
    """Mean of sMAPE and MASE, each over that of the M4 competition's naive method; `scale` is MASE's divisor."""
    error = (rows["predicted_value"] - rows["actual"]).abs()
    smape = 200.0 * (error / (rows["predicted_value"].abs() + rows["actual"].abs()).clip(lower=1e-12)).mean()
    mase = (error / rows["scale"]).groupby(rows["series"]).mean().mean()
    return float((smape / SMAPE_OF_NAIVE + mase / MASE_OF_NAIVE) / 2.0)


def relative_rmse(rows: pd.DataFrame) -> float:
    """Root mean squared error over that of the training rows' mean, which stands in `scale`."""
    squared = (rows["predicted_value"] - rows["actual"]) ** 2
    return float(np.sqrt(squared.mean()) / np.sqrt(((rows["actual"] - rows["scale"]) ** 2).mean()))


def relative_log_loss(rows: pd.DataFrame) -> float:
    """Log loss over that of the training rows' class shares, which stand in `scale` as JSON like `probabilities`."""
    return _log_loss(rows["actual"], rows["probabilities"]) / _log_loss(rows["actual"], rows["scale"])


def _log_loss(actual: pd.Series, probabilities: pd.Series) -> float:
    given = [json.loads(text).get(str(label), 0.0) for label, text in zip(actual, probabilities, strict=True)]
    return float(-np.log(np.clip(given, LOWEST_PROBABILITY, 1.0)).mean())


WAPE = Measure("WAPE", wape)
WRMSSE = Measure("WRMSSE", wrmsse)
OWA = Measure("OWA", owa)
RELATIVE_RMSE = Measure("RMSE / RMSE of the mean", relative_rmse)
RELATIVE_LOG_LOSS = Measure("log loss / log loss of the shares", relative_log_loss)
