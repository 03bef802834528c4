"""Votes by how surely a feature goes with the target, for one of several that say the same."""

import numpy as np

from distributed_automl.scenario.selection._base import Ballot, BoolArray
from distributed_automl.scenario.selection.univariate import sureties

REDUNDANT = 0.95
"""Correlation with a chosen feature above which another one says nothing new."""


def correlation(ballot: Ballot) -> BoolArray:
    """Vote for the surest feature, then for the next one that does not repeat a chosen one, and so on.

    A vote by relevance alone spends all votes on neighbouring lags and windows.
    """
    relevance = np.nan_to_num(sureties(ballot), nan=0.0)
    everything = np.ones(len(ballot.y), dtype=np.bool_)
    values = ballot.standardised(ballot.targets[:, 0], everything)
    chosen: list[int] = []
    for place in np.argsort(-relevance, kind="stable"):
        if relevance[place] <= 0.0 or len(chosen) == ballot.max_features:
            break
        repeats = np.abs(np.einsum("i,ij->j", values[:, place], values[:, chosen])) / len(values)
        if not (repeats > REDUNDANT).any():
            chosen.append(int(place))
    mask = np.zeros(len(relevance), dtype=np.bool_)
    mask[chosen] = True
    return mask
