"""Two boosted parts for demand that is mostly zero: whether there is any, and how much if there is."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters, Parts
from distributed_automl.scenario.estimators._regressor import FittedRegressor, Regressor, RegressorCandidate
from distributed_automl.scenario.estimators.croston import is_intermittent
from distributed_automl.scenario.estimators.lightgbm import ABSOLUTE_OBJECTIVES, FIXED, MAX_SEED, Booster
from distributed_automl.scenario.target_transforms import signed_expm1, signed_log1p

ZERO_KEEPING = ("level", "none")
"""Target transforms that leave a zero a zero."""
MIN_SIZES = 20
"""Demands from which their sizes are learned; below that they are all of the usual size."""
SPREAD = np.linspace(0.025, 0.975, 39)
"""Probabilities whose quantiles of the sizes' errors are kept."""


@dataclass(frozen=True)
class TwoParts(Regressor):
    """A mixture of zero and a size, told by one number: its mean, or a quantile of it.

    The quantile q of the mixture is 0 where zeros alone reach q, and else the quantile (q - P(0)) / P(not 0) of the
    size. For an objective of absolute errors that is the median: 0 for whatever is less likely than not.

    Attributes:
        share: probability of a demand where `demand` is None.
        demand: its log-odds turned into a probability; None if all training rows are alike.
        usual: logarithm of the size where `size` is None.
        size: of its logarithm; None if there were few.
        errors: quantiles at SPREAD of the logarithm's errors.
        quantile: what is told; None: the mean.
    """

    share: float
    demand: Booster | None
    usual: float
    size: Booster | None
    errors: FloatArray
    quantile: float | None

    def predict(self, X: FloatArray) -> FloatArray:
        probability = self.demand.predict(X) if self.demand else np.full(len(X), self.share)
        logs = self.size.predict(X) if self.size else np.full(len(X), self.usual)
        if self.quantile is None:
            means: FloatArray = probability * signed_expm1(logs[:, np.newaxis] + self.errors).mean(axis=1)
            return means
        beyond = (self.quantile - (1.0 - probability)) / np.maximum(probability, 1e-12)
        sizes = signed_expm1(logs + np.interp(beyond, SPREAD, self.errors))
        return np.where(beyond > 0.0, sizes, 0.0)

    @property
    def steps_per_row(self) -> int:
        return sum(part.steps_per_row for part in (self.demand, self.size) if part)

    def to_parts(self) -> Parts:
        return {name: value.text if isinstance(value, Booster) else value for name, value in vars(self).items()}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        boosters = {name: None if parts[name] is None else Booster(parts[name]) for name in ("demand", "size")}
        return cls(**{**parts, **boosters})


class FittedZeroInflated(FittedRegressor):
    """A fitted pair of parts."""

    candidate = "zero_inflated"
    regressor_type: ClassVar[type[Regressor]] = TwoParts

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.codes(X)


class ZeroInflated(RegressorCandidate):
    """Two boosted parts; their size is searched. They compete where zeros are frequent."""

    name = "zero_inflated"
    tasks = frozenset({"forecasting"})
    fitted_type = FittedZeroInflated

    def applies(self, design: Design) -> bool:
        return super().applies(design) and is_intermittent(design.samples)

    def defaults(self, design: Design) -> Hyperparameters:
        small = {"n_trees": 50, "learning_rate": 0.06, "num_leaves": 6, "min_data_in_leaf": 15}
        return {"target_transform": "none", "quantile": _quantile(design), **small}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", ZERO_KEEPING),
            "quantile": _quantile(design),
            "n_trees": trial.suggest_int("n_trees", 25, 150, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 3, 16, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 40, log=True),
        }

    def learn(
        self, X: FloatArray, z: FloatArray, *, weights: FloatArray | None, hyperparameters: Hyperparameters, seed: int
    ) -> TwoParts:
        is_demand = z != 0.0
        logs = signed_log1p(z[is_demand])
        share = float(is_demand.mean())
        params = {name: hyperparameters[name] for name in ("learning_rate", "num_leaves", "min_data_in_leaf")}
        params |= {
            **FIXED,
            "feature_fraction": 0.7,
            "seed": seed % MAX_SEED,
            "num_iterations": hyperparameters["n_trees"],
        }
        demand = size = None
        if 0.0 < share < 1.0:
            demand = _boosted(X, is_demand, weights, {**params, "objective": "binary"})
        if len(logs) >= MIN_SIZES:
            own = None if weights is None else weights[is_demand]
            size = _boosted(X[is_demand], logs, own, {**params, "objective": "regression"})
        usual = float(logs.mean()) if len(logs) else 0.0
        errors = logs - (size.predict(X[is_demand]) if size else usual)
        kept = np.quantile(errors, SPREAD) if len(errors) else np.zeros(len(SPREAD))
        return TwoParts(share, demand, usual, size, kept, hyperparameters["quantile"])


def _quantile(design: Design) -> float | None:
    """Return the quantile that serves the objective best; None if the mean does."""
    if design.quantile is not None:
        return design.quantile
    return 0.5 if design.samples.problem.objective in ABSOLUTE_OBJECTIVES else None


def _boosted(X: FloatArray, y: npt.NDArray[Any], weights: FloatArray | None, params: dict[str, Any]) -> Booster:
    import lightgbm

    return Booster.of(lightgbm.train(params, lightgbm.Dataset(X, y, weight=weights, params=params)))
