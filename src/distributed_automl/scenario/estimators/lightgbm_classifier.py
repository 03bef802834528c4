"""Gradient-boosted trees over classes by LightGBM, kept as LightGBM's own text."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._classifier import ClassifierCandidate, FittedClassifier
from distributed_automl.scenario.estimators._regressor import Regressor
from distributed_automl.scenario.estimators.lightgbm import FIXED, MAX_SEED, MIN_BAGGED, Booster

TREES_OVER_CLASSES = 700
"""Trees of a many-class model by default, about: every round grows one tree per class."""


@dataclass(frozen=True)
class ClassBooster(Booster):
    """A booster that gives a column per class, of two classes too."""

    def predict(self, X: FloatArray) -> FloatArray:
        predicted = super().predict(X)
        return predicted if predicted.ndim == 2 else np.column_stack([1.0 - predicted, predicted])


class FittedLightGBMClassifier(FittedClassifier):
    """A fitted LightGBM model of classes."""

    candidate = "lightgbm_classifier"
    learned_type: ClassVar[type[Regressor]] = ClassBooster

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.codes(X)


class LightGBMClassifier(ClassifierCandidate):
    """LightGBM on one thread, binary or over many classes; its size is searched."""

    name = "lightgbm_classifier"
    fitted_type = FittedLightGBMClassifier

    def defaults(self, design: Design) -> Hyperparameters:
        n_columns = max(len(design.samples.classes), 2) - 1
        return {
            "n_trees": int(np.clip(TREES_OVER_CLASSES // n_columns, 70, 120)),
            "learning_rate": 0.1,
            "num_leaves": 12,
            "min_data_in_leaf": 8,
            "feature_fraction": 0.5,
            "extra_trees": False,
        }

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "n_trees": trial.suggest_int("n_trees", 30, 240, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 3, 24, log=True),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 3, 40, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
            "extra_trees": trial.suggest_categorical("extra_trees", [True, False]),
        }

    def learn(
        self, X: FloatArray, codes: IntArray, *, weights: FloatArray, hyperparameters: Hyperparameters, seed: int
    ) -> ClassBooster:
        import lightgbm

        n_classes = int(codes.max()) + 1
        objective = {"objective": "binary"} if n_classes == 2 else {"objective": "multiclass", "num_class": n_classes}
        chosen = {name: value for name, value in hyperparameters.items() if name != "n_trees"}
        bagging = {"bagging_fraction": 0.8 if len(codes) >= MIN_BAGGED else 1.0}
        params = {**FIXED, **bagging, **chosen, **objective, "seed": seed % MAX_SEED}
        data = lightgbm.Dataset(X, codes, weight=weights, params=params)
        booster = lightgbm.train(params, data, num_boost_round=hyperparameters["n_trees"])
        return ClassBooster.of(booster)
