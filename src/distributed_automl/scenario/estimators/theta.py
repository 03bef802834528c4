"""The theta method: seasonally adjusted, smoothed exponentially, with half of the long-run trend as the drift."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._per_series import SERIES_TRANSFORMS, PerSeriesCandidate
from distributed_automl.scenario.estimators._smoothing import Constants, FittedSmoothing, State, every_set, initial

LEVELS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.13, 0.2, 0.3, 0.45, 0.65, 0.9)


@dataclass(frozen=True)
class FittedTheta(FittedSmoothing):
    """Takes out each phase's mean and smooths the rest, which drifts.

    The theta method with lines 0 and 2 is simple exponential smoothing whose drift is half of the slope of the
    regression line (Hyndman and Billah 2003, "Unmasking the Theta method", section 2).

    Attributes:
        drift_share: of the slope; 0.5 is the theta method.
        trend_periods: periods that the slope is estimated from at most.
    """

    candidate: ClassVar[str] = "theta"
    drift_share: float
    trend_periods: int

    def begin(self, past: FloatArray, season: int) -> tuple[State, Constants]:
        profile = _profile(past, season)
        adjusted = past - np.resize(profile, len(past))
        drift = self.drift_share * _slope(adjusted[-self.trend_periods :])
        constants = every_set(level=LEVELS)
        level = float(adjusted[: max(season, 4)].mean())
        return initial(profile, level=level, trend=drift, n_long=1, n_sets=len(constants.level)), constants


class Theta(PerSeriesCandidate):
    """The theta method; its drift and the target's transform are searched."""

    name = "theta"
    fitted_type = FittedTheta

    def defaults(self, design: Design) -> Hyperparameters:
        return {"target_transform": "log1p", "drift_share": 0.5, "trend_periods": 1_000}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", SERIES_TRANSFORMS),
            "drift_share": trial.suggest_float("drift_share", 0.0, 1.0),
            "trend_periods": trial.suggest_int("trend_periods", 50, 1_000, log=True),
        }


def _profile(past: FloatArray, season: int) -> FloatArray:
    """Return how each phase differs from the mean of its season, on average. Shape (season,); one 0 if it is 1."""
    if season == 1:
        return np.zeros(1)
    n_seasons = len(past) // season
    whole = past[len(past) - n_seasons * season :].reshape(n_seasons, season)
    profile = (whole - whole.mean(axis=1, keepdims=True)).mean(axis=0)
    return np.roll(profile, len(past) % season)  # phase 0 is that of the first value


def _slope(values: FloatArray) -> float:
    """Return the slope of the least-squares line, per period."""
    time = np.arange(len(values)) - (len(values) - 1) / 2.0
    return float((time * values).sum() / np.square(time).sum())
