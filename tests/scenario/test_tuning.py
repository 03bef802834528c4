from collections.abc import Sequence

import numpy as np
import optuna
import pytest
from tests.scenario.panels import demand_frame, demand_problem

from distributed_automl.parameters import AutoML, Costs, Selection, Synthesis, Tuning, Validation
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.folds import Arena, Scorer, select_features, synthesize_splits
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import define
from distributed_automl.scenario.tuning import SAMPLERS, tune
from distributed_automl.scenario.validate import validate


class FittedConstant(Fitted):
    candidate = "constant"

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        return np.full(len(rows), self.value)

    def to_parts(self) -> Parts:
        return {"value": self.value}

    @classmethod
    def from_parts(cls, parts: Parts) -> "FittedConstant":
        return cls(parts["value"])


class Constant(Candidate):
    """Predicts one number; counts its fits."""

    name = "constant"
    tasks = frozenset({"forecasting"})
    uses_features = False

    def __init__(self) -> None:
        self.n_fits = 0

    def defaults(self, design: Design) -> Hyperparameters:
        return {"value": 100.0}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {"value": trial.suggest_float("value", 0.0, 100.0)}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Fitted:
        self.n_fits += 1
        return FittedConstant(hyperparameters["value"])


class NothingToSearch(Constant):
    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {"value": 20.0}


SCORER = Scorer("mae", Costs(), 1.0)


@pytest.fixture(scope="module")
def arena() -> Arena:
    problem, automl = demand_problem(), AutoML(validation=Validation(n_folds=2, min_train_periods=28))
    kinds = kinds_of(demand_frame(), problem)
    samples = validate(demand_frame(), problem, automl, kinds)
    splits = split(samples, automl.validation)
    drafts = synthesize_splits(samples, [*splits.folds, splits.holdout], define(kinds, problem, Synthesis(), 7), None)
    folds = select_features(drafts, Selection(), seed=0)
    return Arena(tuple(folds[:2]), folds[2], folds[2], SCORER, seed=0)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_when_a_sampler_searches_then_it_finds_a_better_point_than_the_default(sampler: str, arena: Arena) -> None:
    tuned = tune(Constant(), arena, Tuning(sampler=sampler, n_trials=30))
    default = tune(Constant(), arena, Tuning(sampler=sampler, n_trials=1))
    assert default.hyperparameters == {"value": 100.0}
    assert tuned.gain > default.gain + 50.0
    assert tuned.n_trials == 30


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_when_the_seed_is_the_same_then_so_is_the_search(sampler: str, arena: Arena) -> None:
    tuning = Tuning(sampler=sampler, n_trials=12)
    one, two = (tune(Constant(), arena, tuning) for _ in range(2))
    assert one.hyperparameters == two.hyperparameters
    assert one.gain == two.gain


def test_when_pruning_then_hopeless_trials_are_not_fitted_on_every_fold(arena: Arena) -> None:
    pruned, whole = Constant(), Constant()
    tune(pruned, arena, Tuning(sampler="random", n_trials=30))
    tune(whole, arena, Tuning(sampler="random", n_trials=30, pruning=False))
    assert whole.n_fits == 30 * len(arena.folds)
    assert pruned.n_fits < 0.8 * whole.n_fits


def test_when_there_is_nothing_to_search_then_one_trial_is_made(arena: Arena) -> None:
    candidate = NothingToSearch()
    tuned = tune(candidate, arena, Tuning(n_trials=10))
    assert (tuned.n_trials, candidate.n_fits) == (1, len(arena.folds))


def test_when_tuned_then_predictions_are_those_of_the_folds_in_order(arena: Arena) -> None:
    tuned = tune(NothingToSearch(), arena, Tuning(n_trials=1))
    assert tuned.predicted.tolist() == [20.0] * sum(len(fold.split.valid) for fold in arena.folds)
    y_true = np.concatenate([fold.design.samples.y[fold.split.valid] for fold in arena.folds])
    assert tuned.gain == pytest.approx(-np.abs(y_true - 20.0).mean())
