import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from distributed_automl.scenario.samplers.grid import GridSampler, grid_points


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (CategoricalDistribution(["b", "a", None]), ["b", "a", None]),
        (FloatDistribution(0.0, 1.0), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (FloatDistribution(0.01, 100.0, log=True), [0.01, 0.1, 1.0, 10.0, 100.0]),
        (FloatDistribution(0.0, 1.0, step=0.5), [0.0, 0.5, 1.0]),
        (IntDistribution(1, 9), [1, 3, 5, 7, 9]),
        (IntDistribution(1, 3), [1, 2, 3]),
        (IntDistribution(1, 16, log=True), [1, 2, 4, 8, 16]),
        (IntDistribution(2, 10, step=4), [2, 6, 10]),
        (IntDistribution(5, 5), [5]),
    ],
)
def test_when_a_parameter_is_put_on_the_grid_then_its_points_are_evenly_spaced(
    distribution: optuna.distributions.BaseDistribution, expected: list[object]
) -> None:
    assert grid_points(distribution) == pytest.approx(expected)


def test_when_every_point_is_visited_then_the_search_ends_and_none_was_visited_twice() -> None:
    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("kind", ["tree", "line", "none"]) == "tree":
            return trial.suggest_int("depth", 1, 2) + trial.suggest_float("share", 0.0, 1.0)
        return trial.suggest_int("slope", 1, 3) if trial.params["kind"] == "line" else 0.0

    study = optuna.create_study(sampler=GridSampler(0))
    study.optimize(objective, n_trials=100)
    visited = [tuple(trial.params.items()) for trial in study.trials]
    assert len(visited) == len(set(visited)) == 2 * 5 + 3 + 1
