"""Votes for the features that beat shuffled copies of themselves and of all others."""

import numpy as np
from scipy import stats

from distributed_automl.scenario.selection._base import Ballot, BoolArray, best
from distributed_automl.scenario.selection._trees import boosted, gains

N_ROUNDS = 5
N_TREES = 12
DOUBT = 0.05
"""Probability with which a feature that beats the best shadow in half of all rounds passes by chance."""


def boruta(ballot: Ballot) -> BoolArray:
    """Vote for the features that were worth more than the best shadow in significantly many rounds.

    A shadow is a column with its rows shuffled. Kursa and Rudnicki (2010), "Feature selection with the Boruta package",
    section 2, with boosted trees for the forest and without the successive removal of features.
    """
    n_rows, n_features = ballot.codes.shape
    everything = np.ones(n_rows, dtype=np.bool_)
    rng = np.random.default_rng(ballot.seed)
    hits, shares = np.zeros(n_features), np.zeros(n_features)
    for number in range(N_ROUNDS):
        shadows = rng.permuted(ballot.codes, axis=0)
        booster = boosted(
            np.hstack([ballot.codes, shadows]), ballot, everything, n_trees=N_TREES, seed=ballot.seed + number
        )
        found = gains(booster)
        hits += found[:n_features] > found[n_features:].max()
        shares += found[:n_features] / max(1.0, float(found.sum()))
    enough = float(stats.binom.isf(DOUBT, N_ROUNDS, 0.5)) + 1.0
    return best(np.where(hits >= enough, shares, 0.0), ballot.max_features)
