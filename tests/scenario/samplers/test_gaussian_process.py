import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from distributed_automl.scenario.samplers.gaussian_process import (
    GaussianProcessSampler,
    _expected_improvement,
    _from_units,
    _limited,
    _to_units,
)

SPACE = {
    "alpha": FloatDistribution(0.01, 100.0, log=True),
    "kind": CategoricalDistribution(["a", "b", "c", "d"]),
    "n": IntDistribution(0, 8, step=2),
}


def test_when_a_configuration_is_a_point_then_it_lies_where_the_scales_say() -> None:
    assert _to_units({"alpha": 1.0, "kind": "b", "n": 2}, SPACE).tolist() == pytest.approx([0.5, 0.375, 0.25])


def test_when_a_point_is_turned_into_a_configuration_then_numbers_are_whole_and_in_the_space() -> None:
    assert _from_units(np.array([0.75, 0.99, 0.3]), SPACE) == {"alpha": pytest.approx(10.0), "kind": "d", "n": 2}
    assert _from_units(np.array([1.0, 1.0, 1.0]), SPACE) == {"alpha": 100.0, "kind": "d", "n": 8}


def test_when_a_point_is_known_to_be_bad_then_improvement_is_expected_elsewhere() -> None:
    known, values = np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([0.0, 0.1, 1.0, 0.9])
    improvement = _expected_improvement(known, values, np.array([[0.05], [0.8]]))
    assert improvement[1] > 10 * improvement[0] >= 0.0


def test_when_a_value_is_hopeless_then_it_counts_as_merely_bad() -> None:
    assert _limited(np.array([1.0, 2.0, 3.0, -1e9, 2.0])).tolist() == [1.0, 2.0, 3.0, -1.0, 2.0]


def test_when_a_smooth_hill_is_searched_then_it_is_climbed_better_than_by_chance() -> None:
    def hill(trial: optuna.Trial) -> float:
        return -sum((trial.suggest_float(name, 0.0, 1.0) - place) ** 2 for name, place in (("x", 0.31), ("y", 0.83)))

    study = optuna.create_study(direction="maximize", sampler=GaussianProcessSampler(0, n_startup_trials=5))
    study.optimize(hill, n_trials=25)
    assert math.sqrt(-study.best_value) < 0.02
