"""The final score of a fit on its holdout, and the calibration of its intervals."""

from collections.abc import Mapping, Sequence

import numpy as np

from distributed_automl.scenario.calendar import steps_after
from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.ensemble import Mixture
from distributed_automl.scenario.folds import Arena, Fold
from distributed_automl.scenario.intervals import Calibration, calibrate
from distributed_automl.scenario.kpis import kpis
from distributed_automl.scenario.members import weighted_mean
from distributed_automl.scenario.metrics import scores
from distributed_automl.scenario.tuning import Tuned
from distributed_automl.tables import interval_names

Values = dict[str, float]


def score_holdout(
    winner: Mixture, held_out: Sequence[FloatArray], baseline: Tuned, arena: Arena
) -> tuple[Values, Values]:
    """Score the holdout, which nothing has looked at: metrics and KPIs of the winner and of the baseline.

    Coverage is that of intervals calibrated on the folds alone.

    Args:
        winner: chosen on the folds.
        held_out: each member's predictions of the holdout.
        baseline: what the winner is compared with.
        arena: where the winner was chosen, and the holdout.
    """
    holdout, problem = arena.holdout, arena.holdout.design.samples.problem
    predicted = weighted_mean(held_out, winner.weights)
    plain = holdout.predict(holdout.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed))
    outcome, naive = (arena.scorer.outcome([holdout], values) for values in (predicted, plain))
    bounds = calibrate_on(winner, arena.folds).bounds(predicted, steps_of(holdout), problem.target_min)
    metrics = scores(outcome, problem.task) | coverage(outcome.y_true, bounds, problem.levels)
    return metrics | _as_baseline(scores(naive, problem.task)), kpis(outcome) | _as_baseline(kpis(naive))


def _as_baseline(values: Values) -> Values:
    return {f"baseline_{name}": value for name, value in values.items()}


def coverage(y_true: FloatArray, bounds: Mapping[str, FloatArray], levels: Sequence[float]) -> Values:
    """Return the share of actuals inside each interval, by name: "coverage_80" for level 0.8."""
    inside = {}
    for level in levels:
        lower, upper = interval_names(level)
        covered = (bounds[lower] <= y_true) & (y_true <= bounds[upper])
        inside[lower.replace("lower", "coverage")] = float(covered.mean())
    return inside


def calibrate_on(mixture: Mixture, folds: Sequence[Fold]) -> Calibration:
    """Calibrate intervals on a mixture's out-of-fold predictions, which `folds` were predicted for in this order."""
    samples = folds[0].design.samples
    y_true = np.concatenate([samples.y[fold.split.valid] for fold in folds])
    steps = np.concatenate([steps_of(fold) for fold in folds])
    return calibrate(y_true - mixture.predicted, mixture.predicted, steps, samples.problem.levels)


def steps_of(fold: Fold) -> IntArray:
    """Return how many periods each validation row lies after the cutoff; 1 in tabular tasks. Shape (n_valid,)."""
    samples, split = fold.design.samples, fold.split
    if split.cutoff is None or samples.problem.frequency is None:
        return np.ones(len(split.valid), dtype=np.intp)
    return steps_after(split.cutoff, samples.timestamps.iloc[split.valid], samples.problem.frequency)
