"""Packing: everything once, balanced, costliest first."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from distributed_automl.fleet.waves import MAX_BUCKET_SCENARIOS, estimate_seconds, fill_bins, n_tasks, pack
from distributed_automl.parameters import Plan

COSTS = st.lists(st.floats(0.01, 1000.0), min_size=1, max_size=120)


def test_when_bins_are_filled_then_the_costliest_go_first_and_loads_balance() -> None:
    # 5 -> bin 0, 4 -> bin 1, 3 -> bin 1 (4 < 5), 3 -> bin 0 (5 < 7), 1 -> bin 1 (7 < 8): loads 8 and 8
    assert list(fill_bins([3.0, 5.0, 1.0, 4.0, 3.0], 2)) == [1, 0, 1, 1, 0]


@given(COSTS, st.integers(1, 9))
def test_when_bins_are_filled_then_they_differ_by_one_item_at_most(costs: list[float], n_bins: int) -> None:
    loads = np.bincount(fill_bins(costs, n_bins), weights=costs, minlength=n_bins)
    assert loads.max() - loads.min() <= max(costs) + 1e-6


@given(COSTS, st.integers(1, 6), st.integers(1, 30), st.integers(1, 8))
def test_when_packed_then_waves_and_tasks_are_dense_and_within_bounds(
    costs: list[float], n_waves: int, smallest: int, n_cores: int
) -> None:
    packing = pack(costs, Plan(n_waves=n_waves, min_wave_scenarios=smallest), n_cores)
    assert len(packing.waves) == len(packing.buckets) == len(costs)
    assert set(packing.waves) == set(range(1, packing.waves.max() + 1))
    assert packing.waves.max() <= n_waves
    for wave in set(packing.waves):
        inside = packing.buckets[packing.waves == wave]
        assert set(inside) == set(range(min(n_cores, len(inside))))


def test_when_there_are_few_scenarios_then_they_make_one_wave() -> None:
    assert set(pack([1.0] * 39, Plan(n_waves=6, min_wave_scenarios=20), 2).waves) == {1}
    assert set(pack([1.0] * 40, Plan(n_waves=6, min_wave_scenarios=20), 2).waves) == {1, 2}


def test_when_a_wave_is_huge_then_no_task_is() -> None:
    assert n_tasks(1000, Plan(), 2) == 1000 // MAX_BUCKET_SCENARIOS


def test_when_costs_are_known_then_the_own_one_counts_then_the_median_then_the_rows() -> None:
    sizes = pd.DataFrame({"scenario_id": ["a", "b", "new"], "n_rows": [100, 100, 1000]})
    history = pd.DataFrame(
        {
            "scenario_id": ["a", "a", "b", "c", "d"],
            "status": ["fitted", "fitted", "fitted", "fitted", "failed"],
            "n_samples": [1] * 5,
            "fit_seconds": [9.0, 2.0, 4.0, 10.0, 99.0],
        }
    )
    assert list(estimate_seconds(sizes, history)) == [2.0, 4.0, 4.0]
    assert list(estimate_seconds(sizes, history.iloc[:0])) == [0.7, 0.7, 2.5]
