"""Exponential smoothing (ETS) by statsforecast, fitted on the history when it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.estimators.seasonal_mean import FittedSeasonalMean
from distributed_automl.scenario.history import known_target, same_phase, series_starts
from distributed_automl.scenario.target_transforms import TARGET_TRANSFORMS

TRENDS = {"none": ("N", False), "damped": ("A", True)}
"""Name of a trend -> its letter in ETS, and whether it is damped."""
TRANSFORMS = ("log1p", "none")
MAX_PERIODS = 1_100
"""Periods of a history that are smoothed: three years of days."""
MIN_PERIODS = 12
"""Known periods below which a series is not smoothed."""
MAX_ITERATIONS = 300
MAX_SEASON = 24
"""Longest season with a state for each of its periods; a longer one is taken out beforehand."""
MAX_CRITERION_STEPS = 30
"""Steps over which statsforecast can average its criterion at most."""


@dataclass(frozen=True)
class FittedExponentialSmoothing(Fitted):
    """Smooths each series of the history that it is given.

    The smoothing minimises the mean squared error over all steps up to the horizon ("amse") and not the likelihood,
    which looks one step ahead: smoother states, better forecasts, and a search that ends earlier. A series that is
    too short, constant or exactly periodic gets its seasonal mean.

    Attributes:
        trend: in TRENDS.
        target_transform: in TRANSFORMS.
    """

    candidate: ClassVar[str] = "exponential_smoothing"
    trend: str
    target_transform: str

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        known = known_target(design.samples, history)
        starts = series_starts(design.samples)[rows]
        predicted = _SUBSTITUTE.predict(design, history, rows)
        for start in np.unique(starts):
            own = np.flatnonzero(starts == start)
            forecast = self._forecast(design, known, int(start), rows[own])
            predicted[own] = np.where(np.isfinite(forecast), forecast, predicted[own])
        return predicted

    def to_parts(self) -> Parts:
        return {"trend": self.trend, "target_transform": self.target_transform}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)

    def _forecast(self, design: Design, known: FloatArray, start: int, rows: IntArray) -> FloatArray:
        """Forecast rows of the series that begins at `start`; NaN if it cannot be smoothed. Shape (n_rows,)."""
        places = start + np.flatnonzero(np.isfinite(known[start : int(rows.min())]))
        if len(places) < MIN_PERIODS or _repeats(known[places], design.samples.season):
            return np.full(len(rows), np.nan)
        last = int(places[-1])
        window = np.arange(max(int(places[0]), last + 1 - MAX_PERIODS), last + 1, dtype=np.intp)
        transform = TARGET_TRANSFORMS[self.target_transform]
        past = transform.forward(_filled(design, known, window), np.ones(len(window)))
        steps = rows - last
        smoothed = self._smoothed(past, design, int(steps.max()))[steps - 1]
        return transform.inverse(_bounded(smoothed, past), np.ones(len(rows)))

    def _smoothed(self, past: FloatArray, design: Design, n_steps: int) -> FloatArray:
        """Forecast the next steps of a past without gaps. Shape (n_steps,)."""
        season = design.samples.season
        n_criterion = min(design.samples.problem.horizon, MAX_CRITERION_STEPS)
        if season == 1 or len(past) < 2 * season + MIN_PERIODS:
            return _ets(past, 1, TRENDS[self.trend], n_steps=n_steps, n_criterion=n_criterion)
        if season <= MAX_SEASON:
            return _ets(past, season, TRENDS[self.trend], n_steps=n_steps, n_criterion=n_criterion)
        profile = _profile(past, season)
        level = _ets(past - profile[: len(past)], 1, TRENDS[self.trend], n_steps=n_steps, n_criterion=n_criterion)
        return level + profile[(len(past) + np.arange(n_steps)) % season]


class ExponentialSmoothing(Candidate):
    """Exponential smoothing; its trend and the target's transform are searched."""

    name = "exponential_smoothing"
    tasks = frozenset({"forecasting"})
    uses_features = False

    def defaults(self, design: Design) -> Hyperparameters:
        return {"trend": "none", "target_transform": "log1p"}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "trend": trial.suggest_categorical("trend", list(TRENDS)),
            "target_transform": trial.suggest_categorical("target_transform", TRANSFORMS),
        }

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedExponentialSmoothing:
        return FittedExponentialSmoothing(**hyperparameters)


_SUBSTITUTE = FittedSeasonalMean(n_seasons=8, level_periods=42, statistic="log_mean")


def _ets(past: FloatArray, season: int, trend: tuple[str, bool], *, n_steps: int, n_criterion: int) -> FloatArray:
    from statsforecast.ets import ets_f, forecast_ets  # seconds to import, and few processes need it

    letter, is_damped = trend
    model = f"A{letter}{'A' if season > 1 else 'N'}"
    fitted = ets_f(  # type: ignore[no-untyped-call]
        past, season, model, damped=is_damped, opt_crit="amse", nmse=n_criterion, maxit=MAX_ITERATIONS
    )
    return np.asarray(forecast_ets(fitted, n_steps)["mean"], dtype=np.float64)  # type: ignore[no-untyped-call]


def _repeats(past: FloatArray, season: int) -> bool:
    """Return whether every season is the same: an error of zero has no likelihood, and statsforecast raises."""
    period = season if len(past) >= 2 * season else 1
    return np.array_equal(past[period:], past[:-period])


def _filled(design: Design, known: FloatArray, window: IntArray) -> FloatArray:
    """Return the window's values, an unknown one replaced by the last known of its phase, else by the mean."""
    values = known[window]
    unknown = ~np.isfinite(values)
    if unknown.any():
        values[unknown] = same_phase(design.samples, known, window[unknown], 1)[:, 0]
        values[~np.isfinite(values)] = np.nanmean(known[window])
    return values


def _bounded(smoothed: FloatArray, past: FloatArray) -> FloatArray:
    """Keep a trend from leaving what was seen by more than its range."""
    margin = float(np.ptp(past))
    return np.clip(smoothed, past.min() - margin, past.max() + margin)


def _profile(past: FloatArray, season: int) -> FloatArray:
    """Return the mean difference of each phase from the mean, tiled over at least the past."""
    n_seasons = -(-len(past) // season)
    padded = np.r_[past - past.mean(), np.full(n_seasons * season - len(past), np.nan)]
    return np.tile(np.nanmean(padded.reshape(n_seasons, season), axis=0), n_seasons)
