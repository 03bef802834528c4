"""Ridge regression on standardised features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters, Parts
from distributed_automl.scenario.estimators._regressor import FittedRegressor, Regressor, RegressorCandidate
from distributed_automl.scenario.estimators._strategies import default_strategy, suggest_strategy
from distributed_automl.scenario.recency import default_recency, suggest_recency
from distributed_automl.scenario.target_transforms import applicable_transforms, signed_log1p

FEATURE_TRANSFORMS: dict[str, Callable[[FloatArray], FloatArray]] = {"none": np.positive, "log1p": signed_log1p}
"""What happens to features first: next to a log of the target, logs of lags and levels are what is linear."""
OUTLYING = 5.0
"""Standard deviations to which a feature is clipped: one wild value must not carry a forecast away."""


@dataclass(frozen=True)
class Linear(Regressor):
    """A linear function of transformed, standardised columns.

    Attributes:
        feature_transform: in FEATURE_TRANSFORMS.
        centre: mean of each column, shape (n_encoded,).
        scale: its standard deviation; 1 for a constant column.
        coefficients: per standard deviation.
        intercept: value at the centre.
    """

    feature_transform: str
    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray
    intercept: float

    def predict(self, X: FloatArray) -> FloatArray:
        columns = standardised(FEATURE_TRANSFORMS[self.feature_transform](X), self.centre, self.scale)
        values: FloatArray = (columns * self.coefficients).sum(axis=1) + self.intercept
        return values

    def to_parts(self) -> Parts:
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)


class FittedRidge(FittedRegressor):
    """A fitted ridge regression."""

    candidate = "ridge"
    regressor_type: ClassVar[type[Regressor]] = Linear

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.indicators(X)


class Ridge(RegressorCandidate):
    """Ridge regression; the penalty and the transforms of target and features are searched."""

    name = "ridge"
    fitted_type = FittedRidge

    def defaults(self, design: Design) -> Hyperparameters:
        if design.samples.problem.is_forecasting:
            logs = {"target_transform": "log1p", "feature_transform": "log1p"}
            return {**logs, "alpha": 2.0, **default_recency(design.samples), **default_strategy(design)}
        return {"target_transform": "none", "feature_transform": "none", "alpha": 0.003}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", applicable_transforms(design.samples)),
            "feature_transform": trial.suggest_categorical("feature_transform", list(FEATURE_TRANSFORMS)),
            "alpha": trial.suggest_float("alpha", 1e-4, 30.0, log=True),
            **suggest_recency(trial, design.samples),
            **suggest_strategy(trial, design),
        }

    def learn(
        self, X: FloatArray, z: FloatArray, *, weights: FloatArray | None, hyperparameters: Hyperparameters, seed: int
    ) -> Linear:
        return fit_ridge(X, z, hyperparameters["feature_transform"], alpha=hyperparameters["alpha"], weights=weights)


def fit_ridge(
    X: FloatArray, z: FloatArray, feature_transform: str, *, alpha: float, weights: FloatArray | None = None
) -> Linear:
    """Solve (S'S / n + alpha I) b = S'z / n for the standardised features S.

    Sums are made by einsum and not by BLAS, so that the result does not depend on the number of BLAS threads.

    Args:
        X: shape (n_rows, n_encoded), no NaN.
        z: shape (n_rows,).
        feature_transform: in FEATURE_TRANSFORMS.
        alpha: penalty per row.
        weights: of the rows, 1 on average; None: all count alike.
    """
    X = FEATURE_TRANSFORMS[feature_transform](X)
    n_rows, n_encoded = X.shape
    centre, scale = column_scales(X)
    columns = standardised(X, centre, scale)
    weighted = columns if weights is None else columns * weights[:, np.newaxis]
    intercept, centres = float((z if weights is None else z * weights).mean()), weighted.mean(axis=0)
    gram = np.einsum("ij,ik->jk", weighted, columns) / n_rows - np.outer(centres, centres) + alpha * np.eye(n_encoded)
    moments = np.einsum("ij,i->j", weighted, z - intercept) / n_rows
    coefficients = np.linalg.solve(gram, moments)
    return Linear(feature_transform, centre, scale, coefficients, intercept - float((centres * coefficients).sum()))


def column_scales(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the standard deviation of each column; 1 for a constant one."""
    centre = X.mean(axis=0)
    scale = X.std(axis=0)
    scale[scale <= 1e-9 * np.abs(centre)] = 1.0
    return centre, scale


def standardised(X: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Return standardised columns, clipped to OUTLYING standard deviations."""
    columns: FloatArray = X - centre
    columns /= scale
    return np.clip(columns, -OUTLYING, OUTLYING, out=columns)
