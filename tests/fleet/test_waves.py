"""Packing: everything once, balanced, costliest first."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from distributed_automl.fleet.waves import (
    IDLE_SHARE,
    MAX_BUCKET_SCENARIOS,
    Packing,
    fill_bins,
    fill_tasks,
    fill_waves,
    pack,
    wall_seconds,
)
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


@given(COSTS, st.integers(1, 3), st.integers(1, 8), st.data())
def test_when_the_table_has_parts_then_no_part_is_in_two_waves_and_the_costliest_item_is_in_the_first(
    costs: list[float], smallest: int, n_cores: int, data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.integers(-3, 9), min_size=len(costs), max_size=len(costs)))
    packing = pack(costs, Plan(n_waves=6, min_wave_scenarios=smallest), n_cores, parts=parts)
    waves_of = pd.Series(packing.waves).groupby(parts).nunique()
    assert (waves_of == 1).all()
    assert np.asarray(costs)[packing.waves == 1].max() == max(costs)


@given(COSTS, st.integers(1, 6), st.integers(1, 8))
def test_when_packed_then_the_ends_of_waves_cost_little_and_the_costliest_tasks_come_first(
    costs: list[float], n_waves: int, n_cores: int
) -> None:
    packing = pack(costs, Plan(n_waves=n_waves, min_wave_scenarios=1), n_cores)
    single = pack(costs, Plan(n_waves=1), n_cores)
    assert wall_seconds(costs, packing, n_cores) <= (1 + IDLE_SHARE) * wall_seconds(costs, single, n_cores) + 1e-6
    assert wall_seconds(costs, single, n_cores) <= sum(costs) / n_cores + max(costs) + 1e-6  # Graham's bound
    for wave in set(packing.waves):
        inside = packing.waves == wave
        loads = np.bincount(packing.buckets[inside], weights=np.asarray(costs)[inside])
        assert (np.diff(loads) <= 1e-9).all()


@given(st.integers(60, 3000), st.integers(1, 9), st.lists(st.floats(0.5, 2.0), min_size=50, max_size=50))
def test_when_one_scenario_is_200_times_the_median_then_the_fleet_does_not_wait(
    n_items: int, n_cores: int, pattern: list[float]
) -> None:
    costs = np.resize(pattern, n_items)
    costs[n_items // 2] = 200 * np.median(costs)
    best = max(costs.max(), costs.sum() / n_cores)
    assert wall_seconds(costs, pack(list(costs), Plan(), n_cores), n_cores) <= 1.1 * best


def test_when_there_is_a_giant_then_its_wave_keeps_the_other_cores_busy_and_the_others_share_the_rest() -> None:
    # 20 + 60 x 1 on two cores, four waves: 20 each. The giant takes 20 s of one core, so its wave holds 20 others too;
    # the 40 that are left make two waves of 20. Wall time 20 + 10 + 10 = 40, the best there is.
    costs = np.array([*[1.0] * 30, 20.0, *[1.0] * 30])
    waves = fill_waves(costs, np.arange(61), 4, n_cores=2)
    assert list(np.bincount(waves, weights=costs)) == [40.0, 20.0, 20.0]
    assert waves[30] == 0
    packing = pack(list(costs), Plan(n_waves=4, min_wave_scenarios=1), 2)
    assert packing.buckets[30] == 0
    assert wall_seconds(costs, packing, 2) == 40.0


def test_when_waves_would_leave_cores_idle_then_there_are_fewer() -> None:
    # 48 x 1 on 16 cores: three rounds. Six waves of 8 would take six, three waves of 16 take three, and so does one.
    assert set(pack([1.0] * 48, Plan(n_waves=6, min_wave_scenarios=1), 16).waves) == {1, 2, 3}


def test_when_waves_wait_for_each_other_then_the_wall_time_says_so() -> None:
    # wave 1 on two cores: tasks of 3, 2 and 1, the third begins at 2 and ends at 3; wave 2: 5. 3 + 5 = 8.
    packing = Packing(np.array([1, 1, 1, 1, 2]), np.array([0, 1, 1, 2, 0]))
    assert wall_seconds([3.0, 1.5, 0.5, 1.0, 5.0], packing, 2) == 8.0


@given(st.integers(0, 2000), st.integers(1, 4), st.integers(1, 2), st.booleans())
def test_when_a_wave_is_huge_then_no_task_is(n_items: int, n_cores: int, per_core: int, has_giant: bool) -> None:
    costs = [float(n_items) if has_giant and item == 0 else 1.0 for item in range(n_items)]
    tasks = fill_tasks(costs, Plan(buckets_per_core=per_core), n_cores)
    n_held = np.bincount(tasks) if n_items else np.array([], dtype=int)
    assert n_held.sum() == n_items
    assert n_held.max(initial=0) <= MAX_BUCKET_SCENARIOS
    assert n_held.min(initial=1) >= 1
    needed = max(n_cores * per_core, -(-n_items // MAX_BUCKET_SCENARIOS))
    assert min(needed, n_items) <= len(n_held) <= min(n_cores * per_core + n_items // MAX_BUCKET_SCENARIOS, n_items)
