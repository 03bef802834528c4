"""The forecasting baseline: what was last known at the same phase of the season."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.history import known_target, same_phase, series_means


@dataclass(frozen=True)
class FittedSeasonalNaive(Fitted):
    """Repeats each series' last known season; learns nothing.

    A phase without history takes its series' mean, a series without history the scenario's, a scenario without 0.
    """

    candidate: ClassVar[str] = "seasonal_naive"

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        known = known_target(design.samples, history)
        last = same_phase(design.samples, known, rows, 1)[:, 0]
        return np.where(np.isnan(last), series_means(design.samples, known, rows), last)

    def to_parts(self) -> Parts:
        return {}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls()


class SeasonalNaive(Candidate):
    """Seasonal naive forecast."""

    name = "seasonal_naive"
    tasks = frozenset({"forecasting"})
    uses_features = False

    def defaults(self, design: Design) -> Hyperparameters:
        return {}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedSeasonalNaive:
        return FittedSeasonalNaive()
