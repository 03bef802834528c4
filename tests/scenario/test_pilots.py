"""What a portfolio is made from, and how it is chosen."""

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import QUICK, demand_frame, demand_problem

from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.fit import definitions_of, scenario_arena
from distributed_automl.scenario.pilots import (
    PilotTrial,
    choose,
    key_of,
    make_portfolio,
    regrets,
    search_pilot,
    to_try,
    trials_frame,
    try_on_pilot,
)
from distributed_automl.scenario.portfolio import Portfolio

PILOTS = ["p", "q", "r", "s"]
BASELINE = pd.Series(-1.0, index=PILOTS)


def demand_arena(frame: pd.DataFrame) -> Arena:
    problem = demand_problem()
    return scenario_arena(frame, problem, QUICK, definitions=definitions_of(frame, problem, QUICK))


def test_when_chosen_then_the_default_is_first_and_the_next_is_what_helps_beside_it() -> None:
    """`alike` is better than the default, but helps where it is good already; `odd` is bad, but not where it is not."""
    gains = pd.DataFrame(
        {
            "default": [-0.20, -0.20, -0.20, -0.30],
            "alike": [-0.19, -0.20, -0.20, -0.29],
            "odd": [-0.90, -0.90, -0.90, -0.10],
        },
        index=PILOTS,
    )
    assert choose(gains, BASELINE, 2) == ["default", "odd"]
    assert choose(gains, BASELINE, 3) == ["default", "odd", "alike"]  # 0.01 on one of four pilots: worth a trial
    gains["alike"] = [-0.197, -0.20, -0.20, -0.29]
    assert choose(gains, BASELINE, 3) == ["default", "odd"]  # 0.003 on one of four is not
    assert choose(gains, BASELINE, 1) == ["default"]


def test_when_all_are_equal_then_the_first_is_enough() -> None:
    assert choose(pd.DataFrame(-0.5, index=PILOTS, columns=["a", "b"]), BASELINE, 2) == ["a"]


def test_when_regrets_are_taken_then_they_are_shares_of_the_baseline_s_error() -> None:
    gains = pd.DataFrame({"a": [-2.0, 0.9], "b": [-3.0, 0.5], "c": [np.nan, 0.4]}, index=["p", "q"])
    found = regrets(gains, pd.Series({"q": 0.0, "p": -4.0}))
    assert found.loc["p"].tolist() == [0.0, 0.25, 0.25]  # c does not apply: as bad as the worst
    assert found.loc["q"].tolist() == pytest.approx([0.0, 1.0, 1.0])  # scale 0.9 - 0.5; at most 1


def test_when_tried_on_all_then_what_is_known_comes_first_and_the_default_is_not_doubled() -> None:
    searched = [PilotTrial("ridge", {"alpha": alpha}, -1.0) for alpha in (0.1, 0.2, 0.2)]
    searched += [PilotTrial("theta", {}, -1.0)]
    tried = to_try(searched, {"ridge": [{}, {"alpha": 0.3}]}, max_tried=3)
    assert tried["ridge"][0] == {"alpha": 0.3}
    assert sorted(one["alpha"] for one in tried["ridge"]) == [0.1, 0.2, 0.3]
    assert tried["theta"] == []
    assert to_try(reversed(searched), {"ridge": [{"alpha": 0.3}]}, max_tried=3) == tried
    assert len(to_try(searched, {}, max_tried=1)["ridge"]) == 1


def test_when_a_portfolio_is_made_then_it_begins_with_the_default_and_the_start_fills_in() -> None:
    trials = [PilotTrial("seasonal_naive", {}, -1.0)]
    trials += [PilotTrial("ridge", {"alpha": alpha}, gain) for alpha, gain in ((1.0, -0.4), (2.0, -0.5))]
    trials += [PilotTrial("ridge", {}, -0.5)]
    start = Portfolio({"forecasting": {"ridge": [{"alpha": 9.0}], "theta": [{"drift_share": 0.1}]}})
    made = make_portfolio(trials_frame([("p", trials)]), start, "forecasting", n_configurations=4)
    assert made.configurations["forecasting"] == {"ridge": [{}, {"alpha": 1.0}], "theta": [{"drift_share": 0.1}]}


def test_when_a_pilot_is_searched_then_each_candidate_has_its_best_and_a_second_time_the_same() -> None:
    automl = QUICK.model_copy(update={"candidates": ("ridge", "seasonal_mean", "pooled")})
    first = search_pilot(demand_arena(demand_frame()), automl, n_trials=5)
    again = search_pilot(demand_arena(demand_frame().sample(frac=1.0, random_state=1)), automl, n_trials=5)
    assert [one.candidate for one in first] == ["ridge", "seasonal_mean"]
    assert first == again


def test_when_configurations_are_tried_then_every_one_that_applies_is_judged_beside_default_and_baseline() -> None:
    automl = QUICK.model_copy(update={"candidates": ("ridge", "pooled")})
    tried = {"ridge": [{"alpha": 3.0}, {"alpha": 99.0}], "lightgbm": [{}]}
    trials = try_on_pilot(demand_arena(demand_frame()), automl, tried=tried)
    found = [(one.candidate, key_of(one.configuration)) for one in trials]
    assert found == [("seasonal_naive", "{}"), ("ridge", "{}"), ("ridge", '{"alpha": 3.0}')]
    assert trials[0].gain < trials[1].gain < 0.0
    assert trials[1].gain != trials[2].gain
