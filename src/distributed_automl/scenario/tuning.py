"""The search of one candidate's hyper-parameters on the folds: a study that only its number of trials ends."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner

from distributed_automl.parameters import Tuning
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.design import Design, FloatArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters
from distributed_automl.scenario.members import member_parts
from distributed_automl.scenario.samplers.table import SAMPLERS
from distributed_automl.scenario.serialize import size_of

optuna.logging.set_verbosity(optuna.logging.WARNING)


ONE_TRIAL = Tuning(n_trials=1)
"""Evaluate one configuration, search nothing."""
USUAL_TRIALS = {"forecasting": 1, "regression": 4, "classification": 4}
"""Task -> trials of each candidate where `tuning.n_trials` says none; more if the portfolio holds more.

Folds of a few recent weeks reward what suited those weeks, so that a search of forecasts gains little by them: see
docs/decisions/one-trial-of-a-forecast.md.
"""


@dataclass(frozen=True)
class Tuned:
    """One candidate with its best configuration.

    Attributes:
        candidate: the family.
        hyperparameters: of the best trial.
        predicted: its predictions of the folds' validation rows, concatenated in the folds' order.
        gain: its objective over all folds, greater is better.
        first_gain: that of the first trial: what a search found is what `gain` lies above it; None where the objective
            says nothing of the folds.
        n_trials: trials of the study, pruned ones among them.
        seconds: wall time of the study.
        n_bytes: of what was fitted on the last fold, serialized and not yet compressed.
        steps_per_row: of the same, see Fitted.steps_per_row.
    """

    candidate: Candidate
    hyperparameters: Hyperparameters
    predicted: FloatArray
    gain: float
    first_gain: float | None
    n_trials: int
    seconds: float
    n_bytes: int = 0
    steps_per_row: int = 0


@dataclass
class _Objective:
    """Fits and judges one configuration fold after fold, and remembers the best one's predictions."""

    candidate: Candidate
    arena: Arena
    best: tuple[float, Hyperparameters, FloatArray, Fitted] | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        folds = self.arena.folds
        hyperparameters = self.candidate.suggest(trial, folds[0].design)
        judged: list[FloatArray] = []
        gain = -np.inf
        for number, fold in enumerate(folds, start=1):
            fitted = fold.fit(self.candidate, hyperparameters, seed=self.arena.seed)
            judged.append(fold.predict(fitted))
            gain = self.arena.scorer.gain(folds[:number], np.concatenate(judged))
            trial.report(gain, number)
            if number < len(folds) and trial.should_prune():
                raise optuna.TrialPruned
        if self.best is None or gain > self.best[0]:
            self.best = (gain, hyperparameters, np.concatenate(judged), fitted)
        return gain


def tune(candidate: Candidate, arena: Arena, tuning: Tuning, *, first: Sequence[Hyperparameters] = ()) -> Tuned:
    """Search a candidate's space on the folds: some configurations first, then those that a sampler picks.

    A candidate that has nothing to search is evaluated once.

    Args:
        candidate: the family.
        arena: the folds, the objective, and the seed of the sampler and of every fit.
        tuning: sampler, pruning, and trials, which alone end a search (a grid also ends after its last point).
        first: configurations to try before the sampler picks any, in this order and only as many as there are trials;
            none: the candidate's default one.

    Raises:
        KeyError: the sampler is not in SAMPLERS.
        ValueError: a configuration of `first` is not a point of the candidate's space.
    """
    started = time.perf_counter()
    design = arena.folds[0].design
    for configuration in first:
        require_in_space(configuration, candidate, design)
    allowed = tuning.n_trials or max(USUAL_TRIALS[design.samples.problem.task], len(first))
    enqueued = (first or [candidate.defaults(design)])[:allowed]
    sampler = SAMPLERS[tuning.sampler](arena.seed, allowed)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=_pruner(tuning))
    for configuration in enqueued:
        study.enqueue_trial(dict(configuration))
    objective = _Objective(candidate, arena)
    study.optimize(objective, n_trials=1)
    if study.trials[0].params and allowed > 1:
        study.optimize(objective, n_trials=allowed - 1)
    assert objective.best is not None  # the first trial has nothing to be pruned against
    gain, hyperparameters, predicted, fitted = objective.best
    first_gain = study.trials[0].values[0] if arena.scorer.is_defined(arena.folds, predicted) else None
    n_trials = sum(trial.state.is_finished() for trial in study.trials)
    n_bytes = size_of(member_parts(fitted))
    seconds = time.perf_counter() - started
    return Tuned(
        candidate, hyperparameters, predicted, gain, first_gain, n_trials, seconds, n_bytes, fitted.steps_per_row
    )


def require_in_space(configuration: Hyperparameters, candidate: Candidate, design: Design) -> None:
    """Raise ValueError unless a configuration is what the candidate would suggest if these values were drawn."""
    told = f"candidate '{candidate.name}' cannot start from {dict(configuration)}"
    trial = optuna.trial.FixedTrial(dict(configuration))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a value out of the space is an error below
            suggested = candidate.suggest(cast(optuna.Trial, trial), design)
    except ValueError as error:
        raise ValueError(f"{told}: {error}") from error
    for name, distribution in trial.distributions.items():
        if not _holds(distribution, configuration[name]):
            raise ValueError(f"{told}: '{name}' is {configuration[name]!r}, which is not in {distribution}")
    lacking = sorted(set(suggested) - set(configuration))
    if lacking:
        raise ValueError(f"{told}: it lacks {lacking}")
    changed = {name: suggested.get(name) for name in configuration if suggested.get(name) != configuration[name]}
    if changed:
        raise ValueError(f"{told}: what it would be fitted with differs in {changed}")


def _holds(distribution: BaseDistribution, value: object) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return isinstance(value, int | float) and distribution.low <= value <= distribution.high


def _pruner(tuning: Tuning) -> BasePruner:
    return MedianPruner(n_startup_trials=1) if tuning.pruning else NopPruner()
