"""The final score of a fit on its holdout, and the calibration of its intervals or probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np

from distributed_automl.scenario.calendar import steps_after
from distributed_automl.scenario.class_calibration import calibrate_classes
from distributed_automl.scenario.classes import class_costs, decision_weights
from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.ensemble import Mixture
from distributed_automl.scenario.folds import Arena, Fold
from distributed_automl.scenario.intervals import Calibration, Residuals, Shape, calibrate
from distributed_automl.scenario.kpis import kpis
from distributed_automl.scenario.members import AnyCalibration
from distributed_automl.scenario.metrics import FVA, Outcome, scores, value_added
from distributed_automl.scenario.tuning import Tuned
from distributed_automl.tables import interval_names

Values = dict[str, float]


def score_holdout(
    winner: Mixture, held_out: Sequence[FloatArray], baseline: Tuned, arena: Arena
) -> tuple[Values, Values]:
    """Score the holdout, which nothing has looked at: metrics and KPIs of the winner and of the baseline.

    Among the metrics is the forecast value added, `fva`: the share of the baseline's error that is gone.
    Coverage is that of intervals calibrated on the folds alone; so are probabilities of classes.

    Args:
        winner: chosen on the folds.
        held_out: each member's predictions of the holdout.
        baseline: what the winner is compared with.
        arena: where the winner was chosen, and the holdout.
    """
    holdout, problem = arena.holdout, arena.holdout.design.samples.problem
    predicted = winner.mixed(held_out, problem.target_min)
    plain = holdout.predict(holdout.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed))
    calibration = calibrate_on(winner, arena.folds)
    outcome, naive = _outcomes(predicted, plain, calibration, arena)
    metrics = scores(outcome, problem.task) | {FVA: value_added(outcome, naive, problem.objective)}
    if isinstance(calibration, Calibration):
        bounds = calibration.bounds(predicted, steps_of(holdout), problem.target_min)
        metrics |= coverage(outcome.y_true, bounds, problem.levels)
    costs = kpis(outcome, problem.task) | _as_baseline(kpis(naive, problem.task))
    return metrics | _as_baseline(scores(naive, problem.task)), costs


def _outcomes(
    predicted: FloatArray, plain: FloatArray, calibration: AnyCalibration, arena: Arena
) -> tuple[Outcome, Outcome]:
    """Pair the winner's predictions of the holdout, and the baseline's, with what came true."""
    holdout, scorer = arena.holdout, arena.scorer
    if isinstance(calibration, Calibration):
        return scorer.outcome([holdout], predicted), scorer.outcome([holdout], plain)
    costs = class_costs(holdout.design.samples.problem, calibration.classes)
    ours = scorer.outcome(
        [holdout], calibration.calibrated(predicted), decision=np.array(calibration.decision, dtype=np.float64)
    )
    return ours, scorer.outcome([holdout], plain, decision=costs)


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


def calibrate_on(mixture: Mixture, folds: Sequence[Fold], *, shape: Shape | None = None) -> AnyCalibration:
    """Calibrate intervals, or probabilities of classes, on a mixture's out-of-fold predictions.

    Args:
        mixture: whose predictions.
        folds: they were predicted for, in this order.
        shape: of the intervals, as a pool teaches it; None if there is no pool.
    """
    samples = folds[0].design.samples
    y_true = np.concatenate([samples.y[fold.split.valid] for fold in folds])
    if samples.problem.is_classification:
        return calibrate_classes(
            mixture.predicted,
            y_true.astype(np.intp),
            np.repeat(np.arange(len(folds)), [len(fold.split.valid) for fold in folds]),
            classes=samples.classes,
            decision=decision_weights(samples, folds[-1].split.train),
        )
    residuals = Residuals(
        values=y_true - mixture.predicted,
        predicted=mixture.predicted,
        steps=np.concatenate([steps_of(fold) for fold in folds]),
        windows=_windows(folds),
        scenarios=_scenarios(samples)[np.concatenate([fold.split.valid for fold in folds])],
    )
    return calibrate(residuals, samples.problem.levels, shape=shape)


def _windows(folds: Sequence[Fold]) -> IntArray:
    """Return the number of each validation row's forecast; in tabular tasks every row stands for itself."""
    sizes = [len(fold.split.valid) for fold in folds]
    if not folds[0].design.samples.problem.is_forecasting:
        return np.arange(sum(sizes))
    return np.repeat(np.arange(len(folds), dtype=np.intp), sizes)


def _scenarios(samples: Samples) -> IntArray:
    """Return the number of each sample's scenario: there are several in a pool. Shape (n_samples,)."""
    keys = list(samples.problem.scenario_keys)
    return np.asarray(samples.frame.groupby(keys, sort=False).ngroup(), dtype=np.intp)


def steps_of(fold: Fold) -> IntArray:
    """Return how many periods each validation row lies after the cutoff; 1 in tabular tasks. Shape (n_valid,)."""
    samples, split = fold.design.samples, fold.split
    if split.cutoff is None or samples.problem.frequency is None:
        return np.ones(len(split.valid), dtype=np.intp)
    return steps_after(split.cutoff, samples.timestamps.iloc[split.valid], samples.problem.frequency)
