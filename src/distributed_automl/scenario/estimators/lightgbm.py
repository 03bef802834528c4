"""Gradient-boosted trees by LightGBM, kept as LightGBM's own text."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters, Parts
from distributed_automl.scenario.estimators._regressor import FittedRegressor, Regressor, RegressorCandidate
from distributed_automl.scenario.estimators._strategies import default_strategy, suggest_strategy
from distributed_automl.scenario.recency import default_recency, suggest_recency
from distributed_automl.scenario.target_transforms import applicable_transforms

if TYPE_CHECKING:
    import lightgbm

FIXED = {
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "max_bin": 63,
    "bin_construct_sample_cnt": 20_000,
    "bagging_freq": 1,
    "feature_pre_filter": False,
}
"""What is never searched: one thread, one result; and 63 bins, which more rows would hardly cut better."""
MAX_SEED = 2**31 - 1
LEAF_DIGITS = 9
"""Significant digits of a leaf's value: what tells two float32 apart."""
MIN_BAGGED = 20
"""Rows below which trees do not learn from samples of them."""
LOSSES = ("l1", "l2")
QUANTILE = "quantile"
"""Start of the name of the loss that a quantile minimises: "quantile@0.8"."""
ABSOLUTE_OBJECTIVES = frozenset({"wape", "mae", "medae", "smape", "mape", "medape", "mase"})
"""Objectives that a conditional median serves best."""
SMALL = {
    "n_trees": 80,
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.5,
    "extra_trees": True,
}
"""For a few hundred noisy periods: small trees with random thresholds, rather too few than too many."""
LARGER = {
    "n_trees": 120,
    "learning_rate": 0.08,
    "num_leaves": 12,
    "min_data_in_leaf": 10,
    "feature_fraction": 0.8,
    "extra_trees": False,
}
"""For a table of rows with a signal in its features."""


@dataclass(frozen=True)
class Booster(Regressor):
    """A booster that predicts from its text, fitted or loaded, so that both are the same to the last bit.

    Attributes:
        text: as LightGBM writes it, see `bare`.
    """

    text: str

    @classmethod
    def of(cls, trained: "lightgbm.Booster") -> Self:
        """Keep of a trained booster what it predicts from."""
        return cls(bare(trained.model_to_string()))

    @cached_property
    def booster(self) -> "lightgbm.Booster":
        """The parsed text."""
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def predict(self, X: FloatArray) -> FloatArray:
        return np.asarray(self.booster.predict(X, num_threads=1), dtype=np.float64)

    @property
    def steps_per_row(self) -> int:
        return sum(math.ceil(math.log2(int(leaves))) for leaves in _LEAVES.findall(self.text))

    def to_parts(self) -> Parts:
        return {"text": self.text}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)


class FittedLightGBM(FittedRegressor):
    """A fitted LightGBM model."""

    candidate = "lightgbm"
    regressor_type: ClassVar[type[Regressor]] = Booster

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.codes(X)


class LightGBM(RegressorCandidate):
    """LightGBM on one thread; loss, size and the target transform are searched."""

    name = "lightgbm"
    fitted_type = FittedLightGBM

    def defaults(self, design: Design) -> Hyperparameters:
        problem = design.samples.problem
        loss = _losses(design)[-1] if design.quantile else "l1" if problem.objective in ABSOLUTE_OBJECTIVES else "l2"
        if problem.is_forecasting:
            return {
                "target_transform": "log1p",
                "loss": loss,
                **SMALL,
                **default_recency(design.samples),
                **default_strategy(design),
            }
        return {"target_transform": "none", "loss": loss, **LARGER}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", applicable_transforms(design.samples)),
            "loss": trial.suggest_categorical("loss", _losses(design)),
            "n_trees": trial.suggest_int("n_trees", 40, 240, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 24, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 40, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
            "extra_trees": trial.suggest_categorical("extra_trees", [True, False]),
            **suggest_recency(trial, design.samples),
            **suggest_strategy(trial, design),
        }

    def learn(
        self, X: FloatArray, z: FloatArray, *, weights: FloatArray | None, hyperparameters: Hyperparameters, seed: int
    ) -> Booster:
        import lightgbm

        chosen = {name: value for name, value in hyperparameters.items() if name not in _OURS}
        bagging = {"bagging_fraction": 0.8 if len(z) >= MIN_BAGGED else 1.0}
        objective = _objective(hyperparameters["loss"])
        params = {**FIXED, **bagging, **chosen, **objective, "seed": seed % MAX_SEED}
        data = lightgbm.Dataset(X, z, weight=weights, params=params)
        booster = lightgbm.train(params, data, num_boost_round=hyperparameters["n_trees"])
        return Booster.of(booster)


def bare(text: str) -> str:
    """Return a booster's text without what only explains it or how it was made, and with leaves as exact as a float32.

    Statistics of nodes and leaves, importances and parameters are three fifths of the compressed bytes, the leaves'
    last digits a third of the rest. Without `tree_sizes` LightGBM reads one tree after the other.
    """
    trees = text.partition("\nfeature_importances:")[0]
    lines = (line for line in trees.split("\n") if line.partition("=")[0] not in _EXPLANATIONS)
    return "\n".join(_rounded(line) if line.startswith(_LEAF_VALUES) else line for line in lines) + "\n"


def _rounded(line: str) -> str:
    values = line.removeprefix(_LEAF_VALUES).split()
    return _LEAF_VALUES + " ".join(f"{float(value):.{LEAF_DIGITS}g}" for value in values)


_LEAF_VALUES = "leaf_value="
_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)
_EXPLANATIONS = frozenset(
    {"tree_sizes", "split_gain", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count"}
)
_OURS = frozenset({"target_transform", "loss", "n_trees", "half_life", "strategy"})


def _losses(design: Design) -> list[str]:
    """Return the losses that may serve the objective; the quantile's own comes last."""
    return [*LOSSES, *([f"{QUANTILE}@{design.quantile:.6g}"] if design.quantile else [])]


def _objective(loss: str) -> dict[str, str | float]:
    """Return a loss the way LightGBM names it."""
    name, _, quantile = loss.partition("@")
    return {"objective": name, "alpha": float(quantile)} if name == QUANTILE else {"objective": name}
