"""What the tabular candidates share: encode the features, transform the target, regress, and turn it back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding, learn_encoding
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.history import known_target
from distributed_automl.scenario.target_transforms import FittedTransform, learn_transform

EXTRAPOLATION = 0.5
"""How far a prediction may leave the transformed targets that were learned from, as a share of their range."""


class Regressor(ABC):
    """Numbers in, numbers out: a learned function of an encoded matrix."""

    @abstractmethod
    def predict(self, X: FloatArray) -> FloatArray:
        """Predict from shape (n_rows, n_encoded) to shape (n_rows,); a row's value depends on that row alone."""

    @abstractmethod
    def to_parts(self) -> Parts:
        """Return plain parts."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Rebuild from `to_parts`."""


@dataclass(frozen=True)
class FittedRegressor(Fitted):
    """A regressor between an encoding of the features and a transform of the target.

    Attributes:
        encoding: of the selected columns.
        transform: of the target.
        lowest: smallest transformed value that may be predicted.
        highest: largest one.
        regressor: from encoded features to the transformed target.
    """

    regressor_type: ClassVar[type[Regressor]]

    encoding: Encoding
    transform: FittedTransform
    lowest: float
    highest: float
    regressor: Regressor

    @staticmethod
    @abstractmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        """Encode features the way this family likes them."""

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        if not len(rows):
            return np.empty(0)
        encoded = _with_a_column(self.encode(self.encoding, design.X.iloc[rows]))
        z = np.clip(self.regressor.predict(encoded), self.lowest, self.highest)
        return self.transform.inverse(z, design.samples, known_target(design.samples, history), rows)

    def to_parts(self) -> Parts:
        return {
            "encoding": self.encoding.to_parts(),
            "transform": self.transform.to_parts(),
            "lowest": self.lowest,
            "highest": self.highest,
            "regressor": self.regressor.to_parts(),
        }

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(
            encoding=Encoding.from_parts(parts["encoding"]),
            transform=FittedTransform.from_parts(parts["transform"]),
            lowest=parts["lowest"],
            highest=parts["highest"],
            regressor=cls.regressor_type.from_parts(parts["regressor"]),
        )


class RegressorCandidate(Candidate):
    """A candidate that learns a transformed target from encoded features."""

    tasks = frozenset({"forecasting", "regression"})
    fitted_type: ClassVar[type[FittedRegressor]]

    @abstractmethod
    def learn(self, X: FloatArray, z: FloatArray, *, hyperparameters: Hyperparameters, seed: int) -> Regressor:
        """Learn from encoded features, shape (n_rows, n_encoded), and the transformed target, shape (n_rows,)."""

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedRegressor:
        X = design.X.iloc[rows]
        encoding = learn_encoding(X, columns)
        transform = learn_transform(hyperparameters["target_transform"], design.samples, rows)
        z = transform.forward(design.samples, rows)
        encoded = _with_a_column(self.fitted_type.encode(encoding, X))
        regressor = self.learn(encoded, z, hyperparameters=hyperparameters, seed=seed)
        margin = EXTRAPOLATION * float(np.ptp(z))
        return self.fitted_type(encoding, transform, float(z.min()) - margin, float(z.max()) + margin, regressor)


def _with_a_column(encoded: FloatArray) -> FloatArray:
    """Return `encoded`, or a column of zeros if it has none: libraries want one."""
    return encoded if encoded.shape[1] else np.zeros((len(encoded), 1))
