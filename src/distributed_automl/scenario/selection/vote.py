"""The table of selectors, and how their votes choose the features."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.parameters import Selection
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection._base import Ballot, BoolArray, Selected, Selector
from distributed_automl.scenario.selection.boruta import boruta
from distributed_automl.scenario.selection.correlation import correlation
from distributed_automl.scenario.selection.l1 import l1
from distributed_automl.scenario.selection.mutual_information import mutual_information
from distributed_automl.scenario.selection.permutation import permutation
from distributed_automl.scenario.selection.sequential import sequential
from distributed_automl.scenario.selection.tree_importance import tree_importance
from distributed_automl.scenario.selection.univariate import univariate

SELECTORS: Mapping[str, Selector] = {
    "univariate": univariate,
    "correlation": correlation,
    "mutual_information": mutual_information,
    "l1": l1,
    "sequential": sequential,
    "tree_importance": tree_importance,
    "permutation": permutation,
    "boruta": boruta,
}
"""Name -> selector, from the cheapest to the costliest kind. A new one costs a file and a line here."""

MIN_KNOWN_SHARE = 0.05
"""Share of the rows in which a feature must be known."""
HELD_OUT_SHARE = 0.25
"""Share of the rows that a method may judge by."""


def select(
    X: pd.DataFrame, y: FloatArray, selection: Selection, *, task: str, order: FloatArray, seed: int
) -> Selected:
    """Choose features by vote.

    Args:
        X: features of the rows to learn from, shape (n_rows, n_features); float64 and object (str or None) columns.
        y: their target, shape (n_rows,), finite; codes of the classes in a classification.
        selection: the methods that vote, how many votes keep a feature, how many features a method may vote for.
        task: of the problem.
        order: what the rows are cut by, shape (n_rows,): methods that judge do so by those with the greatest values.
        seed: of every random draw.

    Returns:
        The columns with enough votes. If no column has enough, those with the most votes; if no method votes at all,
        every usable column. Constant, all-null and doubled columns never pass.

    Raises:
        ValueError: a method is unknown.
    """
    unknown = sorted(set(selection.methods) - set(SELECTORS))
    if unknown:
        raise ValueError(f"unknown selection methods {unknown}: expected some of {sorted(SELECTORS)}")
    usable = usable_columns(X)
    if not usable:
        return Selected([], {name: [] for name in selection.methods})
    ballot = Ballot(X[usable], y, task, held_out(order), selection.max_features, seed)
    masks = {name: SELECTORS[name](ballot) for name in selection.methods}
    votes = np.sum([*masks.values(), np.zeros(len(usable), dtype=np.intp)], axis=0)
    enough = min(selection.min_votes, int(votes.max()))
    columns = [name for name, count in zip(usable, votes, strict=True) if count >= enough]
    return Selected(columns, {name: list(ballot.X.columns[mask]) for name, mask in masks.items()})


def held_out(order: FloatArray) -> BoolArray:
    """Return the rows to judge by, shape (n_rows,): the last quarter; rows of one time or group stay together.

    Args:
        order: shape (n_rows,), at least two rows. If all are of one time, the last ones as they stand are taken.
    """
    n_rows = len(order)
    start = np.sort(order)[min(round((1.0 - HELD_OUT_SHARE) * n_rows), n_rows - 1)]
    if start == order.min():
        return np.arange(n_rows) >= n_rows - max(1, round(HELD_OUT_SHARE * n_rows))
    return np.asarray(order >= start)


def usable_columns(X: pd.DataFrame) -> list[str]:
    """Return the columns that vary, each set of values once, and known in enough rows to learn anything from.

    A column whose few known values differ looks like a strong feature by chance. If all varying columns are that
    sparse, they stay.
    """
    usable = _without_copies(X)
    enough = MIN_KNOWN_SHARE * len(X)
    known = [name for name, values in usable.items() if pd.notna(values).sum() >= enough]
    return known or list(usable)


def _without_copies(X: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return the columns with more than one value (missing counts as one) that do not repeat an earlier column."""
    seen: set[bytes] = set()
    kept = {}
    for name, column in X.items():
        values = column.to_numpy()
        codes = pd.factorize(values)[0]
        content = (codes if values.dtype == object else values).tobytes()
        if len(codes) > 0 and (codes != codes[0]).any() and content not in seen:
            seen.add(content)
            kept[str(name)] = values
    return kept
