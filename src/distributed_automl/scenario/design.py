"""What the stages of a fit hand to each other: canonical samples, splits, and the design that candidates learn from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
GAP_COL = "__gap__"
"""Column that a learner of several gaps sees beside the features: how fresh the past of a row is, in periods."""


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
        classes: classification: the classes' labels, sorted; the target holds their positions here. Else empty.
    """

    scenario_id: str
    problem: Problem
    frame: pd.DataFrame
    kinds: Kinds
    season: int = 1
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def y(self) -> FloatArray:
        """Target, in classification the class's code, shape (n_samples,); NaN where it is unknown."""
        return self.frame[self.problem.target].to_numpy(dtype=np.float64)

    @property
    def observed(self) -> tuple[str, ...]:
        """Feature columns of which only the past may be used. Forecasting only."""
        given = {*self.problem.known_in_advance, *self.problem.static}
        return tuple(name for name in self.kinds if name not in given)

    def continued(self, history: IntArray, y: FloatArray) -> "Samples":
        """Return the samples with another target, and without what was observed after the history.

        Args:
            history: positions; observed columns are kept up to the latest of them.
            y: target, shape (n_samples,).
        """
        unknown = (self.timestamps > self.timestamps.iloc[history].max()).to_numpy()
        hidden = {name: self.frame[name].mask(unknown) for name in self.observed}
        return replace(self, frame=self.frame.assign(**{self.problem.target: y}, **hidden))

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
        strata: scenario -> digest of what its stratified parts follow from; empty if a row's own name is all.
    """

    name: str
    train: IntArray
    valid: IntArray
    cutoff: Timestamp | None = None
    strata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Splits:
    """Folds for every choice, and the holdout that only the final score sees."""

    folds: tuple[Split, ...]
    holdout: Split

    def of_strata(self, strata: Mapping[str, str]) -> "Splits":
        """Return the same splits, with what their stratified parts follow from."""
        return Splits(tuple(replace(fold, strata=strata) for fold in self.folds), replace(self.holdout, strata=strata))


class Predictor(Protocol):
    """Whatever predicts rows of a design from a history, as `Fitted.predict` does."""

    def predict(self, design: "Design", history: IntArray, rows: IntArray) -> FloatArray: ...


class Teacher(Predictor, Protocol):
    """A predictor that is a mean of members, each of which may be asked alone."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def member(self, label: str | None) -> Predictor: ...


class FresherFeatures(Protocol):
    """Features that see the past up to other gaps than the horizon, as `synthesize` makes them."""

    @property
    def gaps(self) -> tuple[int, ...]:
        """Gaps that features are defined for, ascending; the last is the horizon."""

    def at(self, samples: Samples, gap: int) -> pd.DataFrame:
        """Return the features of samples at one of the gaps, shape (n_samples, n_features)."""


@dataclass(frozen=True)
class Design:
    """What a candidate learns from and predicts with.

    Attributes:
        samples: canonical rows.
        X: synthesized features, shape (n_samples, n_features), same index as `samples.frame`; float64 columns and
            categorical ones (object of str or None).
        pooled: what similar scenarios teach, if there is anything: a vintage of their pooled model that knows nothing
            of the rows to be judged.
        quantile: of the target, that the objective is best served by; None: none in particular, a mean or a median.
        fresher: features at fresher gaps; None: there are none but X.
        target_sized: columns of X that are in units of the target: they grow as it does.
        of_the_year: columns of X that say where in the year, or in which one, a row lies.
    """

    samples: Samples
    X: pd.DataFrame
    pooled: Teacher | None = field(default=None, repr=False)
    quantile: float | None = None
    fresher: FresherFeatures | None = field(default=None, repr=False, compare=False)
    target_sized: frozenset[str] = frozenset()
    of_the_year: frozenset[str] = frozenset()

    @property
    def gaps(self) -> tuple[int, ...]:
        """Gaps that there are features for, ascending; the last is the horizon."""
        return self.fresher.gaps if self.fresher and self.fresher.gaps else (self.samples.problem.horizon,)

    def at(self, gap: int) -> pd.DataFrame:
        """Return the features at one of the gaps, shape (n_samples, n_features); the same columns as X.

        A design that was continued has those of one gap, and returns them whatever gap is named.
        """
        return self.X if self.fresher is None or gap == self.gaps[-1] else self.fresher.at(self.samples, gap)

    def continued(self, history: IntArray, y: FloatArray, gap: int) -> "Design":
        """Return the design as it were if a target had come true, and nothing else after the history were known.

        Args:
            history: positions; observed columns may be looked at up to the latest of them.
            y: target of all samples, known or supposed, NaN elsewhere, shape (n_samples,).
            gap: of the features; the design returned has no others.
        """
        samples = self.samples.continued(history, y)
        X = self.X if self.fresher is None else self.fresher.at(samples, gap)
        return replace(self, samples=samples, X=X, fresher=None)
