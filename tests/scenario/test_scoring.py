"""What a pool's intervals are learned from: the pool's own forecasts, and those of each series alone."""

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import HORIZON, QUICK, demand_frame, demand_problem, house_frame, house_problem

from distributed_automl.parameters import Costs, Problem
from distributed_automl.scenario.arena import Arena, arena_of, ignore_stage
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.ensemble import Mixture
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.fit_pool import assembled
from distributed_automl.scenario.folds import actuals, places_of
from distributed_automl.scenario.intervals import MIN_SCENARIOS, Calibration, Shape
from distributed_automl.scenario.members import mixture_of
from distributed_automl.scenario.pool import pool_samples
from distributed_automl.scenario.scoring import calibrate_on, forecasts_alone
from distributed_automl.scenario.synthesis import define
from distributed_automl.scenario.tuning import ONE_TRIAL, tune


def arena_over(frame: pd.DataFrame, problem: Problem, costs: Costs | None = None) -> Arena:
    definitions = define(kinds_of(frame, problem), problem, QUICK.synthesis, 7)
    samples = pool_samples(frame, problem, definitions, "__pooled__/all")
    automl = QUICK if costs is None else QUICK.model_copy(update={"costs": costs})
    return arena_of(samples, definitions, automl, seed=0, on_stage=ignore_stage)


@pytest.fixture(scope="module")
def stores() -> pd.DataFrame:
    return pd.concat([demand_frame(store_id=f"{n:03d}", seed=n, n_days=70) for n in range(MIN_SCENARIOS)])


def test_when_series_are_forecast_alone_then_the_baseline_repeats_the_last_week_of_each(stores: pd.DataFrame) -> None:
    arena = arena_over(stores, demand_problem())
    naive, regressed = forecasts_alone(arena)
    week_before = stores.sort_values(["store_id", "date"], kind="stable").groupby("store_id")["units"].shift(HORIZON)
    judged = np.concatenate([fold.split.valid for fold in arena.judged])
    assert naive.tolist() == week_before.to_numpy()[judged].tolist()
    assert regressed.shape == naive.shape
    assert not np.array_equal(regressed, naive)


def test_when_units_short_cost_more_then_forecasts_alone_are_shifted_as_the_scenarios_will_be(
    stores: pd.DataFrame,
) -> None:
    short = Costs(margin_per_unit=9.0, holding_per_unit=1.0)
    plain = forecasts_alone(arena_over(stores, demand_problem()))
    shifted = forecasts_alone(arena_over(stores, demand_problem(objective="total_cost"), short))
    assert all((ours > others).mean() > 0.9 for ours, others in zip(shifted, plain, strict=True))


def test_when_rows_are_tabular_then_nothing_is_forecast_alone() -> None:
    assert forecasts_alone(arena_over(house_frame(), house_problem())) == []


def test_when_a_pool_has_too_few_scenarios_to_learn_a_shape_from_then_nothing_is_forecast_alone(
    stores: pd.DataFrame,
) -> None:
    one_less = stores[stores["store_id"] != "000"]
    assert forecasts_alone(arena_over(one_less, demand_problem())) == []


def shape_of(arena: Arena, predicted: np.ndarray, *rivals: np.ndarray) -> Shape:
    calibration = calibrate_on(Mixture((), (), mixture_of([predicted], (1.0,)), 0.0), arena.judged, rivals=rivals)
    assert isinstance(calibration, Calibration)
    assert calibration.shape is not None
    return calibration.shape


def test_when_a_rival_forecasts_every_scenario_better_then_the_pool_teaches_the_shape_of_its_errors(
    stores: pd.DataFrame,
) -> None:
    arena = arena_over(stores, demand_problem())
    y_true = actuals(arena.judged)
    far, near = np.zeros(len(y_true)), y_true + np.random.default_rng(0).normal(size=len(y_true))
    assert shape_of(arena, far, near) == shape_of(arena, near) != shape_of(arena, far)


def test_when_a_pool_is_assembled_then_its_shape_is_that_of_whatever_suits_each_scenario(stores: pd.DataFrame) -> None:
    problem = demand_problem()
    arena = arena_over(stores, problem)
    predicted = np.zeros(len(actuals(arena.judged)))
    definitions = define(kinds_of(stores, problem), problem, QUICK.synthesis, 7)
    baseline = tune(CANDIDATES[BASELINES[problem.task]], arena, ONE_TRIAL)
    pool = assembled(Mixture((), (), mixture_of([predicted], (1.0,)), 0.0), [], baseline, arena, definitions)
    assert pool.shape == shape_of(arena, predicted, *forecasts_alone(arena)) != shape_of(arena, predicted)


def test_when_the_latest_window_erred_most_then_bounds_lie_further_away_than_when_the_first_did(
    stores: pd.DataFrame,
) -> None:
    arena = arena_over(stores, demand_problem())
    first, *_, last = places_of(arena.judged)
    distance = []
    for place in (first, last):
        predicted = actuals(arena.judged) + 1.0
        predicted[place] += 4.0
        calibration = calibrate_on(Mixture((), (), mixture_of([predicted], (1.0,)), 0.0), arena.judged)
        assert isinstance(calibration, Calibration)
        distance.append(calibration.lower[0])
    assert distance[1] > 1.1 * distance[0]
