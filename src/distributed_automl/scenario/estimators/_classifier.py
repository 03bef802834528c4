"""What the classifiers share: encode the features, learn the classes that occur, and answer in those asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from distributed_automl.scenario.classes import balancing_weights, over_classes
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding, learn_encoding
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.estimators._regressor import Regressor, with_a_column


@dataclass(frozen=True)
class FittedClassifier(Fitted):
    """Probabilities of the classes that occurred among the training rows, from an encoding of the features.

    Attributes:
        encoding: of the selected columns.
        classes: labels that occurred, sorted.
        weights: of each class's rows in learning; divided out of the probabilities, which are then about real rows.
        n_rows: rows learned from.
        learned: from encoded features to a column of probabilities per class; None if there was only one class.
    """

    learned_type: ClassVar[type[Regressor]]

    encoding: Encoding
    classes: tuple[str, ...]
    weights: tuple[float, ...]
    n_rows: int
    learned: Regressor | None

    @staticmethod
    @abstractmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        """Encode features the way this family likes them."""

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        """Predict in the classes of the design's samples, whichever were learned; see Fitted.predict."""
        own = self._probabilities(design, rows) / np.array(self.weights)
        own = own / own.sum(axis=1, keepdims=True)
        return over_classes(own, self.classes, design.samples.classes, self.n_rows)

    def _probabilities(self, design: Design, rows: IntArray) -> FloatArray:
        if self.learned is None or not len(rows):
            return np.ones((len(rows), len(self.classes)))
        return self.learned.predict(with_a_column(self.encode(self.encoding, design.X.iloc[rows])))

    @property
    def steps_per_row(self) -> int:
        return self.learned.steps_per_row if self.learned else 1

    def to_parts(self) -> Parts:
        return {
            "encoding": self.encoding.to_parts(),
            "classes": list(self.classes),
            "weights": list(self.weights),
            "n_rows": self.n_rows,
            "learned": self.learned.to_parts() if self.learned else None,
        }

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(
            encoding=Encoding.from_parts(parts["encoding"]),
            classes=tuple(parts["classes"]),
            weights=tuple(parts["weights"]),
            n_rows=parts["n_rows"],
            learned=cls.learned_type.from_parts(parts["learned"]) if parts["learned"] is not None else None,
        )


class ClassifierCandidate(Candidate):
    """A candidate that learns the probabilities of classes from encoded features."""

    tasks = frozenset({"classification"})
    fitted_type: ClassVar[type[FittedClassifier]]

    @abstractmethod
    def learn(
        self, X: FloatArray, codes: IntArray, *, weights: FloatArray, hyperparameters: Hyperparameters, seed: int
    ) -> Regressor:
        """Learn from encoded features.

        Args:
            X: shape (n_rows, n_encoded).
            codes: class of each row, 0 to n_classes - 1; every one occurs, and there are at least two.
            weights: of the rows, shape (n_rows,), 1 on average.
            hyperparameters: as `defaults` or `suggest` gave them.
            seed: of every random draw.
        """

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedClassifier:
        samples, X = design.samples, design.X.iloc[rows]
        occurring, codes = np.unique(samples.y[rows].astype(np.intp), return_inverse=True)
        balanced = samples.problem.class_weight == "balanced"
        counts = np.bincount(codes).astype(np.float64)
        weights = balancing_weights(counts) if balanced else np.ones(len(occurring))
        encoding = learn_encoding(X, columns)
        learned = None
        if len(occurring) > 1:
            encoded = with_a_column(self.fitted_type.encode(encoding, X))
            learned = self.learn(encoded, codes, weights=weights[codes], hyperparameters=hyperparameters, seed=seed)
        classes = tuple(samples.classes[code] for code in occurring)
        return self.fitted_type(encoding, classes, tuple(weights.tolist()), len(rows), learned)
