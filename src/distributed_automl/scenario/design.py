"""What the stages of a fit hand to each other: canonical samples, splits, and the design that candidates learn from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.parameters import Problem

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Kind = Literal["numeric", "categorical", "datetime"]
Kinds = Mapping[str, Kind]
Timestamp = pd.Timestamp | int

SERIES_COL = "__series__"
"""Column of the canonical frame: the series' name inside the scenario ("" when there is one)."""
ROW_COL = "__row__"
"""Column of the canonical frame: position of the row in the frame that came in; -1 for a period that was absent."""


@dataclass(frozen=True)
class Samples:
    """The rows of one scenario in canonical form.

    Attributes:
        scenario_id: whose rows these are.
        problem: the use case.
        frame: shape (n_samples, ...), RangeIndex. Forecasting: sorted by series and timestamp, every series without a
            gap. Tabular: sorted by sample id. Columns: SERIES_COL (str), ROW_COL (int64), the timestamp (forecasting;
            datetime64[ns] or int64), the target (float64, NaN where unknown), the sample id (tabular), the scenario
            and series keys (str), and one column per entry of `kinds`.
        kinds: feature column -> "numeric" (float64, NaN is missing), "categorical" (object of str or None) or
            "datetime" (datetime64[ns]).
        season: steps of the season; 1 is none.
    """

    scenario_id: str
    problem: Problem
    frame: pd.DataFrame
    kinds: Kinds
    season: int = 1

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def y(self) -> FloatArray:
        """Target, shape (n_samples,); NaN where it is unknown."""
        return self.frame[self.problem.target].to_numpy(dtype=np.float64)

    @property
    def timestamps(self) -> pd.Series:
        """Timestamps, shape (n_samples,). Forecasting only."""
        if self.problem.timestamp is None:
            raise ValueError("a tabular problem has no timestamps")
        return self.frame[self.problem.timestamp]


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge by, as positions into the canonical frame, ascending.

    Attributes:
        name: "fold_1", "fold_2", ... (oldest first) or "holdout".
        train: positions with a known target.
        valid: positions with a known target, none of them in `train`.
        cutoff: last timestamp that `train` may know of; None in tabular tasks.
    """

    name: str
    train: IntArray
    valid: IntArray
    cutoff: Timestamp | None = None


@dataclass(frozen=True)
class Splits:
    """Folds for every choice, and the holdout that only the final score sees."""

    folds: tuple[Split, ...]
    holdout: Split


class Predictor(Protocol):
    """Whatever predicts rows of a design from a history, as `Fitted.predict` does."""

    def predict(self, design: "Design", history: IntArray, rows: IntArray) -> FloatArray: ...


@dataclass(frozen=True)
class Design:
    """What a candidate learns from and predicts with.

    Attributes:
        samples: canonical rows.
        X: synthesized features, shape (n_samples, n_features), same index as `samples.frame`; float64 columns and
            categorical ones (object of str or None).
        pooled: what similar scenarios teach, if there is anything: a vintage of their pooled model that knows nothing
            of the rows to be judged.
    """

    samples: Samples
    X: pd.DataFrame
    pooled: Predictor | None = field(default=None, repr=False)
