"""The candidates: one table from name to candidate, one from name to what is fitted."""

from distributed_automl.scenario.estimators._base import Candidate, Fitted
from distributed_automl.scenario.estimators.exponential_smoothing import (
    ExponentialSmoothing,
    FittedExponentialSmoothing,
)
from distributed_automl.scenario.estimators.lightgbm import FittedLightGBM, LightGBM
from distributed_automl.scenario.estimators.mean import FittedMean, Mean
from distributed_automl.scenario.estimators.pooled import FittedPooled, Pooled
from distributed_automl.scenario.estimators.random_forest import FittedRandomForest, RandomForest
from distributed_automl.scenario.estimators.ridge import FittedRidge, Ridge
from distributed_automl.scenario.estimators.seasonal_mean import FittedSeasonalMean, SeasonalMean
from distributed_automl.scenario.estimators.seasonal_naive import FittedSeasonalNaive, SeasonalNaive

CANDIDATES: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        SeasonalNaive(),
        Mean(),
        SeasonalMean(),
        ExponentialSmoothing(),
        Ridge(),
        RandomForest(),
        LightGBM(),
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
        FittedRidge,
        FittedRandomForest,
        FittedLightGBM,
        FittedPooled,
    )
}
"""What a candidate fits, by the candidate's name."""

BASELINES: dict[str, str] = {"forecasting": SeasonalNaive.name, "regression": Mean.name}
"""Task -> name of the candidate that every other one has to beat."""
