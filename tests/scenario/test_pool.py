from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import HORIZON, QUICK, demand_frame, demand_problem, house_frame, house_problem, with_future

from distributed_automl.errors import ModelError, ScenarioSkipped
from distributed_automl.parameters import Costs, Ensemble, Problem, Selection, Tuning
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import SERIES_COL, Split
from distributed_automl.scenario.disagreement import doubt_of
from distributed_automl.scenario.error_scale import error_scale
from distributed_automl.scenario.fit import PoolFit, fit_scenario
from distributed_automl.scenario.fit_pool import best_before, fit_pool
from distributed_automl.scenario.intervals import MIN_SCENARIOS, Calibration
from distributed_automl.scenario.ladder import Answer, ask, champion_answer, pooled_answer
from distributed_automl.scenario.pool import PooledModel, load_pool, pool_samples
from distributed_automl.scenario.scorer import Scorer
from distributed_automl.scenario.serialize import digest_of, pack
from distributed_automl.scenario.synthesis import Definitions, define, design_of

PROBLEM = demand_problem()


def definitions_of(frame: pd.DataFrame, problem: Problem) -> Definitions:
    return define(kinds_of(frame, problem), problem, QUICK.synthesis, 7)


def stores(n_stores: int = 6) -> pd.DataFrame:
    return pd.concat(
        [demand_frame(store_id=f"{n:03d}", seed=n, level=10.0 + 5 * n) for n in range(n_stores)], ignore_index=True
    )


@pytest.fixture(scope="module")
def pool_fit() -> PoolFit:
    return fit_pool(stores(), PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions_of(stores(), PROBLEM))


def loaded(fit: PoolFit) -> PooledModel:
    data = fit.model.to_bytes()
    return load_pool(data, digest_of(data))


def test_when_a_pool_is_fitted_then_it_has_a_vintage_per_fold_one_for_the_holdout_and_one_for_everything(
    pool_fit: PoolFit,
) -> None:
    names = [vintage.name for vintage in pool_fit.model.vintages]
    assert names == ["fold_1", "fold_2", "holdout", "final"]
    last = stores()["date"].max()
    ages = [(last - pd.Timestamp(vintage.cutoff)).days for vintage in pool_fit.model.vintages]
    assert ages == [3 * HORIZON, 2 * HORIZON, HORIZON, 0]


def test_when_ensemble_selection_and_tuning_are_set_then_they_are_about_scenarios_and_the_pool_is_the_same(
    pool_fit: PoolFit,
) -> None:
    scenarios_only = {
        "ensemble": Ensemble(enabled=False, max_kb=1, max_steps=1),
        "selection": Selection(methods=("l1",), max_features=2),
        "tuning": Tuning(n_trials=3, sampler="random", portfolio=False),
    }
    automl = QUICK.model_copy(update=scenarios_only)
    other = fit_pool(stores(), PROBLEM, automl, pool_id="__pooled__/all", definitions=definitions_of(stores(), PROBLEM))
    assert other.model.to_bytes() == pool_fit.model.to_bytes()


def test_when_a_pool_has_enough_scenarios_then_their_intervals_take_its_shape() -> None:
    frame = stores(MIN_SCENARIOS)
    definitions = definitions_of(frame, PROBLEM)
    pool = loaded(fit_pool(frame, PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions))
    automl = QUICK.model_copy(update={"candidates": ("seasonal_mean",)})
    own = frame[frame["store_id"] == "003"]
    taught, alone = (
        fit_scenario(own, PROBLEM, automl, definitions=definitions, pool=one).model.calibration for one in (pool, None)
    )
    assert isinstance(taught, Calibration)
    assert isinstance(alone, Calibration)
    assert pool.shape is not None
    assert taught.growth == pool.shape.growth
    assert taught.shape is None
    assert alone.growth == (1.0,)


def test_when_a_pool_has_few_scenarios_then_it_teaches_no_shape(pool_fit: PoolFit) -> None:
    assert pool_fit.model.shape is None


def test_when_a_split_asks_for_a_vintage_then_it_knows_nothing_after_the_cutoff(pool_fit: PoolFit) -> None:
    pool, last = pool_fit.model, stores()["date"].max()
    rows = np.array([1])
    between = Split("fold_1", rows, rows, cutoff=last - pd.Timedelta(days=HORIZON + 3))
    too_early = Split("fold_1", rows, rows, cutoff=last - pd.Timedelta(days=100))
    assert pool.before(between) is pool.vintages[1].fitted
    assert pool.before(too_early) is None
    assert pool.before(Split("final", rows, np.array([], dtype=int))) is pool.latest


@pytest.mark.parametrize("n_windows", [1, 2])
def test_when_the_pools_future_changes_then_no_earlier_vintage_does_and_neither_do_its_weights(
    pool_fit: PoolFit, n_windows: int
) -> None:
    """The last windows are judged: the holdout, and before it the second fold."""
    frame = stores()
    late = frame["date"] > frame["date"].max() - pd.Timedelta(days=n_windows * HORIZON)
    frame.loc[late, "units"] = frame.loc[late, "units"] * 1.7 + 5.0
    changed = fit_pool(frame, PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions_of(frame, PROBLEM))
    pairs = zip(pool_fit.model.vintages[: 4 - n_windows], changed.model.vintages[: 4 - n_windows], strict=True)
    for before, after in pairs:
        assert pack(before.fitted.to_parts()) == pack(after.fitted.to_parts())
    assert pack(pool_fit.model.latest.to_parts()) != pack(changed.model.latest.to_parts())


def test_when_nothing_learned_beats_the_baseline_then_the_pool_is_skipped_with_the_figures() -> None:
    frame = stores()
    week = frame["date"].dt.dayofweek.to_numpy() * 10.0 + 5.0
    frame["units"] = week * frame["store_id"].astype(int).to_numpy() + week  # last week repeats itself exactly
    with pytest.raises(
        ScenarioSkipped, match=r"beats seasonal_naive on the folds: -\S+ against -?0, greater is better"
    ):
        fit_pool(frame, PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions_of(frame, PROBLEM))


def test_when_the_order_of_the_rows_changes_then_the_pool_is_the_same_bytes(pool_fit: PoolFit) -> None:
    shuffled = stores().sample(frac=1.0, random_state=1)
    again = fit_pool(shuffled, PROBLEM, QUICK, pool_id="__pooled__/all", definitions=definitions_of(stores(), PROBLEM))
    assert again.model.to_bytes() == pool_fit.model.to_bytes()


def test_when_there_is_a_pool_then_it_competes_inside_a_scenario_and_its_digest_is_kept(pool_fit: PoolFit) -> None:
    pool = loaded(pool_fit)
    automl = QUICK.model_copy(update={"candidates": ("pooled",)})
    fit = fit_scenario(demand_frame(store_id="002", seed=2), PROBLEM, automl, definitions=pool.definitions, pool=pool)
    assert fit.estimator == "pooled"
    assert fit.model.pool_digest == pool.digest


@pytest.mark.parametrize("poison", [np.inf, -1e31])
def test_when_one_scenario_of_a_pool_is_poisoned_then_the_others_make_the_pool(poison: float) -> None:
    frame = stores(3)
    frame.loc[frame.index[5], "units"] = poison
    samples = pool_samples(frame, PROBLEM, definitions_of(frame, PROBLEM), "__pooled__/all")
    assert sorted(samples.frame[SERIES_COL].unique()) == ["001/", "002/"]


def test_when_no_scenario_of_a_pool_can_be_used_then_it_is_skipped() -> None:
    frame = stores(2).assign(units=np.inf)
    with pytest.raises(ScenarioSkipped, match="__pooled__/all"):
        pool_samples(frame, PROBLEM, definitions_of(frame, PROBLEM), "__pooled__/all")


def test_when_houses_are_pooled_then_no_vintage_has_seen_the_rows_it_is_judged_by() -> None:
    problem = house_problem()
    frame = pd.concat([house_frame(market, seed=n) for n, market in enumerate(["north", "south"])])
    fit = fit_pool(frame, problem, QUICK, pool_id="__pooled__/all", definitions=definitions_of(house_frame(), problem))
    pool, rows = fit.model, np.array([0])
    assert pool.before(Split("fold_1", rows, rows)) is pool.vintages[0].fitted
    assert pool.before(Split("unknown", rows, rows)) is None
    assert fit.metrics["r2"] > 0.8


def test_when_another_models_bytes_are_loaded_as_a_pool_then_the_error_says_so() -> None:
    data = fit_scenario(demand_frame(), PROBLEM, QUICK).model.to_bytes()
    with pytest.raises(ModelError, match="expected a model of format 'pool', found 'scenario'"):
        PooledModel.from_bytes(data, digest_of(data))


def test_when_the_objective_is_money_then_the_pooled_rung_answers_with_the_shifted_quantile() -> None:
    problem = demand_problem(objective="total_cost")
    automl = QUICK.model_copy(update={"costs": Costs(margin_per_unit=9.0, holding_per_unit=1.0)})
    frame = stores()
    fit = fit_pool(frame, problem, automl, pool_id="__pooled__/all", definitions=definitions_of(frame, problem))
    model = loaded(fit)
    assert model.shift == fit.model.shift
    assert model.shift is not None
    asked = with_future(frame[frame["store_id"] == "000"])
    shifted = pooled_answer(asked, model, None).predicted
    plain = pooled_answer(asked, replace(model, shift=None), None).predicted
    assert (shifted > plain + 1.0).all()
    assert fit.kpis["total_cost"] < fit.kpis["baseline_total_cost"]


def taught(predicted: list[float], held_out: list[float]) -> Any:
    return SimpleNamespace(tuned=SimpleNamespace(predicted=np.array(predicted)), held_out=np.array(held_out))


def test_when_it_is_asked_who_did_best_before_a_split_then_only_the_folds_before_it_speak() -> None:
    samples = SimpleNamespace(y=np.array([10.0, 10.0, 10.0]), problem=SimpleNamespace(is_classification=False))
    folds = [
        SimpleNamespace(design=SimpleNamespace(samples=samples), split=SimpleNamespace(valid=np.array([place])))
        for place in range(3)
    ]
    arena: Any = SimpleNamespace(judged=folds, scorer=Scorer("mae", Costs(), 1.0))
    first, second = taught([13.0, 10.0], [10.0]), taught([10.0, 15.0], [12.0])
    assert best_before([first, second], arena) == [0, 1, 0, 0]
    first_fails_late = taught([13.0, 10.0], [99.0])
    assert best_before([first_fails_late, second], arena) == [0, 1, 0, 1]


def test_when_the_objective_is_absolute_then_medians_are_taught_beside_means(pool_fit: PoolFit) -> None:
    taught_names = set(pool_fit.model.vintages[-1].fitted.members)
    assert "lightgbm of the better at the median" in taught_names
    squared = demand_problem(objective="rmse")
    fit = fit_pool(stores(), squared, QUICK, pool_id="__pooled__/all", definitions=definitions_of(stores(), squared))
    assert not [name for name in fit.model.vintages[-1].fitted.members if "median" in name]


def in_scales(spread: np.ndarray, model: Any, answer: Answer) -> np.ndarray:
    scale = model.calibration.scale
    return spread / error_scale(answer.predicted, scale.law.power, scale.floor)


def doubted(model: Any, *, usual: float) -> Any:
    """Return a model whose errors grow with the root of how far its members lie apart, relative to `usual`."""
    calibration = model.calibration
    law = replace(calibration.scale.law, spread_power=0.5)
    scale = replace(calibration.scale, law=law, usual_spread=usual)
    return replace(model, calibration=replace(calibration, scale=scale))


def widths_with(spread: np.ndarray, model: Any, answer: Answer, plain: Answer) -> None:
    """Assert that intervals are as wide as before, times what the spread of each row adds."""
    apart = in_scales(spread, model, answer)
    expected = doubt_of(apart, float(apart.mean()), 0.5)
    found = (answer.bounds["upper_80"] - answer.predicted) / (plain.bounds["upper_80"] - plain.predicted)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def apart_of(members: list[np.ndarray], weights: list[float]) -> np.ndarray:
    mean = np.average(members, axis=0, weights=weights)
    return np.average(np.abs(np.array(members) - mean), axis=0, weights=weights)


def test_when_the_members_of_a_pool_lie_apart_then_the_intervals_of_its_rung_follow(pool_fit: PoolFit) -> None:
    model = loaded(pool_fit)
    asked = with_future(stores(1))
    plain = pooled_answer(asked, model, None)
    question = ask(asked, PROBLEM, model.definitions.kinds)
    design = design_of(question.samples, model.definitions, model.entities)
    heard = {label: weight for label, weight in model.latest.weights.items() if weight > 0.0}
    assert len(heard) > 1
    members = [
        np.maximum(model.latest.members[label].predict(design, question.history, question.asked), 0.0)
        for label in heard
    ]
    spread = apart_of(members, list(heard.values()))
    unsure = doubted(model, usual=float(in_scales(spread, model, plain).mean()))
    widths_with(spread, model, pooled_answer(asked, unsure, None), plain)


def test_when_the_members_of_an_ensemble_lie_apart_then_its_intervals_follow(pool_fit: PoolFit) -> None:
    pool = loaded(pool_fit)
    frame = demand_frame(store_id="002", seed=2)
    automl = QUICK.model_copy(update={"candidates": ("ridge", "pooled"), "ensemble": Ensemble(tolerance=1.0)})
    model = fit_scenario(frame, PROBLEM, automl, definitions=pool.definitions, pool=pool).model
    assert len(model.members) == 2
    asked = with_future(frame)
    plain = champion_answer(asked, model, pool, None)
    question = ask(asked, PROBLEM, model.definitions.kinds)
    design = design_of(question.samples, model.definitions, model.entities, pooled=pool.latest)
    members = [np.maximum(one.predict(design, question.history, question.asked), 0.0) for one in model.members]
    spread = apart_of(members, list(model.weights))
    unsure = doubted(model, usual=float(in_scales(spread, model, plain).mean()))
    widths_with(spread, model, champion_answer(asked, unsure, pool, None), plain)
