"""What a selector is: a function that votes for features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.scenario.design import FloatArray

BoolArray = npt.NDArray[np.bool_]


class Selector(Protocol):
    """One way to find the features that matter."""

    def __call__(self, X: pd.DataFrame, y: FloatArray, *, seed: int, max_features: int) -> BoolArray:
        """Vote for at most `max_features` columns.

        Args:
            X: shape (n_rows, n_features), every column varies; float64 columns and object ones (str or None).
            y: target, shape (n_rows,), finite.
            seed: of every random draw.
            max_features: votes that may be given.

        Returns:
            Shape (n_features,), True for a vote.
        """


@dataclass(frozen=True)
class Selected:
    """The features that a scenario's candidates learn from.

    Attributes:
        columns: names in the order of X; never empty if any column of X varies.
        votes: method -> the columns that it voted for.
    """

    columns: list[str]
    votes: Mapping[str, list[str]]


def best(scores: FloatArray, max_features: int) -> BoolArray:
    """Mark the highest scores above zero, at most `max_features`; the earlier column wins a tie.

    Args:
        scores: shape (n_features,), greater is better; NaN counts as zero.
        max_features: how many may be marked.
    """
    scores = np.nan_to_num(scores, nan=0.0)
    ranked = np.argsort(-scores, kind="stable")[:max_features]
    mask = np.zeros(len(scores), dtype=np.bool_)
    mask[ranked[scores[ranked] > 0.0]] = True
    return mask


def category_codes(column: pd.Series) -> FloatArray:
    """Number the categories in alphabetical order; NaN where the value is missing."""
    codes = pd.factorize(column, sort=True)[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)
