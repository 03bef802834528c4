"""What a selector is: a function that looks at a ballot and votes for features."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.scenario.design import FloatArray

BoolArray = npt.NDArray[np.bool_]
MAX_CLASSES = 8
"""Classes with an indicator of their own where a selector sees a classification as several regressions."""
PRIOR_ROWS = 10.0
"""Rows of the overall mean that the mean of a category starts from."""


@dataclass(frozen=True)
class Ballot:
    """What every selector votes on.

    Attributes:
        X: shape (n_rows, n_features), every column varies; float64 columns and object ones (str or None).
        y: target, shape (n_rows,), finite; in a classification the codes of the classes, from 0.
        task: of the problem.
        held_out: rows that a method may judge by what it learned from the others, shape (n_rows,): the latest ones
            where there is time. Neither they nor the others are empty.
        max_features: votes that a method may give.
        seed: of every random draw.
    """

    X: pd.DataFrame
    y: FloatArray
    task: str
    held_out: BoolArray
    max_features: int
    seed: int

    @property
    def is_classification(self) -> bool:
        return self.task == "classification"

    @property
    def n_classes(self) -> int:
        """Classes of a classification."""
        return int(self.y.max()) + 1

    @cached_property
    def is_number(self) -> BoolArray:
        """Which columns are numbers and not categories, shape (n_features,)."""
        return np.array([self.X[name].dtype != object for name in self.X.columns], dtype=np.bool_)

    @cached_property
    def codes(self) -> FloatArray:
        """Numbers as they are, categories in alphabetical order; NaN is missing. Shape (n_rows, n_features)."""
        columns = [
            column.to_numpy(dtype=np.float64) if is_number else category_codes(column)
            for (_, column), is_number in zip(self.X.items(), self.is_number, strict=True)
        ]
        return np.column_stack(columns)

    @cached_property
    def targets(self) -> FloatArray:
        """What a regression learns: the target, or an indicator of each frequent class. Shape (n_rows, n_targets)."""
        if not self.is_classification:
            return self.y[:, np.newaxis]
        classes, counts = np.unique(self.y, return_counts=True)
        frequent = classes[np.argsort(-counts, kind="stable")[:MAX_CLASSES]]
        if len(classes) == 2:
            frequent = frequent[1:]  # the other one's indicator says the same
        indicators: FloatArray = (self.y[:, np.newaxis] == frequent).astype(np.float64)
        return indicators

    def standardised(self, target: FloatArray, rows: BoolArray) -> FloatArray:
        """Turn every column into one number of mean 0 and variance 1, as learned from some rows.

        Args:
            target: shape (n_rows,); a category becomes its mean over `rows`, shrunk to the overall mean.
            rows: shape (n_rows,), the ones that are learned from.

        Returns:
            Shape (n_rows, n_features); a missing number is the median, a column that does not vary is 0.
        """
        values = np.array(self.codes)
        numbers = values[:, self.is_number]
        known = np.where(np.isfinite(numbers[rows]).any(axis=0), numbers[rows], 0.0)
        values[:, self.is_number] = np.where(np.isnan(numbers), np.nanmedian(known, axis=0), numbers)
        for place in np.flatnonzero(~self.is_number):
            values[:, place] = _category_means(values[:, place], target, rows)
        centre, scale = values[rows].mean(axis=0), values[rows].std(axis=0)
        varies = scale > 1e-9 * np.maximum(np.abs(centre), 1e-9)
        standardised: FloatArray = np.where(varies, values - centre, 0.0) / np.where(varies, scale, 1.0)
        return standardised


class Selector(Protocol):
    """One way to find the features that matter."""

    def __call__(self, ballot: Ballot) -> BoolArray:
        """Vote for at most `ballot.max_features` columns: shape (n_features,), True for a vote."""


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


def _category_means(codes: FloatArray, target: FloatArray, rows: BoolArray) -> FloatArray:
    """Return the mean target of each row's category over `rows`; missing is a category, an unseen one the mean."""
    places = np.where(np.isnan(codes), 0, codes + 1).astype(np.intp)
    n_categories = int(places.max()) + 1
    counts = np.bincount(places[rows], minlength=n_categories)
    sums = np.bincount(places[rows], weights=target[rows], minlength=n_categories)
    means: FloatArray = (sums + PRIOR_ROWS * target[rows].mean()) / (counts + PRIOR_ROWS)
    return means[places]
