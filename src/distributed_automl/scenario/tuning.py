"""The search of one candidate's hyper-parameters on the folds: a study that only its number of trials ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from distributed_automl.parameters import Tuning
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.estimators._base import Candidate, Hyperparameters
from distributed_automl.scenario.folds import Arena

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _tpe(seed: int, n_trials: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=max(2, min(10, n_trials // 4)))


def _random(seed: int, n_trials: int) -> BaseSampler:
    return RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[int, int], BaseSampler]] = {"random": _random, "tpe": _tpe}
"""Name of a sampler -> function of the seed and the number of trials."""


@dataclass(frozen=True)
class Tuned:
    """One candidate with its best configuration.

    Attributes:
        candidate: the family.
        hyperparameters: of the best trial.
        predicted: its predictions of the folds' validation rows, concatenated in the folds' order.
        gain: its objective over all folds, greater is better.
        n_trials: trials of the study, pruned ones among them.
        seconds: wall time of the study.
    """

    candidate: Candidate
    hyperparameters: Hyperparameters
    predicted: FloatArray
    gain: float
    n_trials: int
    seconds: float


@dataclass
class _Objective:
    """Fits and judges one configuration fold after fold, and remembers the best one's predictions."""

    candidate: Candidate
    arena: Arena
    best: tuple[float, Hyperparameters, FloatArray] | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        folds = self.arena.folds
        hyperparameters = self.candidate.suggest(trial, folds[0].design)
        predicted = np.empty(0)
        gain = -np.inf
        for number, fold in enumerate(folds, start=1):
            fitted = fold.fit(self.candidate, hyperparameters, seed=self.arena.seed)
            predicted = np.concatenate([predicted, fold.predict(fitted)])
            gain = self.arena.scorer.gain(folds[:number], predicted)
            trial.report(gain, number)
            if number < len(folds) and trial.should_prune():
                raise optuna.TrialPruned
        if self.best is None or gain > self.best[0]:
            self.best = (gain, hyperparameters, predicted)
        return gain


def tune(candidate: Candidate, arena: Arena, tuning: Tuning) -> Tuned:
    """Search a candidate's space on the folds; the first trial is its default configuration.

    A candidate that has nothing to search is evaluated once.

    Args:
        candidate: the family.
        arena: the folds, the objective, and the seed of the sampler and of every fit.
        tuning: sampler, trials, pruning.

    Raises:
        KeyError: the sampler is not in SAMPLERS.
    """
    started = time.perf_counter()
    sampler = SAMPLERS[tuning.sampler](arena.seed, tuning.n_trials)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=_pruner(tuning))
    study.enqueue_trial(dict(candidate.defaults(arena.folds[0].design)))
    objective = _Objective(candidate, arena)
    study.optimize(objective, n_trials=1)
    if study.trials[0].params and tuning.n_trials > 1:
        study.optimize(objective, n_trials=tuning.n_trials - 1)
    assert objective.best is not None  # the first trial has nothing to be pruned against
    gain, hyperparameters, predicted = objective.best
    return Tuned(candidate, hyperparameters, predicted, gain, len(study.trials), time.perf_counter() - started)


def _pruner(tuning: Tuning) -> BasePruner:
    return MedianPruner(n_startup_trials=1) if tuning.pruning else NopPruner()
