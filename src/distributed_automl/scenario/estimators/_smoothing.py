"""Additive exponential smoothing of one series with many sets of constants at once, judged over the whole horizon.

In error-correction form (Hyndman, Koehler, Ord and Snyder 2008, "Forecasting with Exponential Smoothing", table 2.1),
with a second season after Taylor (2003), "Short-term electricity demand forecasting using double seasonal exponential
smoothing". The constants come from a grid and not from a numerical search: what tells them apart is small against what
tells the next horizon apart from the last one, and a grid costs one pass over the series for all of them.
"""

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._per_series import FittedPerSeries, season_within

MAX_ORIGINS = 40
"""Origins in the past from which the constants are judged at most."""
N_AVERAGED = 3
"""Best sets of constants whose forecasts are averaged."""


@dataclass(frozen=True)
class Constants:
    """Sets of smoothing constants; each array has shape (n_sets,).

    Attributes:
        level: share of an error that moves the level.
        trend: share that moves the trend.
        damping: what is left of a trend a period later.
        season: share that moves the phase of the season.
        long_season: share that moves the phase of the long season.
    """

    level: FloatArray
    trend: FloatArray
    damping: FloatArray
    season: FloatArray
    long_season: FloatArray


def every_set(
    *,
    level: Sequence[float],
    trend: Sequence[tuple[float, float]] = ((0.0, 1.0),),
    season: Sequence[float] = (0.0,),
    long_season: Sequence[float] = (0.0,),
) -> Constants:
    """Combine constants.

    Args:
        level: shares for the level.
        trend: (share of the level's share that moves the trend, damping).
        season: shares of what the level leaves over.
        long_season: the same.
    """
    sets = list(itertools.product(level, trend, season, long_season))
    alpha, pairs, gamma, long_gamma = (np.array(column, dtype=np.float64) for column in zip(*sets, strict=True))
    return Constants(alpha, alpha * pairs[:, 0], pairs[:, 1], (1.0 - alpha) * gamma, (1.0 - alpha) * long_gamma)


@dataclass
class State:
    """Where smoothing stands; one row per set of constants, or one for all to begin with.

    Attributes:
        level: shape (n_sets, 1).
        trend: shape (n_sets, 1).
        season: by phase, shape (n_sets, season).
        long_season: by phase, shape (n_sets, long season).
    """

    level: FloatArray
    trend: FloatArray
    season: FloatArray
    long_season: FloatArray

    def ahead(self, place: int, n_steps: int, damping: FloatArray) -> FloatArray:
        """Forecast the periods from `place` on. Shape (n_sets, n_steps)."""
        places = np.arange(place, place + n_steps)
        trends = np.cumsum(damping[:, np.newaxis] ** np.arange(1, n_steps + 1), axis=1)
        seasons = self.season[:, places % self.season.shape[1]]
        forecast: FloatArray = (
            self.level + self.trend * trends + seasons + self.long_season[:, places % self.long_season.shape[1]]
        )
        return forecast


def initial(season: FloatArray, *, level: float, trend: float, n_long: int, n_sets: int) -> State:
    """Return a state that all sets begin with; the long season begins as zeros."""
    return State(
        np.full((n_sets, 1), level),
        np.full((n_sets, 1), trend),
        np.tile(season, (n_sets, 1)),
        np.zeros((n_sets, n_long)),
    )


@dataclass(frozen=True)
class FittedSmoothing(FittedPerSeries):
    """Smooths each series of the history that it is given; where it begins, and with what constants, is the method."""

    @abstractmethod
    def begin(self, past: FloatArray, season: int) -> tuple[State, Constants]:
        """Return the state before the first period, and the sets of constants to choose from.

        Args:
            past: see `continued`.
            season: steps; 1 if the past is too short to show it.
        """

    def continued(self, past: FloatArray, samples: Samples, n_steps: int) -> FloatArray:
        state, constants = self.begin(past, season_within(past, samples))
        return smoothed(past, state, constants, horizon=samples.problem.horizon, n_steps=n_steps)


def smoothed(past: FloatArray, state: State, constants: Constants, *, horizon: int, n_steps: int) -> FloatArray:
    """Smooth a series and average the forecasts of the sets with the least mean absolute error over the horizon.

    Args:
        past: shape (n_periods,), no NaN.
        state: before the first period; it moves along.
        constants: sets to choose from.
        horizon: steps over which a set is judged from each origin in the past.
        n_steps: periods after the past that are wanted.

    Returns:
        Shape (n_steps,).
    """
    origins = set(_origins(len(past), state.season.shape[1], horizon).tolist())
    errors = np.zeros(len(constants.level))
    for place, value in enumerate(past):
        if place in origins:
            actual = past[place : place + horizon]
            errors += np.abs(state.ahead(place, len(actual), constants.damping) - actual).sum(axis=1)
        _update(state, place, float(value), constants)
    best = np.argsort(errors, kind="stable")[:N_AVERAGED]
    forecast: FloatArray = state.ahead(len(past), n_steps, constants.damping)[best].mean(axis=0)
    return forecast


def _update(state: State, place: int, value: float, constants: Constants) -> None:
    season = state.season[:, place % state.season.shape[1]]
    long_season = state.long_season[:, place % state.long_season.shape[1]]
    level, trend = state.level[:, 0], state.trend[:, 0]
    trend *= constants.damping
    level += trend
    error = value - level - season - long_season
    level += constants.level * error
    trend += constants.trend * error
    season += constants.season * error
    long_season += constants.long_season * error


def _origins(n_periods: int, season: int, horizon: int) -> IntArray:
    """Return the places from which constants are judged: after a while, evenly spread, a horizon before the end."""
    first = min(2 * season + 1, n_periods // 2)
    last = max(n_periods - horizon, first)
    return np.unique(np.linspace(first, last, MAX_ORIGINS).astype(np.intp))
