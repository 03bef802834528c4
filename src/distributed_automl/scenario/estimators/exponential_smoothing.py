"""Exponential smoothing with a level, perhaps a trend, a season, and a week of days where the season is a day."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._per_series import SERIES_TRANSFORMS, PerSeriesCandidate
from distributed_automl.scenario.estimators._smoothing import Constants, FittedSmoothing, State, every_set, initial

LEVELS = (0.01, 0.03, 0.08, 0.18, 0.35, 0.6, 0.9)
TRENDS: dict[str, tuple[tuple[float, float], ...]] = {
    "none": ((0.0, 1.0),),
    "damped": ((0.0, 1.0), (0.05, 0.9), (0.2, 0.98)),
}
"""Name of a trend -> its constants: share of the level's, damping."""
SEASONS = (0.02, 0.1, 0.25, 0.5)
LONG_SEASONS = (0.0, 0.15, 0.4)
MIN_DAY = 24
"""Season from which a season is taken for a day, and seven of them for a longer one."""


@dataclass(frozen=True)
class FittedExponentialSmoothing(FittedSmoothing):
    """Smooths each series of the history that it is given.

    Attributes:
        trend: in TRENDS.
    """

    candidate: ClassVar[str] = "exponential_smoothing"
    trend: str

    def begin(self, past: FloatArray, season: int) -> tuple[State, Constants]:
        n_long = 7 * season if season >= MIN_DAY and len(past) >= 28 * season else 1
        constants = every_set(
            level=LEVELS,
            trend=TRENDS[self.trend],
            season=SEASONS if season > 1 else (0.0,),
            long_season=LONG_SEASONS if n_long > 1 else (0.0,),
        )
        first = past[: max(2 * season, 4)]
        level = float(first.mean())
        profile = past[: 2 * season].reshape(2, season).mean(axis=0) - level if season > 1 else np.zeros(1)
        return initial(profile, level=level, trend=0.0, n_long=n_long, n_sets=len(constants.level)), constants


class ExponentialSmoothing(PerSeriesCandidate):
    """Exponential smoothing; its trend and the target's transform are searched."""

    name = "exponential_smoothing"
    fitted_type = FittedExponentialSmoothing

    def defaults(self, design: Design) -> Hyperparameters:
        return {"target_transform": "log1p", "trend": "damped"}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", SERIES_TRANSFORMS),
            "trend": trial.suggest_categorical("trend", list(TRENDS)),
        }
