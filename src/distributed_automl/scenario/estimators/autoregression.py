"""Ridge autoregression: the next value from recent ones and from whole seasons ago, forecast step by step."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._per_series import (
    AUTO,
    SERIES_TRANSFORMS,
    FittedPerSeries,
    PerSeriesCandidate,
)

PENALTIES = 10.0 ** np.arange(-5.0, 2.1, 0.5)
"""Penalties that are tried, as shares of the mean variance of a regressor."""
MAX_LAG_SHARE = 1.0 / 3.0
"""Longest lag, as a share of the history: the rest is left to learn from."""
MAX_COEFFICIENT_SHARE = 0.25
"""Coefficients at most, as a share of the history's periods."""
MIN_WIDTH = 6
"""Values at least whose mean the next one is relative to: with fewer it could only drift, and never return."""
LONG_SEASON = 7
"""Seasons of a longer season: a week of days. Without one its coefficients come out small."""


@dataclass(frozen=True)
class FittedAutoregression(FittedPerSeries):
    """Learns each series' coefficients by ridge regression on the history that it is given.

    Values are taken relative to the mean of the season before them, so that the level may wander. The penalty is the
    one with the least generalised cross-validation error (Golub, Heath and Wahba 1979, "Generalized cross-validation
    as a method for choosing a good ridge parameter", equation 1.5), found for all penalties by one decomposition.

    Attributes:
        n_lags: recent lags; whole seasons come on top of them.
        caution: factor of the coefficients' cost in the cross-validation; more than 1 shrinks them further.
    """

    candidate: ClassVar[str] = "autoregression"
    n_lags: int
    caution: float

    def continued(self, past: FloatArray, samples: Samples, n_steps: int) -> FloatArray:
        centre, scale = float(past.mean()), float(past.std()) or 1.0
        z = (past - centre) / scale
        lags = _lags(self.n_lags, samples.season, len(z))
        width = min(max(samples.season, MIN_WIDTH), len(z) // 3)
        coefficients = _coefficients(z, lags, width, self.caution)
        return centre + scale * _recursed(z, lags, width, coefficients, n_steps=n_steps)


class Autoregression(PerSeriesCandidate):
    """Ridge autoregression; its lags, its caution and the target's transform are searched."""

    name = "autoregression"
    fitted_type = FittedAutoregression

    def defaults(self, design: Design) -> Hyperparameters:
        return {"target_transform": AUTO, "n_lags": 56, "caution": 1.0}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", [*SERIES_TRANSFORMS, AUTO]),
            "n_lags": trial.suggest_int("n_lags", 7, 84, log=True),
            "caution": trial.suggest_float("caution", 1.0, 4.0, log=True),
        }


def _lags(n_lags: int, season: int, n_periods: int) -> IntArray:
    """Return the lags, ascending: recent ones, one season and its neighbours, and the first multiples of it."""
    longest = max(int(MAX_LAG_SHARE * n_periods), 1)
    recent = np.arange(1, max(min(n_lags, int(MAX_COEFFICIENT_SHARE * n_periods)), 1) + 1)
    if season == 1:
        return recent.astype(np.intp)
    near = [season * many + offset for many in (1, LONG_SEASON) for offset in (-1, 0, 1)]
    whole = [season * many for many in (2, 3, 2 * LONG_SEASON)]
    lags = np.unique(np.r_[recent, near, whole, 2 * season + 1])
    return lags[lags <= longest].astype(np.intp)


def _coefficients(z: FloatArray, lags: IntArray, width: int, caution: float) -> FloatArray:
    """Regress each value on its lags, all relative to the mean of the `width` values before it. Shape (n_lags,).

    Sums are made by einsum and not by BLAS, so that the result does not depend on the number of BLAS threads.
    """
    first = max(int(lags[-1]), width)
    places = np.arange(first, len(z))
    sums = np.r_[0.0, np.cumsum(z)]
    before = (sums[places] - sums[places - width]) / width
    X = z[places[:, np.newaxis] - lags] - before[:, np.newaxis]
    y = z[places] - before
    gram, moments = np.einsum("ij,ik->jk", X, X), np.einsum("ij,i->j", X, y)
    eigenvalues, vectors = np.linalg.eigh(gram)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    rotated = np.einsum("ji,j->i", vectors, moments)
    penalties = PENALTIES[:, np.newaxis] * max(float(eigenvalues.mean()), 1e-12)
    weights = rotated / (eigenvalues + penalties)
    errors = np.square(y).sum() - 2.0 * (rotated * weights).sum(axis=1) + (eigenvalues * weights**2).sum(axis=1)
    freedom = 1.0 - caution * (eigenvalues / (eigenvalues + penalties)).sum(axis=1) / len(y)
    score = np.where(freedom > 0.0, errors / np.maximum(freedom, 1e-9) ** 2, np.inf)
    coefficients: FloatArray = np.einsum("ij,j->i", vectors, weights[int(np.argmin(score))])
    return coefficients


def _recursed(z: FloatArray, lags: IntArray, width: int, coefficients: FloatArray, *, n_steps: int) -> FloatArray:
    """Continue `z` step by step, every step within what was seen by no more than its range. Shape (n_steps,)."""
    margin = float(np.ptp(z))
    lowest, highest = float(z.min()) - margin, float(z.max()) + margin
    path: FloatArray = np.r_[z, np.empty(n_steps)]
    for place in range(len(z), len(path)):
        before = path[place - width : place].mean()
        step = before + ((path[place - lags] - before) * coefficients).sum()
        path[place] = min(max(step, lowest), highest)
    return path[len(z) :]
