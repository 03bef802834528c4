"""Votes by what a small gradient boosting uses."""

import lightgbm as lgb
import numpy as np
import pandas as pd

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import BoolArray, best, category_codes

_N_TREES = 40
_PARAMETERS = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 8,
    "max_bin": 63,
    "feature_fraction": 0.7,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def tree_importance(X: pd.DataFrame, y: FloatArray, *, seed: int, max_features: int) -> BoolArray:
    """Vote for the features with the greatest total gain; interactions and steps count, unlike in a linear test."""
    columns = {name: category_codes(X[name]) if X[name].dtype == object else X[name].to_numpy() for name in X.columns}
    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns.values()])
    leaf = max(2, min(20, len(y) // 10))
    train = lgb.Dataset(values, label=y, params={"max_bin": 63, "min_data_in_leaf": leaf, "verbosity": -1})
    booster = lgb.train(_PARAMETERS | {"seed": seed, "min_data_in_leaf": leaf}, train, num_boost_round=_N_TREES)
    return best(booster.feature_importance("gain").astype(np.float64), max_features)
