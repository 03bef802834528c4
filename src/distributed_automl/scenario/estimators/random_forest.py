"""Random forest, kept as flat arrays."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding
from distributed_automl.scenario.estimators._base import Hyperparameters, Parts
from distributed_automl.scenario.estimators._regressor import FittedRegressor, Regressor, RegressorCandidate
from distributed_automl.scenario.estimators._strategies import default_strategy, suggest_strategy
from distributed_automl.scenario.recency import default_recency, suggest_recency
from distributed_automl.scenario.target_transforms import applicable_transforms

N_TREES = 40


@dataclass(frozen=True)
class Forest(Regressor):
    """Regression trees as flat arrays over all nodes; a leaf points at itself.

    Attributes:
        roots: node at which each tree begins, shape (n_trees,).
        feature: encoded column that a node looks at, shape (n_nodes,).
        threshold: a row goes left if its value, as float32, is at most this.
        left: next node to the left.
        right: next node to the right.
        value: prediction of a leaf; 0 elsewhere.
        depth: steps from a root to the deepest leaf.
    """

    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    threshold: FloatArray
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: FloatArray
    depth: int

    def predict(self, X: FloatArray) -> FloatArray:
        singles = X.astype(np.float32)
        rows = np.arange(len(X))[:, np.newaxis]
        nodes = np.broadcast_to(self.roots, (len(X), len(self.roots)))
        for _ in range(self.depth):
            goes_left = singles[rows, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(goes_left, self.left[nodes], self.right[nodes])
        values: FloatArray = self.value[nodes].mean(axis=1)
        return values

    @property
    def steps_per_row(self) -> int:
        return len(self.roots) * self.depth

    def to_parts(self) -> Parts:
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(**parts)


class FittedRandomForest(FittedRegressor):
    """A fitted random forest."""

    candidate = "random_forest"
    regressor_type: ClassVar[type[Regressor]] = Forest

    @staticmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        return encoding.imputed(X)


class RandomForest(RegressorCandidate):
    """Random forest; leaf size, features per split and the target transform are searched."""

    name = "random_forest"
    fitted_type = FittedRandomForest

    def defaults(self, design: Design) -> Hyperparameters:
        is_forecasting = design.samples.problem.is_forecasting
        transform = "log1p" if is_forecasting else "none"
        return {
            "target_transform": transform,
            "min_samples_leaf": 8 if is_forecasting else 2,
            "max_features": 0.3,
            **default_recency(design.samples),
            **default_strategy(design),
        }

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {
            "target_transform": trial.suggest_categorical("target_transform", applicable_transforms(design.samples)),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 2, 30, log=True),
            "max_features": trial.suggest_float("max_features", 0.1, 1.0),
            **suggest_recency(trial, design.samples),
            **suggest_strategy(trial, design),
        }

    def learn(
        self, X: FloatArray, z: FloatArray, *, weights: FloatArray | None, hyperparameters: Hyperparameters, seed: int
    ) -> Forest:
        from sklearn.ensemble import RandomForestRegressor  # seconds to import

        forest = RandomForestRegressor(
            N_TREES,
            min_samples_leaf=hyperparameters["min_samples_leaf"],
            max_features=hyperparameters["max_features"],
            random_state=seed,
            n_jobs=1,
        )
        forest.fit(X, z, sample_weight=weights)
        trees = [estimator.tree_ for estimator in forest.estimators_]
        return flattened(trees, np.concatenate([tree.value[:, 0, 0] for tree in trees]))


def flattened(trees: list[Any], values: FloatArray) -> Forest:
    """Copy sklearn's trees (sklearn.tree._tree.Tree) into flat arrays.

    Args:
        trees: of a forest.
        values: prediction of every node, shape (n_nodes,) or (n_nodes, n_classes). Only leaves keep theirs: no row ends
            elsewhere, and zeros take no room.
    """
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.r_[0, np.cumsum(sizes)[:-1]]
    left = _linked(trees, roots, "children_left")
    kept = values.copy()
    kept[left != np.arange(len(left))] = 0.0
    return Forest(
        roots=roots.astype(np.int32),
        feature=np.maximum(np.concatenate([tree.feature for tree in trees]), 0).astype(np.int32),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=left,
        right=_linked(trees, roots, "children_right"),
        value=kept,
        depth=max(int(tree.max_depth) for tree in trees),
    )


def _linked(trees: list[Any], roots: IntArray, side: str) -> npt.NDArray[np.int32]:
    """Children as nodes of the whole forest; a leaf's child is the leaf itself."""
    blocks = []
    for tree, root in zip(trees, roots, strict=True):
        children = getattr(tree, side)
        blocks.append(root + np.where(children < 0, np.arange(tree.node_count), children))
    return np.concatenate(blocks).astype(np.int32)
