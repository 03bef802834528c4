"""A seasonal profile averaged over many seasons, moved to the recent level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.history import known_target, same_phase, series_means, series_starts
from distributed_automl.scenario.target_transforms import signed_expm1, signed_log1p

MAX_SEASONS = 52


@dataclass(frozen=True)
class Statistic:
    """How values are averaged.

    Attributes:
        average: numpy's nanmean or nanmedian.
        forward: to the scale on which the average is made.
        inverse: back from it.
    """

    average: Callable[..., Any]
    forward: Callable[[FloatArray], FloatArray] = np.positive
    inverse: Callable[[FloatArray], FloatArray] = np.positive


STATISTICS = {
    "mean": Statistic(np.nanmean),
    "median": Statistic(np.nanmedian),
    "log_mean": Statistic(np.nanmean, signed_log1p, signed_expm1),
}
"""Name of a statistic -> statistic. On counts, which are skewed, the mean of logs errs least in absolute terms."""


@dataclass(frozen=True)
class FittedSeasonalMean(Fitted):
    """Averages the history that it is given.

    A forecast is the average of the last `n_seasons` values of its phase, plus the average difference of the last
    `level_periods` values from the profile that those averages make.

    Attributes:
        n_seasons: values of one phase that enter the profile.
        level_periods: periods that the level follows.
        statistic: in STATISTICS.
    """

    candidate: ClassVar[str] = "seasonal_mean"
    n_seasons: int
    level_periods: int
    statistic: str

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        samples = design.samples
        statistic = STATISTICS[self.statistic]
        known = known_target(samples, history)
        scaled = statistic.forward(known)
        profile = self._profile(samples, scaled, rows, before=rows)
        found = np.isfinite(profile)
        predicted = series_means(samples, known, rows)
        predicted[found] = statistic.inverse((profile + self._shifts(samples, scaled, rows))[found])
        return predicted

    def to_parts(self) -> Parts:
        return {"n_seasons": self.n_seasons, "level_periods": self.level_periods, "statistic": self.statistic}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)

    def _profile(self, samples: Samples, scaled: FloatArray, rows: IntArray, *, before: IntArray) -> FloatArray:
        """Average the phase of each row; NaN where it has no history. Shape (n_rows,)."""
        values = same_phase(samples, scaled, rows, self.n_seasons, before=before)
        profile = np.full(len(rows), np.nan)
        found = np.isfinite(values[:, 0])
        profile[found] = STATISTICS[self.statistic].average(values[found], axis=1)
        return profile

    def _shifts(self, samples: Samples, scaled: FloatArray, rows: IntArray) -> FloatArray:
        """Return how far each row's series has lately been above the profile. Shape (n_rows,)."""
        starts, members = np.unique(series_starts(samples)[rows], return_inverse=True)
        origins = [int(rows[members == i].min()) for i in range(len(starts))]
        recent = [self._recent(scaled, int(start), end) for start, end in zip(starts, origins, strict=True)]
        before = np.repeat(origins, [len(places) for places in recent]).astype(np.intp)
        places = np.concatenate([*recent, np.empty(0, dtype=np.intp)])
        excess = scaled[places] - self._profile(samples, scaled, places, before=before)
        average = STATISTICS[self.statistic].average
        shifts = [average(excess[before == end]) if len(own) else 0.0 for own, end in zip(recent, origins, strict=True)]
        return np.array(shifts)[members]

    def _recent(self, scaled: FloatArray, start: int, origin: int) -> IntArray:
        return start + np.flatnonzero(np.isfinite(scaled[start:origin]))[-self.level_periods :]


class SeasonalMean(Candidate):
    """Seasonal profile at the recent level; its windows and its statistic are searched."""

    name = "seasonal_mean"
    tasks = frozenset({"forecasting"})
    uses_features = False

    def defaults(self, design: Design) -> Hyperparameters:
        level_periods = max(4, min(6 * design.samples.season, 42))
        return {"n_seasons": 26, "level_periods": level_periods, "statistic": "log_mean"}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "n_seasons": trial.suggest_int("n_seasons", 2, MAX_SEASONS, log=True),
            "level_periods": trial.suggest_int("level_periods", 4, 168, log=True),
            "statistic": trial.suggest_categorical("statistic", list(STATISTICS)),
        }

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedSeasonalMean:
        return FittedSeasonalMean(**hyperparameters)
