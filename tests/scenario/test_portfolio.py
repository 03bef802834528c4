"""What did well elsewhere is tried first, in a scenario's own terms."""

import json
from typing import Any

import pandas as pd
import pytest
from tests.scenario.panels import (
    QUICK,
    demand_frame,
    demand_problem,
    flower_frame,
    flower_problem,
    house_frame,
    house_problem,
)

from distributed_automl.errors import ModelError
from distributed_automl.parameters import AutoML, Problem, Tuning
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.estimators import CANDIDATES
from distributed_automl.scenario.fit import definitions_of, fit_scenario, scenario_arena
from distributed_automl.scenario.portfolio import (
    NOTHING,
    Portfolio,
    general_portfolio,
    placed_in,
    portable_form,
    portfolio_in_use,
    portfolio_of,
)

RIDGE = {"target_transform": "level", "feature_transform": "none", "alpha": 0.5, "half_life": 1 / 3}


def arena_of(frame: pd.DataFrame, problem: Problem) -> Arena:
    return scenario_arena(frame, problem, QUICK, definitions=definitions_of(frame, problem, QUICK))


def arena_of_days(n_days: int = 120, **changes: object) -> Arena:
    problem = demand_problem(**changes)
    return arena_of(demand_frame(n_days=n_days), problem)


@pytest.fixture(scope="module")
def arena() -> Arena:
    return arena_of_days()


def test_when_histories_differ_then_a_half_life_is_the_same_share_of_each(arena: Arena) -> None:
    shorter = arena_of_days(90)
    placed = [placed_in(RIDGE, CANDIDATES["ridge"], one.folds[0].design) for one in (arena, shorter)]
    assert [one["half_life"] for one in placed if one] == [40, 30]
    assert all(one["alpha"] == 0.5 and one["target_transform"] == "level" for one in placed if one)


def test_when_a_portfolio_says_little_then_the_default_fills_in(arena: Arena) -> None:
    design = arena.folds[0].design
    for candidate in CANDIDATES.values():
        if candidate.applies(design):
            assert placed_in({}, candidate, design) == candidate.defaults(design), candidate.name


@pytest.mark.parametrize("configuration", [{"target_transform": "cube"}, {"alpha": 31.0}, {"strategy": "psychic"}])
def test_when_a_space_does_not_hold_a_configuration_then_it_is_left_out(
    arena: Arena, configuration: dict[str, Any]
) -> None:
    portfolio = Portfolio({"forecasting": {"ridge": [configuration, RIDGE, RIDGE]}})
    found = portfolio.for_candidate(CANDIDATES["ridge"], arena.folds[0].design)
    assert [one["alpha"] for one in found] == [0.5]


def test_when_there_is_one_strategy_then_a_portfolio_s_is_not_asked_for() -> None:
    design = arena_of_days(horizon=1).folds[0].design
    placed = placed_in({**RIDGE, "strategy": "blocks"}, CANDIDATES["ridge"], design)
    assert placed is not None
    assert "strategy" not in placed


def test_when_the_objective_changes_then_the_loss_follows_it() -> None:
    lightgbm = CANDIDATES["lightgbm"]
    absolute, squared = (arena_of_days(objective=name).folds[0].design for name in ("wape", "rmse"))
    portable = portable_form(lightgbm.defaults(absolute), lightgbm, absolute)
    assert "loss" not in portable
    placed = placed_in(portable, lightgbm, squared)
    assert placed is not None
    assert placed["loss"] == "l2"
    other = portable_form({**lightgbm.defaults(absolute), "loss": "l2"}, lightgbm, absolute)
    assert other["loss"] == "l2"


def test_when_a_configuration_is_made_portable_then_it_comes_back(arena: Arena) -> None:
    design = arena.folds[0].design
    placed = placed_in(RIDGE, CANDIDATES["ridge"], design)
    assert placed is not None
    portable = portable_form(placed, CANDIDATES["ridge"], design)
    assert portable["half_life"] == 1 / 3
    assert placed_in(portable, CANDIDATES["ridge"], design) == placed


def test_when_written_and_read_then_the_digest_is_the_same_and_tells_changes() -> None:
    one = Portfolio({"forecasting": {"ridge": [RIDGE]}})
    assert Portfolio.from_json(json.loads(json.dumps(one.to_json()))).digest == one.digest
    assert one.updated("forecasting", {"ridge": [{**RIDGE, "alpha": 0.6}]}).digest != one.digest
    kept = one.updated("forecasting", {"theta": [{}]}).configurations["forecasting"]
    assert sorted(kept) == ["ridge", "theta"]


def test_when_a_file_is_something_else_then_it_is_refused() -> None:
    with pytest.raises(ModelError, match=r"no portfolio of format 1: found the keys \['a'\]"):
        portfolio_of({"a": 1})


def test_when_a_fleet_has_none_of_its_own_then_the_general_one_counts() -> None:
    assert portfolio_of(None) is general_portfolio()
    assert portfolio_in_use(Tuning(), None) is general_portfolio()
    assert portfolio_in_use(Tuning(portfolio=False), general_portfolio()) is NOTHING


def test_when_the_general_portfolio_is_read_then_all_of_it_is_of_use() -> None:
    problems: dict[str, tuple[Any, Problem]] = {
        "regression": (house_frame(), house_problem()),
        "classification": (flower_frame(), flower_problem()),
    }
    assert set(general_portfolio().configurations) == set(problems)
    for task, (frame, problem) in problems.items():
        design = arena_of(frame, problem).folds[0].design
        for name, known in general_portfolio().configurations[task].items():
            assert 1 < len(known) <= 4
            placed = general_portfolio().for_candidate(CANDIDATES[name], design)
            assert placed[0] == CANDIDATES[name].defaults(design), name
            assert len(placed) == len(known), name


def test_when_fitted_then_the_portfolio_is_tried_first_and_only_if_wanted() -> None:
    portfolio = Portfolio({"forecasting": {"ridge": [RIDGE]}})

    def fitted(tuning: Tuning) -> Any:
        automl = AutoML(candidates=("ridge",), validation=QUICK.validation, tuning=tuning)
        return fit_scenario(demand_frame(), demand_problem(), automl, portfolio=portfolio)

    one_trial = fitted(Tuning(n_trials=1))
    assert one_trial.hyperparameters["ridge"]["alpha"] == 0.5
    assert fitted(Tuning(n_trials=1, portfolio=False)).hyperparameters["ridge"]["alpha"] != 0.5
