"""Votes by how surely each feature, by itself, goes with the target."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.feature_selection import f_regression

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray, best


def univariate(ballot: Ballot) -> BoolArray:
    """Vote for the features whose test leaves the least doubt."""
    return best(sureties(ballot), ballot.max_features)


def sureties(ballot: Ballot) -> FloatArray:
    """Return minus the logarithm of each feature's p-value, shape (n_features,).

    It makes tests comparable, whatever the number of categories. A number (missing: the median) is tested for a linear
    relation or, where the target is a class, for different means; a category for different means of the target (one-way
    analysis of variance), or for independence of the class (G test).
    """
    found = np.zeros(ballot.X.shape[1])
    if ballot.is_number.any():
        numbers = imputed(ballot.codes[:, ballot.is_number])
        linear = _mean_surety if ballot.is_classification else _linear_surety
        found[ballot.is_number] = linear(numbers, ballot.y)
    category = _independence_surety if ballot.is_classification else _category_surety
    found[~ballot.is_number] = [category(ballot.X[name], ballot.y) for name in ballot.X.columns[~ballot.is_number]]
    return found


def imputed(values: FloatArray) -> FloatArray:
    """Return numbers with each column's median where one is missing. Shape as given."""
    return np.where(np.isnan(values), np.nanmedian(values, axis=0), values)


def _linear_surety(values: FloatArray, y: FloatArray) -> FloatArray:
    f, _ = f_regression(values - values.mean(axis=0), y - y.mean())  # far from zero its sums would cancel
    return np.asarray(-stats.f.logsf(f, 1, len(y) - 2), dtype=np.float64)


def _mean_surety(values: FloatArray, y: FloatArray) -> FloatArray:
    classes, places = np.unique(y, return_inverse=True)
    n_rows, n_classes = len(y), len(classes)
    if n_classes < 2 or n_classes >= n_rows:
        return np.zeros(values.shape[1])
    member = (places[:, np.newaxis] == np.arange(n_classes)).astype(np.float64)
    means = np.einsum("ik,ij->kj", member, values) / member.sum(axis=0)[:, np.newaxis]
    between = np.square(means[places] - values.mean(axis=0)).sum(axis=0) / (n_classes - 1)
    noise = np.square(values - means[places]).sum(axis=0) / (n_rows - n_classes)
    f = np.divide(between, noise, out=np.where(between > 0, np.inf, 0.0), where=noise > 0)
    return np.asarray(-stats.f.logsf(f, n_classes - 1, n_rows - n_classes), dtype=np.float64)


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


def _independence_surety(column: pd.Series, y: FloatArray) -> float:
    table = pd.crosstab(pd.factorize(column)[0], y).to_numpy()
    if min(table.shape) < 2:
        return 0.0
    found = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    return float(-stats.chi2.logsf(found.statistic, found.dof))
