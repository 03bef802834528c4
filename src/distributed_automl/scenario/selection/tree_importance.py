"""Votes by what a small gradient boosting uses."""

import numpy as np

from distributed_automl.scenario.selection._base import Ballot, BoolArray, best
from distributed_automl.scenario.selection._trees import boosted, gains


def tree_importance(ballot: Ballot) -> BoolArray:
    """Vote for the features with the greatest total gain; interactions and steps count, unlike in a linear test."""
    everything = np.ones(len(ballot.y), dtype=np.bool_)
    return best(gains(boosted(ballot.codes, ballot, everything, seed=ballot.seed)), ballot.max_features)
