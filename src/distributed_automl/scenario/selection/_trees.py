"""The small gradient boosting that several selectors ask."""

from typing import Any

import numpy as np

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray

N_TREES = 40
MIN_ROUNDS = 5
"""Boosting rounds of a classification with many classes, each of which grows a tree per class."""
MAX_SEED = 2**31 - 1
_PARAMETERS = {
    "learning_rate": 0.1,
    "num_leaves": 8,
    "feature_fraction": 0.7,
    "max_bin": 63,
    "bin_construct_sample_cnt": 500,
    "enable_bundle": False,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def boosted(values: FloatArray, ballot: Ballot, rows: BoolArray, *, n_trees: int = N_TREES, seed: int) -> Any:
    """Fit a small booster on some rows.

    Args:
        values: shape (n_rows, n_columns), NaN is missing.
        ballot: whose target is learned.
        rows: shape (n_rows,), the ones to learn from.
        n_trees: in all, over the classes of a classification.
        seed: of every random draw.

    Returns:
        A lightgbm.Booster.
    """
    import lightgbm as lgb

    leaf = {"min_data_in_leaf": max(2, min(20, int(rows.sum()) // 10))}
    parameters = {**_PARAMETERS, **_objective(ballot), **leaf, "seed": seed % MAX_SEED}
    train = lgb.Dataset(values[rows], ballot.y[rows], params=parameters)
    n_per_round = ballot.n_classes if is_multiclass(ballot) else 1
    return lgb.train(parameters, train, num_boost_round=max(MIN_ROUNDS, n_trees // n_per_round))


def gains(booster: Any) -> FloatArray:
    """Return the gain of every column's splits, shape (n_columns,)."""
    return np.asarray(booster.feature_importance("gain"), dtype=np.float64)


def is_multiclass(ballot: Ballot) -> bool:
    """Return whether the target is one of more than two classes, so that a row's prediction is a vector."""
    return ballot.is_classification and ballot.n_classes > 2


def _objective(ballot: Ballot) -> dict[str, Any]:
    if is_multiclass(ballot):
        return {"objective": "multiclass", "num_class": ballot.n_classes}
    return {"objective": "binary" if ballot.is_classification else "regression"}
