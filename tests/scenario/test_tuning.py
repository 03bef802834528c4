from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import optuna
import pytest
from tests.scenario.panels import demand_frame, demand_problem

from distributed_automl.parameters import AutoML, Costs, Selection, Synthesis, Tuning, Validation
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators import CANDIDATES
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts
from distributed_automl.scenario.folds import select_features, synthesize_splits
from distributed_automl.scenario.members import member_parts
from distributed_automl.scenario.samplers.grid import N_POINTS
from distributed_automl.scenario.samplers.table import SAMPLERS
from distributed_automl.scenario.scorer import Scorer
from distributed_automl.scenario.serialize import size_of
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import define
from distributed_automl.scenario.tuning import ONE_TRIAL, require_in_space, tune
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
    """Predicts one number; remembers its fits."""

    name = "constant"
    tasks = frozenset({"forecasting"})
    uses_features = False

    def __init__(self) -> None:
        self.fitted: list[float] = []

    @property
    def n_fits(self) -> int:
        return len(self.fitted)

    def defaults(self, design: Design) -> Hyperparameters:
        return {"value": 100.0}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        return {"value": trial.suggest_float("value", 0.0, 100.0)}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Fitted:
        self.fitted.append(hyperparameters["value"])
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
    assert tuned.first_gain == default.first_gain == default.gain
    assert tuned.n_trials == (1 + N_POINTS if sampler == "grid" else 30)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_when_the_seed_is_the_same_then_so_is_the_search(sampler: str, arena: Arena) -> None:
    tuning = Tuning(sampler=sampler, n_trials=12)
    one, two = (tune(Constant(), arena, tuning) for _ in range(2))
    assert one.hyperparameters == two.hyperparameters
    assert one.gain == two.gain


def test_when_tuned_then_the_size_and_the_steps_are_those_of_the_best_trial_s_last_fit(arena: Arena) -> None:
    candidate, fold = CANDIDATES["lightgbm"], arena.folds[-1]
    best = candidate.defaults(fold.design)
    first = [best, {**best, "n_trees": 40, "learning_rate": 0.01}]  # the last one learns next to nothing
    tuned = tune(candidate, arena, Tuning(n_trials=2, pruning=False), first=first)
    fitted = fold.fit(candidate, best, seed=arena.seed)
    assert tuned.hyperparameters == best
    assert tuned.n_bytes == size_of(member_parts(fitted))
    assert tuned.steps_per_row == fitted.steps_per_row > tuned.hyperparameters["n_trees"]
    assert tune(CANDIDATES["theta"], arena, Tuning(n_trials=1)).steps_per_row == 100 * 1_100


# Pruning


@pytest.mark.parametrize(("sampler", "share"), [("random", 0.8), ("tpe", 0.95), ("gaussian_process", 0.95)])
def test_when_pruning_then_hopeless_trials_are_not_fitted_on_every_fold(
    sampler: str, share: float, arena: Arena
) -> None:
    pruned, whole = Constant(), Constant()
    one = tune(pruned, arena, Tuning(sampler=sampler, n_trials=30))
    tune(whole, arena, Tuning(sampler=sampler, n_trials=30, pruning=False))
    assert whole.n_fits == 30 * len(arena.folds)
    assert pruned.n_fits < share * whole.n_fits
    assert one.n_trials == 30


def test_when_pruning_then_the_search_is_the_same_every_time(arena: Arena) -> None:
    one, two = Constant(), Constant()
    tuned = [tune(candidate, arena, Tuning(n_trials=30)) for candidate in (one, two)]
    assert one.n_fits == two.n_fits < 30 * len(arena.folds)
    assert tuned[0].hyperparameters == tuned[1].hyperparameters


def test_when_a_trial_is_worse_than_half_of_the_others_after_a_fold_then_it_ends_there(arena: Arena) -> None:
    candidate = Constant()
    first = [{"value": value} for value in (90.0, 20.0, 80.0)]
    tuned = tune(candidate, arena, Tuning(n_trials=3), first=first)
    assert candidate.fitted == [90.0, 90.0, 20.0, 20.0, 80.0]
    assert tuned.hyperparameters == {"value": 20.0}


def test_when_a_pruned_trial_looked_best_on_its_fold_then_it_does_not_win(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number == 1)
    tuned = tune(Constant(), arena, Tuning(n_trials=2), first=[{"value": 90.0}, {"value": 20.0}])
    assert tuned.hyperparameters == {"value": 90.0}
    assert len(tuned.predicted) == sum(len(fold.split.valid) for fold in arena.folds)


# What is tried first


def test_when_configurations_come_first_then_they_are_tried_in_order_before_the_sampler(arena: Arena) -> None:
    candidate = Constant()
    tune(candidate, arena, Tuning(n_trials=6, pruning=False), first=[{"value": 30.0}, {"value": 40.0}])
    assert candidate.fitted[:4] == [30.0, 30.0, 40.0, 40.0]
    assert len(set(candidate.fitted)) == 6


@pytest.mark.parametrize("n_trials", [1, 2, 3])
def test_when_there_are_fewer_trials_than_configurations_then_only_the_first_ones_are_tried(
    n_trials: int, arena: Arena
) -> None:
    candidate, values = Constant(), [30.0, 40.0, 50.0]
    tuned = tune(
        candidate, arena, Tuning(n_trials=n_trials, pruning=False), first=[{"value": value} for value in values]
    )
    assert candidate.fitted[::2] == values[:n_trials]
    assert tuned.n_trials == n_trials


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        ({}, "'value' is not found"),
        ({"value": 101.0}, r"'value' is 101.0, which is not in FloatDistribution\("),
        ({"value": "many"}, "'value'"),
        ({"value": 20.0, "alpha": 1.0}, "differs in {'alpha': None}"),
    ],
)
def test_when_a_configuration_is_not_in_the_space_then_the_error_names_it(
    configuration: Hyperparameters, reason: str, arena: Arena
) -> None:
    with pytest.raises(ValueError, match=rf"candidate 'constant' cannot start from .*{reason}"):
        tune(Constant(), arena, Tuning(n_trials=3), first=[{"value": 1.0}, configuration])


def test_when_a_fixed_value_is_missing_or_another_one_then_the_error_says_so(arena: Arena) -> None:
    with pytest.raises(ValueError, match=r"it lacks \['value'\]"):
        tune(NothingToSearch(), arena, Tuning(), first=[{}])
    with pytest.raises(ValueError, match=r"differs in \{'value': 20.0\}"):
        tune(NothingToSearch(), arena, Tuning(), first=[{"value": 30.0}])
    assert tune(NothingToSearch(), arena, Tuning(), first=[{"value": 20.0}]).n_trials == 1


@pytest.mark.parametrize("name", sorted(CANDIDATES))
def test_when_defaults_are_asked_for_then_they_are_a_point_of_the_space(name: str, arena: Arena) -> None:
    design, candidate = arena.folds[0].design, CANDIDATES[name]
    if not candidate.applies(design):
        pytest.skip("for another task")
    require_in_space(candidate.defaults(design), candidate, design)


def test_when_there_is_nothing_to_search_then_one_trial_is_made(arena: Arena) -> None:
    candidate = NothingToSearch()
    tuned = tune(candidate, arena, Tuning(n_trials=10))
    assert (tuned.n_trials, candidate.n_fits) == (1, len(arena.folds))


def test_when_tuned_then_predictions_are_those_of_the_folds_in_order(arena: Arena) -> None:
    tuned = tune(NothingToSearch(), arena, Tuning(n_trials=1))
    assert tuned.predicted.tolist() == [20.0] * sum(len(fold.split.valid) for fold in arena.folds)
    y_true = np.concatenate([fold.design.samples.y[fold.split.valid] for fold in arena.folds])
    assert tuned.gain == pytest.approx(-np.abs(y_true - 20.0).mean())


def test_when_the_objective_says_nothing_of_the_folds_then_there_is_no_first_gain(arena: Arena) -> None:
    zeros = replace(arena.holdout.design.samples, frame=arena.holdout.design.samples.frame.assign(units=0.0))
    folds = [replace(fold, design=replace(fold.design, samples=zeros)) for fold in arena.folds]
    silent = replace(arena, folds=tuple(folds), scorer=Scorer("wape", Costs()))
    assert tune(CANDIDATES["seasonal_naive"], silent, ONE_TRIAL).first_gain is None
