"""What the statistical candidates share: each series of the history is continued by itself, on a transformed scale."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from distributed_automl.scenario.design import Design, FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.estimators.seasonal_mean import FittedSeasonalMean
from distributed_automl.scenario.history import known_target, same_phase, series_starts
from distributed_automl.scenario.target_transforms import TARGET_TRANSFORMS

SERIES_TRANSFORMS = ("none", "log1p")
"""Target transforms that need nothing but the value."""
AUTO = "auto"
"""The logarithm where no value of a series' history is zero or less: what never stops tends to swing in proportion."""
MAX_PERIODS = 1_100
"""Periods of a history that are looked at: three years of days."""
STEPS_PER_PERIOD = 100
"""What walking through a period of the history costs when predicting, in visits of a tree's node."""
MIN_PERIODS = 12
"""Known periods below which a series is not modelled."""
MIN_SEASONS = 3
"""Seasons from which a series' own rhythm is believed."""

_SUBSTITUTE = FittedSeasonalMean(n_seasons=8, level_periods=42, statistic="log_mean")


@dataclass(frozen=True)
class FittedPerSeries(Fitted):
    """Learns from the history that it is given when it predicts, so that a model of any age knows the latest.

    A series that is too short, or where nothing is left to learn because every season is the same, gets its seasonal
    mean. A forecast leaves what the series has been by no more than its range.

    Attributes:
        target_transform: in SERIES_TRANSFORMS, or AUTO.
    """

    target_transform: str

    @abstractmethod
    def continued(self, past: FloatArray, samples: Samples, n_steps: int) -> FloatArray:
        """Forecast one series, all on the transformed scale.

        Args:
            past: at least MIN_PERIODS values without gaps, not all seasons equal, oldest first.
            samples: for the season and the problem, not for its rows.
            n_steps: periods after the past that are wanted.

        Returns:
            Shape (n_steps,); a step's value must not depend on how many are wanted. NaN where it cannot tell.
        """

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        known = known_target(design.samples, history)
        starts = series_starts(design.samples)[rows]
        predicted = _SUBSTITUTE.predict(design, history, rows)
        for start in np.unique(starts):
            own = np.flatnonzero(starts == start)
            forecast = self._forecast(design.samples, known, int(start), rows[own])
            predicted[own] = np.where(np.isfinite(forecast), forecast, predicted[own])
        return predicted

    @property
    def steps_per_row(self) -> int:
        return STEPS_PER_PERIOD * MAX_PERIODS

    def to_parts(self) -> Parts:
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)

    def _forecast(self, samples: Samples, known: FloatArray, start: int, rows: IntArray) -> FloatArray:
        """Forecast rows of the series that begins at `start`; NaN if it cannot be modelled. Shape (n_rows,)."""
        places = start + np.flatnonzero(np.isfinite(known[start : int(rows.min())]))
        if len(places) < MIN_PERIODS:
            return np.full(len(rows), np.nan)
        last = int(places[-1])
        window = np.arange(max(int(places[0]), last + 1 - MAX_PERIODS), last + 1, dtype=np.intp)
        values = known[window]
        if _repeats(values[np.isfinite(values)], samples.season):
            return np.full(len(rows), np.nan)
        transform = TARGET_TRANSFORMS[self._transform_of(values)]
        past = transform.forward(_filled(samples, known, window), np.ones(len(window)))
        steps = rows - last
        future = self.continued(past, samples, int(steps.max()))[steps - 1]
        return transform.inverse(bounded(future, past), np.ones(len(rows)))

    def _transform_of(self, values: FloatArray) -> str:
        if self.target_transform != AUTO:
            return self.target_transform
        return "log1p" if (values[np.isfinite(values)] > 0.0).all() else "none"


class PerSeriesCandidate(Candidate):
    """A candidate that is its configuration and nothing else until it predicts."""

    tasks = frozenset({"forecasting"})
    uses_features = False
    fitted_type: ClassVar[type[FittedPerSeries]]

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedPerSeries:
        return self.fitted_type(**hyperparameters)


def season_within(past: FloatArray, samples: Samples) -> int:
    """Return the season if the past is long enough to show it, else 1."""
    return samples.season if len(past) >= MIN_SEASONS * samples.season else 1


def bounded(future: FloatArray, past: FloatArray) -> FloatArray:
    """Keep a forecast from leaving what was seen by more than its range."""
    margin = float(np.ptp(past))
    return np.clip(future, past.min() - margin, past.max() + margin)


def _repeats(past: FloatArray, season: int) -> bool:
    """Return whether every season is the same."""
    period = season if len(past) >= 2 * season else 1
    return np.array_equal(past[period:], past[:-period])


def _filled(samples: Samples, known: FloatArray, window: IntArray) -> FloatArray:
    """Return the window's values, an unknown one replaced by the last known of its phase, else by the mean."""
    values = known[window]
    unknown = ~np.isfinite(values)
    if unknown.any():
        values[unknown] = same_phase(samples, known, window[unknown], 1)[:, 0]
        values[~np.isfinite(values)] = np.nanmean(known[window])
    return values
