"""The regression baseline: the mean of the target learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts


@dataclass(frozen=True)
class FittedMean(Fitted):
    """Predicts one value.

    Attributes:
        value: in units of the target.
    """

    candidate: ClassVar[str] = "mean"
    value: float

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        return np.full(len(rows), self.value)

    def to_parts(self) -> Parts:
        return {"value": self.value}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)


class Mean(Candidate):
    """Mean of the training rows' target."""

    name = "mean"
    tasks = frozenset({"regression"})
    uses_features = False

    def defaults(self, design: Design) -> Hyperparameters:
        return {}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedMean:
        return FittedMean(float(np.mean(design.samples.y[rows])))
