"""The classification baseline: how frequent each class was among the rows learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from distributed_automl.scenario.classes import class_counts, over_classes
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts


@dataclass(frozen=True)
class FittedPrior(Fitted):
    """Predicts the same probabilities for every row.

    Attributes:
        classes: labels, sorted.
        counts: rows learned from, by class.
    """

    candidate: ClassVar[str] = "prior"
    classes: tuple[str, ...]
    counts: tuple[float, ...]

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        n_rows = int(sum(self.counts))
        shares = np.array([self.counts]) / max(n_rows, 1)
        return np.repeat(over_classes(shares, self.classes, design.samples.classes, n_rows), len(rows), axis=0)

    def to_parts(self) -> Parts:
        return {"classes": list(self.classes), "counts": list(self.counts)}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(tuple(parts["classes"]), tuple(parts["counts"]))


class Prior(Candidate):
    """Frequencies of the classes among the training rows."""

    name = "prior"
    tasks = frozenset({"classification"})
    uses_features = False

    def defaults(self, design: Design) -> Hyperparameters:
        return {}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedPrior:
        return FittedPrior(design.samples.classes, tuple(class_counts(design.samples, rows).tolist()))
