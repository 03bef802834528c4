"""Votes by how surely each feature, by itself, goes with the target."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.feature_selection import f_regression

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import BoolArray, best


def univariate(X: pd.DataFrame, y: FloatArray, *, seed: int, max_features: int) -> BoolArray:
    """Vote for the features whose F test leaves the least doubt.

    A number is tested for a linear relation (missing: the median), a category for different means of the target
    (one-way analysis of variance). The logarithm of the p-value makes the two comparable, whatever the number of
    categories.
    """
    is_number = np.array([X[name].dtype != object for name in X.columns])
    scores = np.zeros(X.shape[1])
    if is_number.any():
        scores[is_number] = _linear_surety(X.loc[:, is_number], y)
    scores[~is_number] = [_category_surety(X[name], y) for name in X.columns[~is_number]]
    return best(scores, max_features)


def _linear_surety(X: pd.DataFrame, y: FloatArray) -> FloatArray:
    values = X.to_numpy(dtype=np.float64)
    values = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    f, _ = f_regression(values, y)
    return np.asarray(-stats.f.logsf(f, 1, len(y) - 2), dtype=np.float64)


def _category_surety(column: pd.Series, y: FloatArray) -> float:
    codes = pd.factorize(column)[0] + 1
    counts = np.bincount(codes)
    groups, within = int((counts > 0).sum()), len(y) - int((counts > 0).sum())
    if groups < 2 or within < 1:
        return 0.0
    means = np.divide(np.bincount(codes, weights=y), counts, out=np.zeros(len(counts)), where=counts > 0)
    between = float(np.sum(counts * (means - y.mean()) ** 2)) / (groups - 1)
    noise = float(np.sum((y - means[codes]) ** 2)) / within
    return float(-stats.f.logsf(between / noise, groups - 1, within)) if noise > 0 else np.inf
