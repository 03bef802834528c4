"""Logistic regression over any number of classes, on standardised features."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.classes import softmax
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters, Parts
from distributed_automl.scenario.estimators._classifier import ClassifierCandidate, FittedClassifier
from distributed_automl.scenario.estimators._regressor import Regressor
from distributed_automl.scenario.estimators.ridge import FEATURE_TRANSFORMS, column_scales, standardised

MAX_ITERATIONS = 200


@dataclass(frozen=True)
class Softmax(Regressor):
    """Probabilities whose logarithms are linear in transformed, standardised columns, up to a common constant.

    Attributes:
        feature_transform: in FEATURE_TRANSFORMS.
        centre: mean of each column, shape (n_encoded,).
        scale: its standard deviation; 1 for a constant column.
        coefficients: per standard deviation and class, shape (n_classes, n_encoded).
        intercepts: values at the centre, shape (n_classes,).
    """

    feature_transform: str
    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercepts: FloatArray

    def predict(self, X: FloatArray) -> FloatArray:
        columns = standardised(FEATURE_TRANSFORMS[self.feature_transform](X), self.centre, self.scale)
        scores = [(columns * own).sum(axis=1) for own in self.coefficients]
        return softmax(np.column_stack(scores) + self.intercepts)

    def to_parts(self) -> Parts:
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)


class FittedLogisticRegression(FittedClassifier):
    """A fitted logistic regression."""

    candidate = "logistic_regression"
    learned_type: ClassVar[type[Regressor]] = Softmax

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.indicators(X)


class LogisticRegression(ClassifierCandidate):
    """Logistic regression; the penalty and the transform of the features are searched."""

    name = "logistic_regression"
    fitted_type = FittedLogisticRegression

    def defaults(self, design: Design) -> Hyperparameters:
        return {"feature_transform": "none", "alpha": 0.003}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "feature_transform": trial.suggest_categorical("feature_transform", list(FEATURE_TRANSFORMS)),
            "alpha": trial.suggest_float("alpha", 1e-4, 1.0, log=True),
        }

    def learn(
        self, X: FloatArray, codes: IntArray, *, weights: FloatArray, hyperparameters: Hyperparameters, seed: int
    ) -> Softmax:
        transform = hyperparameters["feature_transform"]
        return fit_softmax(X, codes, weights=weights, feature_transform=transform, alpha=hyperparameters["alpha"])


def fit_softmax(
    X: FloatArray, codes: IntArray, *, weights: FloatArray, feature_transform: str, alpha: float
) -> Softmax:
    """Minimise the weighted mean log loss plus alpha / 2 times the squared coefficients, by L-BFGS.

    Sums are made by einsum and not by BLAS, so that the result does not depend on the number of BLAS threads.

    Args:
        X: shape (n_rows, n_encoded), no NaN.
        codes: class of each row, shape (n_rows,).
        weights: of the rows, shape (n_rows,).
        feature_transform: in FEATURE_TRANSFORMS.
        alpha: penalty per row.
    """
    from scipy.optimize import minimize  # part of a second to import

    X = FEATURE_TRANSFORMS[feature_transform](X)
    centre, scale = column_scales(X)
    columns = np.column_stack([np.ones(len(X)), standardised(X, centre, scale)])
    n_classes = int(codes.max()) + 1
    truth = (codes[:, np.newaxis] == np.arange(n_classes)).astype(np.float64)
    shares = weights / weights.sum()
    penalty = np.full(columns.shape[1], alpha)
    penalty[0] = 0.0

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        coefficients = flat.reshape(n_classes, -1)
        probabilities = softmax(np.einsum("ij,kj->ik", columns, coefficients))
        given = np.maximum((probabilities * truth).sum(axis=1), np.finfo(np.float64).tiny)
        value = -(shares * np.log(given)).sum() + 0.5 * (penalty * np.square(coefficients)).sum()
        slope = np.einsum("ik,ij->kj", (probabilities - truth) * shares[:, np.newaxis], columns)
        return float(value), (slope + penalty * coefficients).ravel()

    start = np.zeros(n_classes * columns.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS})
    solution = found.x.reshape(n_classes, -1)
    return Softmax(feature_transform, centre, scale, np.ascontiguousarray(solution[:, 1:]), solution[:, 0].copy())
