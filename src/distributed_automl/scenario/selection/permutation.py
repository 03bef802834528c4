"""Votes by how much worse the held-out rows are predicted when a feature is shuffled among them."""

from typing import Any

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray, best
from distributed_automl.scenario.selection._trees import boosted, gains, is_multiclass

N_REPEATS = 3
MAX_JUDGED = 200
"""Held-out rows that are predicted at most, evenly spread."""
TINY = 1e-12


def permutation(ballot: Ballot) -> BoolArray:
    """Vote for the features whose shuffling costs most, where it costs more than the repeats differ.

    Breiman (2001), "Random forests", section 10, on rows that the trees have not seen.
    """
    booster = boosted(ballot.codes, ballot, ~ballot.held_out, seed=ballot.seed)
    used = np.flatnonzero(gains(booster) > 0.0)
    scores = np.zeros(ballot.X.shape[1])
    if len(used):
        scores[used] = _losses_added(booster, ballot, used)
    return best(scores, ballot.max_features)


def _losses_added(booster: Any, ballot: Ballot, used: IntArray) -> FloatArray:
    """Return what shuffling each of some columns adds to the loss, less its standard error. Shape (n_used,)."""
    rows = np.flatnonzero(ballot.held_out)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(MAX_JUDGED, len(rows))).astype(np.intp))]
    plain, actual = ballot.codes[rows], ballot.y[rows]
    rng = np.random.default_rng(ballot.seed)
    shuffled = np.tile(plain, (N_REPEATS * len(used), 1, 1))
    for number, block in enumerate(shuffled):
        place = used[number % len(used)]
        block[:, place] = plain[rng.permutation(len(rows)), place]
    predicted = np.asarray(booster.predict(shuffled.reshape(-1, plain.shape[1]), num_threads=1))
    predicted = predicted.reshape(N_REPEATS, len(used), len(rows), *predicted.shape[1:])
    before = _losses(np.asarray(booster.predict(plain, num_threads=1)), actual, ballot)
    added = (_losses(predicted, actual, ballot) - before).mean(axis=-1)
    return np.asarray(added.mean(axis=0) - added.std(axis=0) / np.sqrt(N_REPEATS))


def _losses(predicted: FloatArray, actual: FloatArray, ballot: Ballot) -> FloatArray:
    """Return the loss of each row, the last axis: squared error, or minus the logarithm of the class's probability."""
    if not ballot.is_classification:
        return np.asarray(np.square(predicted - actual))
    if is_multiclass(ballot):
        likely = predicted[..., np.arange(len(actual)), actual.astype(np.intp)]
    else:
        likely = np.where(actual == 1.0, predicted, 1.0 - predicted)
    return np.asarray(-np.log(np.maximum(likely, TINY)))
