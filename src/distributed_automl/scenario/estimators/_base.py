"""What every candidate is: a search space, a fit, and a fitted model that predicts and comes apart into plain parts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import optuna

from distributed_automl.scenario.design import Design, FloatArray, IntArray

Hyperparameters = Mapping[str, Any]
Parts = dict[str, Any]
"""Plain parts of a model, nested: JSON values, str, numpy arrays (no objects)."""


class Fitted(ABC):
    """A fitted candidate. It predicts from the history that it is given, never from where its training ended."""

    candidate: ClassVar[str]
    """The name of the candidate in CANDIDATES."""

    @abstractmethod
    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        """Predict the target of some rows.

        Args:
            design: canonical rows and their features.
            history: positions whose target may be looked at (forecasting: all of them before the first of `rows`).
            rows: positions to predict, shape (n_rows,).

        Returns:
            Shape (n_rows,), finite float64, in units of the target, not yet clipped to `target_min`. Classification:
            probabilities of the classes of the design's samples, shape (n_rows, n_classes); rows sum to one.
        """

    @property
    def steps_per_row(self) -> int:
        """About how many steps one row's prediction takes, counted in visits of a tree's node; 1 is next to nothing."""
        return 1

    @abstractmethod
    def to_parts(self) -> Parts:
        """Return everything that `from_parts` needs to predict the same values to the last bit."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Rebuild from `to_parts`."""


class Candidate(ABC):
    """One estimator family. Stateless: one instance serves every scenario."""

    name: str
    tasks: frozenset[str]
    uses_features: ClassVar[bool] = True
    """Whether `fit` looks at `columns` of `design.X`."""

    def applies(self, design: Design) -> bool:
        """Return whether this candidate can compete for this scenario at all."""
        return design.samples.problem.task in self.tasks

    def first_votes(self, task: str) -> int:
        """Return the votes that it has in an ensemble before any is given by what the folds say."""
        return 1

    @abstractmethod
    def defaults(self, design: Design) -> Hyperparameters:
        """Return the configuration that is tried first; a point of the space that `suggest` spans."""

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        """Draw a configuration from the search space; without a space there is only the default one."""
        return self.defaults(design)

    @abstractmethod
    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Fitted:
        """Fit on some rows.

        Args:
            design: canonical rows and their features.
            rows: positions to learn from; their target is known.
            columns: the selected columns of `design.X`; ignored unless `uses_features`.
            hyperparameters: as `defaults` or `suggest` gave them; JSON values only.
            seed: of every random draw.
        """


def mean_of(predictions: Sequence[FloatArray]) -> FloatArray:
    """Return the mean of several models' predictions of the same rows.

    One after the other: np.mean adds a single row's values in another order than those of many rows.
    """
    first, *others = predictions
    return sum(others, start=first) / len(predictions)
