"""Votes by forward selection: the feature that helps a ridge regression most, then the next, while it helps."""

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray

MAX_STEPS = 15
"""Features that are chosen at most, whatever the votes: each step costs a small system per feature left."""
PENALTY = 0.01
"""Of the ridge, per row, for standardised features."""
LEAST_GAIN = 0.005
"""Share of the held-out error by which a further feature must lower it."""


def sequential(ballot: Ballot) -> BoolArray:
    """Vote for the features that, one after another, lower the error on the held-out rows most.

    Learned on the other rows. All is done on matrices of products, so that a step does not touch the rows again.
    """
    sums = [_Sums(ballot, target) for target in ballot.targets.T]
    chosen: list[int] = []
    error = sum(one.total for one in sums)
    for _ in range(min(MAX_STEPS, ballot.max_features, ballot.X.shape[1])):
        left = np.setdiff1d(np.arange(ballot.X.shape[1]), chosen)
        errors = np.sum([one.errors_with(chosen, left) for one in sums], axis=0)
        pick = int(np.argmin(errors))
        if not errors[pick] < (1.0 - LEAST_GAIN) * error:
            break
        chosen.append(int(left[pick]))
        error = float(errors[pick])
    mask = np.zeros(ballot.X.shape[1], dtype=np.bool_)
    mask[chosen] = True
    return mask


class _Sums:
    """Products of one target's regression, over the rows that are learned from and over those that judge."""

    def __init__(self, ballot: Ballot, target: FloatArray) -> None:
        learned = ~ballot.held_out
        X = ballot.standardised(target, learned)
        y = target - target[learned].mean()
        self.gram, self.moments = _products(X[learned], y[learned])
        self.judged_gram, self.judged_moments = _products(X[ballot.held_out], y[ballot.held_out])
        self.total = float(np.square(y[ballot.held_out]).sum())
        self.n_learned = int(learned.sum())

    def errors_with(self, chosen: list[int], left: IntArray) -> FloatArray:
        """Return the squared error on the judging rows with each further feature, shape (n_left,)."""
        sets = np.column_stack([np.tile(np.array(chosen, dtype=np.intp), (len(left), 1)), left])
        rows, columns = sets[:, :, np.newaxis], sets[:, np.newaxis, :]
        penalised = self.gram[rows, columns] + PENALTY * self.n_learned * np.eye(sets.shape[1])
        coefficients = np.linalg.solve(penalised, self.moments[sets][..., np.newaxis])[..., 0]
        explained = 2.0 * np.einsum("ij,ij->i", coefficients, self.judged_moments[sets])
        spread = np.einsum("ij,ijk,ik->i", coefficients, self.judged_gram[rows, columns], coefficients)
        return np.asarray(self.total - explained + spread)


def _products(X: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.einsum("ij,ik->jk", X, X), np.einsum("ij,i->j", X, y)
