"""Feature columns as numbers: medians for what is missing, codes or indicators for categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from distributed_automl.scenario.columns import LARGEST
from distributed_automl.scenario.design import FloatArray

MAX_INDICATORS = 20
"""Categories of one column that get an indicator of their own, the most frequent first."""
MISSING_CODE = 0.0


@dataclass(frozen=True)
class Encoding:
    """What was learned of some columns. It never looks at other columns, and never at a target.

    Attributes:
        columns: in order.
        medians: numeric column -> value for what is missing (0 for a column without any value).
        categories: categorical column -> known values, the most frequent first.
    """

    columns: tuple[str, ...]
    medians: Mapping[str, float]
    categories: Mapping[str, Sequence[str]]

    def codes(self, X: pd.DataFrame) -> FloatArray:
        """Encode for trees that know missing values: numbers stay (NaN too), categories become ordinal codes.

        Code 0 is a missing category, 1..n are the known ones, n + 1 is a category that was never seen.

        Returns:
            Shape (n_rows, n_columns), column after column in memory, as trees bin it.
        """
        encoded = np.empty((len(X), len(self.columns)), order="F")
        for i, name in enumerate(self.columns):
            encoded[:, i] = self._codes_of(name, X[name])
        return encoded

    def imputed(self, X: pd.DataFrame) -> FloatArray:
        """Encode like `codes`, with the medians where a number is missing. No NaN. Shape (n_rows, n_columns).

        Row after row in memory: only then is a sum over a row the same alone and among others.
        """
        encoded = np.ascontiguousarray(self.codes(X))
        medians = np.array([self.medians.get(name, MISSING_CODE) for name in self.columns])
        return np.where(np.isnan(encoded), medians, encoded)

    def indicators(self, X: pd.DataFrame) -> FloatArray:
        """Encode for linear models: imputed numbers, then 0/1 indicators of the most frequent categories. No NaN.

        Returns:
            Shape (n_rows, n_numeric + n_indicators).
        """
        encoded = self.imputed(X)
        blocks = [self._expanded(name, encoded[:, i]) for i, name in enumerate(self.columns)]
        return np.concatenate(blocks, axis=1) if blocks else np.empty((len(X), 0))

    def to_parts(self) -> dict[str, Any]:
        """Return plain values."""
        categories = {name: list(known) for name, known in self.categories.items()}
        return {"columns": list(self.columns), "medians": dict(self.medians), "categories": categories}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(tuple(parts["columns"]), parts["medians"], parts["categories"])

    def _codes_of(self, name: str, values: pd.Series) -> FloatArray:
        if name in self.medians:
            return _numbers(values)
        known = pd.Index(np.array(self.categories[name], dtype=object))
        codes = known.get_indexer(pd.Index(values.to_numpy(dtype=object))).astype(np.float64) + 1.0
        codes[codes == 0.0] = len(known) + 1.0
        codes[values.isna().to_numpy()] = MISSING_CODE
        return codes

    def _expanded(self, name: str, encoded: FloatArray) -> FloatArray:
        if name in self.medians:
            return encoded[:, np.newaxis]
        n_indicators = min(len(self.categories[name]), MAX_INDICATORS)
        indicators: FloatArray = (encoded[:, np.newaxis] == np.arange(1, n_indicators + 1)).astype(np.float64)
        return indicators


def learn_encoding(X: pd.DataFrame, columns: Sequence[str]) -> Encoding:
    """Learn medians and categories from the rows of `X`.

    Args:
        X: shape (n_rows, ...): numeric columns, or objects of str and None.
        columns: the ones to encode, in order.

    Raises:
        ValueError: a column is not in `X`.
    """
    absent = [name for name in columns if name not in X.columns]
    if absent:
        raise ValueError(f"the columns {absent} are not in the design; it has {list(X.columns)}")
    numeric = [name for name in columns if pd.api.types.is_numeric_dtype(X[name].dtype)]
    medians = {name: _median(_numbers(X[name])) for name in numeric}
    categories = {name: _by_frequency(X[name]) for name in columns if name not in medians}
    return Encoding(tuple(columns), medians, categories)


def _numbers(values: pd.Series) -> FloatArray:
    numbers: FloatArray = np.clip(values.to_numpy(dtype=np.float64, na_value=np.nan), -LARGEST, LARGEST)
    return numbers


def _median(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else 0.0


def _by_frequency(values: pd.Series) -> list[str]:
    """Known values, the most frequent first, ties by name: the order of the rows does not matter."""
    counts = values.dropna().astype(str).value_counts()
    return sorted(counts.index, key=lambda value: (-counts[value], value))
