"""Croston's method and its heirs, for demand that is mostly zero: how much, and how often, apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optuna

from distributed_automl.scenario.design import Design, FloatArray, Samples
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._per_series import FittedPerSeries, PerSeriesCandidate
from distributed_automl.scenario.history import zero_share

MIN_ZERO_SHARE = 0.3
"""Share of zeros from which demand counts as intermittent."""
SMOOTHING = np.array([0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
"""Smoothing constants that are tried."""


def is_intermittent(samples: Samples) -> bool:
    """Return whether so many periods are zero that it takes a candidate of its own."""
    return zero_share(samples) > MIN_ZERO_SHARE


@dataclass(frozen=True)
class FittedCroston(FittedPerSeries):
    """Forecasts each series' demand per period, the same at every step.

    Of the smoothing constants in SMOOTHING the one with the least squared error one period ahead is taken.

    Attributes:
        variant: in VARIANTS.
    """

    candidate: ClassVar[str] = "croston"
    variant: str

    def continued(self, past: FloatArray, samples: Samples, n_steps: int) -> FloatArray:
        rates = VARIANTS[self.variant](past, SMOOTHING)
        errors = np.square(rates[:-1] - past[:, np.newaxis]).sum(axis=0)
        return np.full(n_steps, rates[-1, int(np.argmin(errors))])


class Croston(PerSeriesCandidate):
    """Croston's method; its variant is searched. It competes where zeros are frequent."""

    name = "croston"
    fitted_type = FittedCroston

    def applies(self, design: Design) -> bool:
        return super().applies(design) and is_intermittent(design.samples)

    def defaults(self, design: Design) -> Hyperparameters:
        return {"target_transform": "none", "variant": "tsb"}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {"target_transform": "none", "variant": trial.suggest_categorical("variant", list(VARIANTS))}


def classic(past: FloatArray, smoothing: FloatArray) -> FloatArray:
    """Smooth sizes and intervals of the demands: Croston (1972), "Forecasting and stock control", equations 2 and 3.

    Args:
        past: at least one value is not 0, shape (n_periods,).
        smoothing: constants, shape (n_constants,).

    Returns:
        Demand per period as known before each period and, last, after all; shape (n_periods + 1, n_constants).
    """
    size, interval = _usual_size(past), len(past) / np.count_nonzero(past)
    rates = np.full((len(past) + 1, len(smoothing)), size / interval)
    sizes, intervals, since = np.full(len(smoothing), size), np.full(len(smoothing), interval), 1.0
    for place, value in enumerate(past):
        if value != 0.0:
            sizes = sizes + smoothing * (value - sizes)
            intervals = intervals + smoothing * (since - intervals)
            since = 0.0
        since += 1.0
        rates[place + 1] = sizes / intervals
    return rates


def unbiased(past: FloatArray, smoothing: FloatArray) -> FloatArray:
    """Take out the bias of `classic`: Syntetos and Boylan (2005), "The accuracy of intermittent demand estimates"."""
    return classic(past, smoothing) * (1.0 - smoothing / 2.0)


def probable(past: FloatArray, smoothing: FloatArray) -> FloatArray:
    """Smooth sizes, and in every period the probability of a demand, so that what is no longer wanted fades away.

    Teunter, Syntetos and Babai (2011), "Intermittent demand: linking forecasting to inventory obsolescence". Arguments
    as `classic`.
    """
    size, share = _usual_size(past), np.count_nonzero(past) / len(past)
    rates = np.full((len(past) + 1, len(smoothing)), size * share)
    sizes, shares = np.full(len(smoothing), size), np.full(len(smoothing), share)
    for place, value in enumerate(past):
        if value != 0.0:
            sizes = sizes + smoothing * (value - sizes)
        shares = shares + smoothing * (float(value != 0.0) - shares)
        rates[place + 1] = sizes * shares
    return rates


def _usual_size(past: FloatArray) -> float:
    return float(past[past != 0.0].mean())


VARIANTS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "classic": classic,
    "sba": unbiased,
    "tsb": probable,
}
"""Name of a variant -> function of the past and the smoothing constants."""
