"""The final score of a fit on its holdout, and the calibration of its intervals or probabilities."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.calendar import steps_after
from distributed_automl.scenario.class_calibration import calibrate_classes
from distributed_automl.scenario.classes import class_costs, decision_weights
from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.ensemble import Mixture, alone, at_quantile
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.estimators._base import Candidate
from distributed_automl.scenario.estimators.autoregression import Autoregression
from distributed_automl.scenario.folds import Fold, actuals
from distributed_automl.scenario.intervals import MIN_SCENARIOS, Calibration, Residuals, Shape, best_of_each, calibrate
from distributed_automl.scenario.kpis import kpis
from distributed_automl.scenario.members import AnyCalibration, Mixed
from distributed_automl.scenario.metrics import FVA, scores, value_added
from distributed_automl.scenario.outcome import Outcome
from distributed_automl.scenario.tuning import Tuned
from distributed_automl.tables import interval_names

Values = dict[str, float]

ALONE = (BASELINES["forecasting"], Autoregression.name)
"""Forecasts that need no other series, cheap beside a pool: one of them errs as a scenario's own forecasts will, where
the pool has little to say."""


def score_holdout(
    winner: Mixture, held_out: Sequence[FloatArray], baseline: Tuned, arena: Arena
) -> tuple[Values, Values]:
    """Score the holdout, which nothing has looked at: metrics and KPIs of the winner and of the baseline.

    Among the metrics is the forecast value added, `fva`: the share of the baseline's error that is gone. Where the
    objective is best served by a quantile, the baseline is brought there as the winner is, by the folds.
    Coverage is that of intervals calibrated on the folds alone; so are probabilities of classes.

    Args:
        winner: chosen on the folds.
        held_out: each member's predictions of the holdout.
        baseline: what the winner is compared with.
        arena: where the winner was chosen, and the holdout.
    """
    holdout, problem = arena.holdout, arena.holdout.design.samples.problem
    predicted, spread = winner.mixed(held_out, problem.target_min)
    naively = holdout.predict(holdout.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed))
    plain = at_quantile(alone(baseline), arena.folds, arena.scorer).mixed([naively], problem.target_min).mean
    calibration = calibrate_on(winner, arena.folds)
    outcome, naive = _outcomes(predicted, plain, calibration, arena)
    metrics = scores(outcome, problem.task) | {FVA: value_added(outcome, naive, problem.objective)}
    if isinstance(calibration, Calibration):
        bounds = calibration.bounds(predicted, steps_of(holdout), problem.target_min, spread=spread)
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


def calibrate_on(
    mixture: Mixture, folds: Sequence[Fold], *, shape: Shape | None = None, rivals: Sequence[FloatArray] = ()
) -> AnyCalibration:
    """Calibrate intervals, or probabilities of classes, on a mixture's out-of-fold predictions.

    Args:
        mixture: whose predictions.
        folds: they were predicted for, in this order.
        shape: of the intervals, as a pool teaches it; None if there is no pool.
        rivals: what else might forecast a pool's scenarios: out-of-fold predictions of the same rows.
    """
    samples = folds[0].design.samples
    y_true = actuals(folds)
    if samples.problem.is_classification:
        return calibrate_classes(
            mixture.predicted,
            y_true.astype(np.intp),
            np.repeat(np.arange(len(folds)), [len(fold.split.valid) for fold in folds]),
            classes=samples.classes,
            decision=decision_weights(samples, folds[-1].split.train),
        )
    windows, ages = _windows_and_ages(folds)
    residuals = Residuals(
        values=y_true - mixture.predicted,
        predicted=mixture.predicted,
        steps=np.concatenate([steps_of(fold) for fold in folds]),
        windows=windows,
        ages=ages,
        scenarios=_scenarios(samples)[np.concatenate([fold.split.valid for fold in folds])],
        spread=mixture.spread,
    )
    single = np.zeros_like(mixture.spread)
    others = [replace(residuals, values=y_true - one, predicted=one, spread=single) for one in rivals]
    return calibrate(residuals, samples.problem.levels, shape=shape, suited=best_of_each([residuals, *others]))


def forecasts_alone(arena: Arena) -> list[FloatArray]:
    """Return what forecasts each series by itself predicts for the folds and the holdout.

    Shifted to the quantile that the objective is best served by, as the scenarios' forecasts will be. None in tabular
    tasks, and none in pools of so few scenarios that no shape is learned from them.
    """
    samples = arena.holdout.design.samples
    if not samples.problem.is_forecasting or len(np.unique(_scenarios(samples))) < MIN_SCENARIOS:
        return []
    predictions = [_out_of_fold(CANDIDATES[name], arena) for name in ALONE]
    mixtures = [Mixture((), (), Mixed(predicted, np.zeros_like(predicted)), -math.inf) for predicted in predictions]
    return [at_quantile(mixture, arena.judged, arena.scorer).predicted for mixture in mixtures]


def _out_of_fold(candidate: Candidate, arena: Arena) -> FloatArray:
    """Predict the folds and the holdout by a candidate's default configuration."""
    parts = []
    for fold in arena.judged:
        fitted = fold.fit(candidate, candidate.defaults(fold.design), seed=arena.seed)
        parts.append(fold.predict(fitted))
    return np.concatenate(parts)


def _windows_and_ages(folds: Sequence[Fold]) -> tuple[IntArray, IntArray]:
    """Return the number of each validation row's forecast, and how many were made after it.

    In tabular tasks, even those cut by time, every row stands for itself and none is older than another.
    """
    sizes = [len(fold.split.valid) for fold in folds]
    if not folds[0].design.samples.problem.is_forecasting:
        return np.arange(sum(sizes)), np.zeros(sum(sizes), dtype=np.intp)
    windows = np.repeat(np.arange(len(folds), dtype=np.intp), sizes)
    return windows, len(folds) - 1 - windows


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
