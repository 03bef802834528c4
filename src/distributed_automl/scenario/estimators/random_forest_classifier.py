"""Random forest over classes, kept as flat arrays."""

from typing import ClassVar

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators._classifier import ClassifierCandidate, FittedClassifier
from distributed_automl.scenario.estimators._regressor import Regressor
from distributed_automl.scenario.estimators.random_forest import N_TREES, Forest, flattened


class FittedRandomForestClassifier(FittedClassifier):
    """A fitted random forest whose nodes hold the shares of the classes."""

    candidate = "random_forest_classifier"
    learned_type: ClassVar[type[Regressor]] = Forest

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.imputed(X)


class RandomForestClassifier(ClassifierCandidate):
    """Random forest; leaf size and features per split are searched."""

    name = "random_forest_classifier"
    fitted_type = FittedRandomForestClassifier

    def defaults(self, design: Design) -> Hyperparameters:
        return {"min_samples_leaf": 2, "max_features": 0.3}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20, log=True),
            "max_features": trial.suggest_float("max_features", 0.1, 1.0),
        }

    def learn(
        self, X: FloatArray, codes: IntArray, *, weights: FloatArray, hyperparameters: Hyperparameters, seed: int
    ) -> Forest:
        from sklearn import ensemble  # seconds to import

        forest = ensemble.RandomForestClassifier(
            N_TREES,
            min_samples_leaf=hyperparameters["min_samples_leaf"],
            max_features=hyperparameters["max_features"],
            random_state=seed,
            n_jobs=1,
        )
        forest.fit(X, codes, sample_weight=weights)
        trees = [estimator.tree_ for estimator in forest.estimators_]
        shares = np.concatenate([tree.value[:, 0, :] for tree in trees])
        return flattened(trees, shares.astype(np.float32).astype(np.float64))
