"""What every sampler keeps."""

import math

import optuna
import pytest

from distributed_automl.scenario.samplers.table import SAMPLERS


def hill(trial: optuna.Trial) -> float:
    """Peak at 0 where alpha is 0.1, n is 16, c is "b" and x is 0.3; every kind of parameter."""
    alpha = trial.suggest_float("alpha", 1e-4, 10.0, log=True)
    n = trial.suggest_int("n", 4, 64, log=True)
    c = trial.suggest_categorical("c", ["a", "b", "c"])
    x = trial.suggest_float("x", 0.0, 1.0)
    even = trial.suggest_int("even", 2, 10, step=2)
    assert even % 2 == 0
    return -((math.log10(alpha) + 1) ** 2) - math.log(n / 16) ** 2 - (c != "b") - 4 * (x - 0.3) ** 2 - abs(even - 6) / 4


def forked(trial: optuna.Trial) -> float:
    """One of two branches with a parameter of its own; the better one peaks at 0 where depth is 3."""
    if trial.suggest_categorical("kind", ["tree", "line"]) == "tree":
        return -abs(trial.suggest_int("depth", 1, 9) - 3.0)
    return -3.0 - trial.suggest_float("slope", 0.0, 1.0)


def searched(name: str, objective: object, *, n_trials: int, seed: int = 0) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=SAMPLERS[name](seed, n_trials))
    assert callable(objective)
    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.mark.parametrize("name", sorted(SAMPLERS))
class TestEverySampler:
    def test_when_the_seed_is_the_same_then_so_are_the_trials(self, name: str) -> None:
        one, two = (searched(name, hill, n_trials=15, seed=3) for _ in range(2))
        assert [trial.params for trial in one.trials] == [trial.params for trial in two.trials]

    def test_when_the_seed_changes_then_so_do_the_trials(self, name: str) -> None:
        one, two = (searched(name, hill, n_trials=5, seed=seed) for seed in (1, 2))
        assert [trial.params for trial in one.trials] != [trial.params for trial in two.trials]

    @pytest.mark.parametrize("seed", [0, 2**31 - 1])
    @pytest.mark.parametrize("n_trials", [1, 2, 7])
    def test_when_trials_are_asked_for_then_so_many_are_made(self, name: str, n_trials: int, seed: int) -> None:
        assert len(searched(name, hill, n_trials=n_trials, seed=seed).trials) == n_trials

    def test_when_it_searches_then_it_comes_near_the_peak(self, name: str) -> None:
        found = [searched(name, hill, n_trials=30, seed=seed).best_value for seed in range(3)]
        assert sum(found) / 3 > -2.0  # a single random trial: -6.0 on average

    def test_when_parameters_depend_on_others_then_the_better_branch_is_found(self, name: str) -> None:
        study = searched(name, forked, n_trials=30)
        assert study.best_params["kind"] == "tree"
        assert study.best_value >= -1.0

    def test_when_trials_are_pruned_then_the_search_goes_on(self, name: str) -> None:
        def pruned(trial: optuna.Trial) -> float:
            value = hill(trial)
            trial.report(value, 1)
            if trial.number % 2:
                raise optuna.TrialPruned
            return value

        study = searched(name, pruned, n_trials=20)
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"] * 10

    def test_when_a_configuration_is_enqueued_then_it_comes_first(self, name: str) -> None:
        study = optuna.create_study(direction="maximize", sampler=SAMPLERS[name](0, 10))
        start = {"alpha": 0.5, "n": 7, "c": "a", "x": 0.9, "even": 4}
        study.enqueue_trial(start)
        study.optimize(hill, n_trials=10)
        assert study.trials[0].params == start
        assert len(study.trials) == 10
