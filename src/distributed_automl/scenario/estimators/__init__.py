"""The candidates: one table from name to candidate, one from name to what is fitted."""

from collections.abc import Sequence

from distributed_automl.scenario.estimators._base import Candidate, Fitted
from distributed_automl.scenario.estimators.autoregression import Autoregression, FittedAutoregression
from distributed_automl.scenario.estimators.croston import Croston, FittedCroston
from distributed_automl.scenario.estimators.exponential_smoothing import (
    ExponentialSmoothing,
    FittedExponentialSmoothing,
)
from distributed_automl.scenario.estimators.lightgbm import FittedLightGBM, LightGBM
from distributed_automl.scenario.estimators.lightgbm_classifier import FittedLightGBMClassifier, LightGBMClassifier
from distributed_automl.scenario.estimators.logistic_regression import FittedLogisticRegression, LogisticRegression
from distributed_automl.scenario.estimators.mean import FittedMean, Mean
from distributed_automl.scenario.estimators.pooled import FittedPooled, Pooled
from distributed_automl.scenario.estimators.prior import FittedPrior, Prior
from distributed_automl.scenario.estimators.random_forest import FittedRandomForest, RandomForest
from distributed_automl.scenario.estimators.random_forest_classifier import (
    FittedRandomForestClassifier,
    RandomForestClassifier,
)
from distributed_automl.scenario.estimators.ridge import FittedRidge, Ridge
from distributed_automl.scenario.estimators.seasonal_mean import FittedSeasonalMean, SeasonalMean
from distributed_automl.scenario.estimators.seasonal_naive import FittedSeasonalNaive, SeasonalNaive
from distributed_automl.scenario.estimators.theta import FittedTheta, Theta
from distributed_automl.scenario.estimators.zero_inflated import FittedZeroInflated, ZeroInflated

CANDIDATES: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        SeasonalNaive(),
        Mean(),
        SeasonalMean(),
        ExponentialSmoothing(),
        Theta(),
        Autoregression(),
        Croston(),
        Ridge(),
        RandomForest(),
        LightGBM(),
        ZeroInflated(),
        Prior(),
        LogisticRegression(),
        RandomForestClassifier(),
        LightGBMClassifier(),
        Pooled(),
    )
}
"""Every candidate by name."""

FITTED: dict[str, type[Fitted]] = {
    fitted.candidate: fitted
    for fitted in (
        FittedSeasonalNaive,
        FittedMean,
        FittedSeasonalMean,
        FittedExponentialSmoothing,
        FittedTheta,
        FittedAutoregression,
        FittedCroston,
        FittedRidge,
        FittedRandomForest,
        FittedLightGBM,
        FittedZeroInflated,
        FittedPrior,
        FittedLogisticRegression,
        FittedRandomForestClassifier,
        FittedLightGBMClassifier,
        FittedPooled,
    )
}
"""What a candidate fits, by the candidate's name."""

BASELINES: dict[str, str] = {"forecasting": SeasonalNaive.name, "regression": Mean.name, "classification": Prior.name}
"""Task -> name of the candidate that every other one has to beat."""

USUAL: dict[str, tuple[str, ...]] = {
    "forecasting": (
        "ridge",
        "lightgbm",
        "zero_inflated",
        "exponential_smoothing",
        "theta",
        "autoregression",
        "croston",
        "seasonal_mean",
        "pooled",
    ),
    "regression": ("ridge", "random_forest", "lightgbm", "pooled"),
    "classification": ("logistic_regression", "random_forest_classifier", "lightgbm_classifier", "pooled"),
}
"""Task -> names of the candidates that compete where `automl.candidates` names none.

Random forests cost as much as all others together, and forecast no better beside them; among rows of a table they do.
"""


def competitors(named: Sequence[str], task: str) -> list[Candidate]:
    """Return the candidates named, the usual ones of the task if there is no name."""
    return [CANDIDATES[name] for name in named or USUAL[task]]
