"""What the tabular candidates share: encode the features, transform the target, regress, and turn it back.

How the learners cover the horizon is the strategy's.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from distributed_automl.scenario.design import GAP_COL, Design, FloatArray, IntArray
from distributed_automl.scenario.encoding import Encoding, learn_encoding
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.estimators._strategies import DIRECT, STRATEGIES, Portion
from distributed_automl.scenario.recency import recency_weights
from distributed_automl.scenario.silence import left_of_demand
from distributed_automl.scenario.target_transforms import FittedTransform, learn_transform

EXTRAPOLATION = 0.5
"""How far a prediction may leave the transformed targets that were learned from, as a share of their range."""


class Regressor(ABC):
    """Numbers in, numbers out: a learned function of an encoded matrix."""

    @abstractmethod
    def predict(self, X: FloatArray) -> FloatArray:
        """Predict from shape (n_rows, n_encoded); a row's value depends on that row alone.

        Returns:
            Shape (n_rows,); where classes were learned their probabilities, shape (n_rows, n_classes).
        """

    @property
    def steps_per_row(self) -> int:
        """See Fitted.steps_per_row."""
        return 1

    @abstractmethod
    def to_parts(self) -> Parts:
        """Return plain parts."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Rebuild from `to_parts`."""


@dataclass(frozen=True)
class Learner:
    """A regressor between an encoding of the features and a transform of the target.

    Attributes:
        gap: of the features and of the transform: periods before a row of which nothing is known; where it learned
            from several, the longest.
        series: whose rows alone it learned from; None: of all.
        encoding: of the selected columns.
        transform: of the target.
        lowest: smallest transformed value that may be predicted.
        highest: largest one.
        regressor: from encoded features to the transformed target.
    """

    gap: int
    series: str | None
    encoding: Encoding
    transform: FittedTransform
    lowest: float
    highest: float
    regressor: Regressor

    def to_parts(self) -> Parts:
        """Return plain parts."""
        return {
            "gap": self.gap,
            "series": self.series,
            "encoding": self.encoding.to_parts(),
            "transform": self.transform.to_parts(),
            "lowest": self.lowest,
            "highest": self.highest,
            "regressor": self.regressor.to_parts(),
        }

    @classmethod
    def from_parts(cls, parts: Parts, regressor_type: type[Regressor]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(
            gap=parts["gap"],
            series=parts["series"],
            encoding=Encoding.from_parts(parts["encoding"]),
            transform=FittedTransform.from_parts(parts["transform"]),
            lowest=parts["lowest"],
            highest=parts["highest"],
            regressor=regressor_type.from_parts(parts["regressor"]),
        )


@dataclass(frozen=True)
class FittedRegressor(Fitted):
    """Learners, and the strategy by which they cover the horizon.

    Attributes:
        strategy: in STRATEGIES.
        learners: as the strategy needs them.
    """

    regressor_type: ClassVar[type[Regressor]]

    strategy: str
    learners: tuple[Learner, ...]

    @staticmethod
    @abstractmethod
    def encode(encoding: Encoding, X: pd.DataFrame) -> FloatArray:
        """Encode features the way this family likes them."""

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        if not len(rows):
            return np.empty(0)
        predicted = STRATEGIES[self.strategy].predict(self, design, history, rows)
        return predicted * left_of_demand(design.samples, history, rows)

    def predict_with(
        self, learner: Learner, design: Design, *, gap: int, known: FloatArray, rows: IntArray
    ) -> FloatArray:
        """Predict some rows with one learner, shape (n_rows,).

        Args:
            learner: one of `learners`.
            design: canonical rows and their features.
            gap: of the features that the rows are predicted from.
            known: target of all samples, NaN where it may not be looked at.
            rows: positions to predict.
        """
        transform = replace(learner.transform, gap=gap)
        reference = transform.reference(design.samples, known, rows)
        seen = as_seen(design.at(gap).iloc[rows], learner.encoding.columns, design.target_sized, transform, reference)
        encoded = with_a_column(self.encode(learner.encoding, seen))
        z = np.clip(learner.regressor.predict(encoded), learner.lowest, learner.highest)
        return transform.inverse(z, reference)

    @property
    def steps_per_row(self) -> int:
        return max(one.regressor.steps_per_row for one in self.learners)

    def to_parts(self) -> Parts:
        return {"strategy": self.strategy, "learners": [one.to_parts() for one in self.learners]}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        learners = tuple(Learner.from_parts(one, cls.regressor_type) for one in parts["learners"])
        return cls(parts["strategy"], learners)


class RegressorCandidate(Candidate):
    """A candidate that learns a transformed target from encoded features."""

    tasks = frozenset({"forecasting", "regression"})
    fitted_type: ClassVar[type[FittedRegressor]]

    @abstractmethod
    def learn(
        self, X: FloatArray, z: FloatArray, *, weights: FloatArray | None, hyperparameters: Hyperparameters, seed: int
    ) -> Regressor:
        """Learn the transformed target.

        Args:
            X: encoded features, shape (n_rows, n_encoded).
            z: transformed target, shape (n_rows,).
            weights: of the rows, shape (n_rows,), 1 on average; None: all count alike.
            hyperparameters: as `defaults` or `suggest` gave them.
            seed: of every random draw.
        """

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedRegressor:
        strategy = hyperparameters.get("strategy", DIRECT)
        learners = (
            self.fit_learner(design, portion, columns=columns, hyperparameters=hyperparameters, seed=seed)
            for portion in STRATEGIES[strategy].portions(design, rows)
        )
        return self.fitted_type(strategy, tuple(learners))

    def fit_learner(
        self, design: Design, portion: Portion, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Learner:
        """Fit one learner on what a strategy gives it."""
        samples, target_transform = design.samples, hyperparameters["target_transform"]
        rows = np.concatenate(list(portion.rows_by_gap.values()))
        learned = learn_transform(target_transform, samples, rows, gap=max(portion.rows_by_gap))
        gaps_differ = len(portion.rows_by_gap) > 1 and (learned.looks_back or looks_back(design, columns))
        seen_columns = [*columns, GAP_COL] if gaps_differ else list(columns)
        seen, targets = [], []
        for gap, own in portion.rows_by_gap.items():
            transform = replace(learned, gap=gap)
            reference = transform.reference(samples, samples.y, own)
            X = design.at(gap).iloc[own]
            seen.append(as_seen(X, seen_columns, design.target_sized, transform, reference))
            targets.append(transform.forward(samples.y[own], reference))
        X, z = pd.concat(seen), np.concatenate(targets)
        encoding = learn_encoding(X, seen_columns)
        encoded = with_a_column(self.fitted_type.encode(encoding, X))
        weights = recency_weights(samples, rows, hyperparameters.get("half_life"))
        regressor = self.learn(encoded, z, weights=weights, hyperparameters=hyperparameters, seed=seed)
        margin = EXTRAPOLATION * float(np.ptp(z))
        lowest, highest = float(z.min()) - margin, float(z.max()) + margin
        return Learner(max(portion.rows_by_gap), portion.series, encoding, learned, lowest, highest, regressor)


def looks_back(design: Design, columns: Sequence[str]) -> bool:
    """Return whether any of the columns depends on how fresh the past is that it sees."""
    names = list(columns)
    return not design.at(design.gaps[0])[names].equals(design.X[names])


def as_seen(
    X: pd.DataFrame,
    columns: Sequence[str],
    target_sized: frozenset[str],
    transform: FittedTransform,
    reference: FloatArray,
) -> pd.DataFrame:
    """Return features as a learner sees them: its columns, resized, and the gap if that is one of them.

    Args:
        X: features of some rows at the transform's gap.
        columns: of the learner.
        target_sized: columns in units of the target.
        transform: of the target.
        reference: of the rows.
    """
    own = X[[name for name in columns if name != GAP_COL]]
    sized = resized(own, target_sized, transform, reference)
    return sized.assign(**{GAP_COL: float(transform.gap)}) if GAP_COL in columns else sized


def resized(
    X: pd.DataFrame, target_sized: frozenset[str], transform: FittedTransform, reference: FloatArray
) -> pd.DataFrame:
    """Return the features, those in units of the target as multiples of the level where the target is learned so.

    What is learned then is free of the level, and holds for series of any size.
    """
    if not transform.uses_level:
        return X
    sized = [name for name in X.columns if name in target_sized]
    return X.assign(**{name: X[name].to_numpy() / reference for name in sized})


def with_a_column(encoded: FloatArray) -> FloatArray:
    """Return `encoded`, or a column of zeros if it has none: libraries want one."""
    return encoded if encoded.shape[1] else np.zeros((len(encoded), 1))
