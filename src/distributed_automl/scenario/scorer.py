"""The objective over folds: what predictions of their validation rows are worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from distributed_automl.parameters import Costs
from distributed_automl.scenario.classes import class_costs, decide, decision_weights
from distributed_automl.scenario.design import SERIES_COL, FloatArray, IntArray, Samples
from distributed_automl.scenario.folds import Fold, actuals
from distributed_automl.scenario.members import clip
from distributed_automl.scenario.metrics import gain, is_defined
from distributed_automl.scenario.outcome import Outcome
from distributed_automl.scenario.shift import learn_shift, target_quantile


@dataclass(frozen=True)
class Scorer:
    """Judges predictions of the folds' validation rows, pooled over the folds."""

    objective: str
    costs: Costs
    naive_error: float = math.nan
    naive_rmse: float = math.nan

    def outcome(self, folds: Sequence[Fold], predicted: FloatArray, *, decision: FloatArray | None = None) -> Outcome:
        """Pair predictions, concatenated in the folds' order, with what came true.

        Args:
            folds: where the predictions were made.
            predicted: shape (n_valid,); of classes (n_valid, n_classes).
            decision: weight of each class when one is decided for; None: as learned from the first fold.
        """
        samples, y_true = folds[0].design.samples, actuals(folds)
        outcome = Outcome(y_true, predicted, naive_error=self.naive_error, costs=self.costs, naive_rmse=self.naive_rmse)
        if not samples.problem.is_classification:
            return outcome
        weights = decision_weights(samples, folds[0].split.train) if decision is None else decision
        costs = class_costs(samples.problem, samples.classes)
        return replace(outcome, decided=decide(predicted, weights), class_costs=costs)

    @property
    def quantile(self) -> float | None:
        """The quantile of the target that the objective is best served by; None if it is none in particular."""
        return target_quantile(self.objective, self.costs)

    def gain(self, folds: Sequence[Fold], predicted: FloatArray) -> float:
        """Return the objective, greater is better.

        Where the objective is best served by a quantile, predictions are judged after the shift that brings them there:
        the winner gets such a shift, so means, medians and quantiles compete on the same terms.
        """
        if self.quantile is not None:
            shift = learn_shift(actuals(folds), predicted, self.quantile)
            predicted = clip(shift.apply(predicted), folds[0].design.samples.problem.target_min)
        return self.gain_as_is(folds, predicted)

    def is_defined(self, folds: Sequence[Fold], predicted: FloatArray) -> bool:
        """Return whether the objective says anything of these folds; see metrics.is_defined."""
        return is_defined(self.outcome(folds, predicted), self.objective)

    def gain_as_is(self, folds: Sequence[Fold], predicted: FloatArray) -> float:
        """Return the objective of predictions as they stand, greater is better."""
        return gain(self.outcome(folds, predicted), self.objective)


def scorer_of(samples: Samples, rows: IntArray, costs: Costs) -> Scorer:
    """Return the scorer of a problem. The errors of seasonal naive over some rows are the scale of scaled metrics."""
    differences = seasonal_differences(samples, rows)
    if not len(differences):
        return Scorer(samples.problem.objective, costs)
    naive_error, naive_rmse = float(np.abs(differences).mean()), float(np.sqrt(np.square(differences).mean()))
    return Scorer(samples.problem.objective, costs, naive_error, naive_rmse)


def seasonal_differences(samples: Samples, rows: IntArray) -> FloatArray:
    """Return what the target of some rows lies above that of a season earlier, shape (n_pairs,).

    Every series counts by its known pairs. Empty in tabular tasks and where no pair of rows is a season apart.
    """
    if not samples.problem.is_forecasting:
        return np.empty(0)
    known = np.full(len(samples), np.nan)
    known[rows] = samples.y[rows]
    series = samples.frame[SERIES_COL].to_numpy()
    differences = known[samples.season :] - known[: -samples.season]
    is_pair = (series[samples.season :] == series[: -samples.season]) & np.isfinite(differences)
    return np.asarray(differences[is_pair])
