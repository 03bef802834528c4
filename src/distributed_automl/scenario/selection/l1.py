"""Votes by which coefficients a linear model under an L1 penalty keeps."""

import warnings

import numpy as np

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray, best

N_PENALTIES = 20
SMALLEST_PENALTY = 0.01
"""The weakest penalty of the path, as a share of the one that keeps nothing."""


def l1(ballot: Ballot) -> BoolArray:
    """Vote for the largest coefficients at the penalty that serves the held-out rows best.

    A classification is one regression per class, of its indicator: the same path for two classes or ten.
    """
    scores = np.zeros(ballot.X.shape[1])
    for target in ballot.targets.T:
        scores = np.maximum(scores, np.abs(_coefficients(ballot, target)))
    return best(scores, ballot.max_features)


def _coefficients(ballot: Ballot, target: FloatArray) -> FloatArray:
    """Return one coefficient per feature, per standard deviations of both sides; zeros if nothing helps."""
    learned = ~ballot.held_out
    spread = float(target[learned].std())
    if spread == 0.0:
        return np.zeros(ballot.X.shape[1])
    X = ballot.standardised(target, learned)
    y = (target - target[learned].mean()) / spread
    path = _path(X[learned], y[learned])
    errors = y[ballot.held_out, np.newaxis] - np.einsum("ij,jk->ik", X[ballot.held_out], path)
    return np.asarray(path[:, int(np.argmin(np.square(errors).mean(axis=0)))])


def _path(X: FloatArray, y: FloatArray) -> FloatArray:
    """Return the coefficients at every penalty, the strongest (all zero) first. Shape (n_features, N_PENALTIES).

    The sums over rows are made by einsum and not by BLAS, so that they do not depend on the number of its threads.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lasso_path

    gram, moments = np.einsum("ij,ik->jk", X, X), np.einsum("ij,i->j", X, y)
    strongest = float(np.abs(moments).max()) / len(y)
    if strongest == 0.0:
        return np.zeros((X.shape[1], 1))
    penalties = strongest * np.geomspace(1.0, SMALLEST_PENALTY, N_PENALTIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the order of the coefficients is settled long before
        _, path, _ = lasso_path(
            np.asfortranarray(X), y, alphas=penalties, precompute=gram, Xy=moments, max_iter=200, tol=1e-3
        )
    return np.asarray(path, dtype=np.float64)
