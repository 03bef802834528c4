"""Trials dealt out: by hand, against every other allocation, and never above the budget."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_automl.fleet.auction import RECORD_COLUMNS, buy, deal, harmonic, rates_of
from distributed_automl.parameters import Auction


def records(*rows: tuple[float, float, int, int, float]) -> pd.DataFrame:
    """Return records of the scenarios a, b, c...: first_error, best_error, n_trials, n_searched, trial_seconds."""
    return pd.DataFrame(rows, columns=list(RECORD_COLUMNS), index=list("abcdefgh"[: len(rows)]))


def bidders(**weights: float) -> pd.DataFrame:
    return pd.DataFrame({"scenario_id": list(weights), "weight": list(weights.values())})


def test_when_numbers_are_summed_then_harmonically() -> None:
    assert harmonic(np.array([1, 2, 4])) == pytest.approx([1, 3 / 2, 25 / 12])
    assert harmonic(3, power=2) == pytest.approx(49 / 36)
    assert harmonic(np.array([], dtype=np.int64)).size == 0


# --- what a trial brings ---------------------------------------------------------------------------------------------


def test_when_searches_differ_as_chance_has_it_then_all_have_the_fleets_rate() -> None:
    # h = 1/2: found 10% and 0%, so the mean rate is 0.1; (0.05^2 - 0.1^2 / 4) twice is 0: nothing beyond chance
    found = rates_of(records((10, 9, 2, 1, 1.0), (10, 10, 2, 1, 1.0), (7, 7, 1, 1, 1.0)))
    assert found.are_known
    assert found.values == pytest.approx([0.1, 0.1, 0.1])


def test_when_a_search_found_more_than_chance_explains_then_a_part_of_it_is_believed() -> None:
    # the mean rate is 0.4 / 2 = 0.2; variances beyond chance: 0.3^2 - 0.01 once, 0.1^2 - 0.01 thrice, over 4 * 1/2:
    # 0.04 between scenarios, so a search is trusted with 0.04/4 / (0.04/4 + (0.04 + 0.04)/4) = 1/3
    found = rates_of(records((10, 6, 2, 1, 1.0), *[(10, 10, 2, 1, 1.0)] * 3, (5, 5, 1, 1, 1.0)))
    assert found.values == pytest.approx([0.2 + 0.6 / 3, *[0.2 - 0.2 / 3] * 3, 0.2])


def test_when_no_search_had_two_trials_then_all_rates_are_alike_and_nothing_is_promised() -> None:
    found = rates_of(records((10, 10, 1, 1, 1.0), (0, 0, 4, 1, 1.0)))
    assert (list(found.values), found.are_known) == ([1.0, 1.0], False)


def test_when_searches_found_nothing_then_no_trial_is_worth_anything() -> None:
    known = records((10, 10, 4, 1, 1.0), (9, 9, 4, 1, 1.0))
    assert list(rates_of(known).values) == [0.0, 0.0]
    dealt = deal(bidders(a=1.0, b=1.0), known, Auction(enabled=True, n_trials=100), usual=4)
    assert dealt["n_trials"].tolist() == [None, None]


# --- who gets them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cost", "budget", "bought"),
    [
        ([1.0, 1.0], 3.0, [3, 0]),  # bids of 6, 4, 3 and of 3, 2, 1.5: the first of two equal ones
        ([1.0, 1.0], 4.0, [3, 1]),
        ([1.0, 1.0], 99.0, [3, 3]),
        ([1.0, 1.0], 0.9, [0, 0]),
        ([2.0, 1.0], 4.0, [1, 1]),  # per unit of cost both bid 3, 2, 1.5: 2 + 1, and the next costs 2
        ([2.0, 1.0], 5.0, [2, 1]),
    ],
)
def test_when_trials_are_bought_then_the_best_per_cost_first(
    cost: list[float], budget: float, bought: list[int]
) -> None:
    worth = np.array([12.0, 6.0])
    assert buy(worth, np.array(cost), budget=budget, usual=1, most=4).tolist() == bought


SCENARIOS = st.lists(
    st.tuples(st.floats(0, 100, allow_subnormal=False), st.floats(0.01, 10)), min_size=1, max_size=3
)  # worth, cost


@settings(max_examples=60, deadline=None)
@given(SCENARIOS, st.floats(0, 40), st.integers(1, 4))
def test_when_every_allocation_is_looked_at_then_none_that_costs_no_more_brings_more(
    scenarios: list[tuple[float, float]], budget: float, usual: int
) -> None:
    worth, cost = np.array(scenarios).T
    bought = buy(worth, cost, budget=budget, usual=usual, most=usual + 3)
    spent, brought = cost @ bought, worth @ (harmonic(usual + bought) - harmonic(usual))
    assert spent <= budget + 1e-9
    for other in map(np.array, itertools.product(range(4), repeat=len(worth))):
        if cost @ other <= spent:
            assert worth @ (harmonic(usual + other) - harmonic(usual)) <= brought + 1e-9


KNOWN = records((10, 8, 4, 3, 2.0), (10, 8, 4, 3, 20.0))
"""The same search, ten times as dear in time."""


@pytest.mark.parametrize(
    ("budget", "n_trials"),
    [
        ({"n_trials": 12}, [6, 6]),  # 3 candidates each: two more trials for both
        ({"n_trials": 14}, [6, 6]),  # the next would need 15
        ({"core_hours": 10 / 3600}, [9, None]),  # 10 s: five rounds of 2 s; the first of b bids 1/10 of a's first
        ({"core_hours": 10**6}, [32, 32]),
    ],
)
def test_when_a_budget_is_dealt_out_then_in_its_unit(budget: dict[str, Any], n_trials: list[int | None]) -> None:
    dealt = deal(bidders(a=0.5, b=0.5), KNOWN, Auction(enabled=True, **budget), usual=4)
    assert dealt["n_trials"].tolist() == n_trials
    # equal searches share the mean rate: 0.2 / (25/12 - 1); the fleet gains half of the 10 it still errs by
    gains = [0.5 * 10 * 0.2 / (13 / 12) * float(harmonic(n) - harmonic(4)) if n else None for n in n_trials]
    assert dealt["expected_gain"].tolist() == [None if gain is None else pytest.approx(gain) for gain in gains]


def test_when_a_bidder_has_no_record_or_no_weight_then_it_gets_nothing_and_the_others_bid_on() -> None:
    dealt = deal(bidders(a=1.0, b=0.0, new=9.0), KNOWN, Auction(enabled=True, n_trials=6), usual=4)
    assert dealt["n_trials"].tolist() == [6, None, None]
    assert list(dealt.index) == [0, 1, 2]


def test_when_the_heavier_scenario_errs_as_much_then_it_gets_more() -> None:
    dealt = deal(bidders(a=0.1, b=0.9), KNOWN, Auction(enabled=True, n_trials=30), usual=4)
    few, many = dealt["n_trials"].tolist()
    assert (few or 4) < many


def test_when_nothing_recorded_tells_what_a_trial_brings_then_errors_decide_and_no_gain_is_promised() -> None:
    known = records((10, 10, 1, 2, 1.0), (30, 30, 1, 2, 1.0))
    dealt = deal(bidders(a=0.5, b=0.5), known, Auction(enabled=True, n_trials=8), usual=1)
    # errors of 5 and 15 bid 2.5, 1.7, ... and 7.5, 5, 3.75, 3, 2.5
    assert dealt["n_trials"].tolist() == [None, 5]
    assert dealt["expected_gain"].tolist() == [None, None]


def test_when_nobody_bids_then_nothing_is_dealt() -> None:
    none = bidders().astype({"weight": float})
    assert deal(none, KNOWN, Auction(enabled=True, n_trials=5), usual=1).empty
    nothing = records().astype(float)
    assert deal(bidders(a=1.0), nothing, Auction(enabled=True, n_trials=5), usual=1)["n_trials"].tolist() == [None]
