"""What a plan takes, by hand; what will not fit, by name."""

import math
from typing import Any

import pandas as pd
import pytest

from distributed_automl.fleet.capacity import Capacity
from distributed_automl.fleet.outlook import WAVE_SECONDS, summarize, warn
from distributed_automl.parameters import Limits, Run

POOL = "__pooled__/all"
PLENTY = Capacity(n_cores=2, n_hosts=1, host_memory_mb=100_000.0)
COLUMNS = [
    "scenario_id", "action", "wave", "bucket", "n_rows",
    "estimated_seconds", "estimated_memory_mb", "estimated_from", "estimate_factor",
]  # fmt: skip


def planned(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


FLEET = planned(
    (POOL, "fit", 0, 0, 400, 30.0, 900.0, "own", None),
    ("a", "fit", 1, 0, 100, 60.0, 300.0, "own", 1.1),
    ("b", "fit", 1, 1, 200, 20.0, 400.0, "rows", 1.5),
    ("c", "fit", 1, 1, 300, 30.0, 500.0, "rows", 1.5),
    ("d", "reuse", None, None, 999, 999.0, 9999.0, "own", 1.1),
    ("e", "skip", None, None, 999, 999.0, 9999.0, "guess", None),
    ("f", "outside", None, None, 999, 999.0, 9999.0, "guess", None),
)


def figures(table: pd.DataFrame, capacity: Capacity = PLENTY) -> dict[str, float]:
    return summarize(table, capacity).set_index("name")["value"].to_dict()


def test_when_a_plan_is_summed_up_then_only_what_is_fitted_costs() -> None:
    found = figures(FLEET)
    counts = {name: found[f"plan.n_{name}"] for name in ("scenarios", "fit", "reuse", "skip", "outside", "pools")}
    assert counts == {"scenarios": 6, "fit": 3, "reuse": 1, "skip": 1, "outside": 1, "pools": 1}
    assert found["plan.n_rows"] == 600
    assert [found[f"plan.rows.{name}"] for name in ("min", "p50", "max")] == [100, 200, 300]
    assert found["plan.core_hours"] == pytest.approx(140 / 3600)
    assert found["plan.longest_seconds"] == 60
    # the pool alone, then the tasks of 60 s and 50 s side by side; two waves
    assert found["plan.wall_seconds"] == pytest.approx(30 + 60 + 2 * WAVE_SECONDS)
    assert found["plan.fit_memory_mb"] == 900
    assert found["plan.host_memory_needed_mb"] == 900 + 500
    assert found["estimate.share_own"] == pytest.approx(90 / 140)
    assert found["estimate.share_rows"] == pytest.approx(50 / 140)
    assert found["estimate.share_guess"] == 0
    assert found["estimate.factor"] == 1.5


def test_when_there_is_one_core_then_tasks_wait_for_each_other() -> None:
    found = figures(FLEET, Capacity(1, 1, 1000.0))
    assert found["plan.wall_seconds"] == pytest.approx(30 + 60 + 50 + 2 * WAVE_SECONDS)
    assert found["plan.host_memory_needed_mb"] == 900


def test_when_nothing_is_fitted_then_it_costs_nothing_and_sizes_are_unknown() -> None:
    found = figures(FLEET[FLEET["action"] == "reuse"])
    assert found["plan.core_hours"] == found["plan.wall_seconds"] == found["plan.n_waves"] == 0
    assert math.isnan(found["plan.rows.p50"])
    assert warn(FLEET[FLEET["action"] == "reuse"], Run(), PLENTY).empty


def test_when_estimates_exceed_the_limits_then_each_is_named_with_the_parameter_to_raise() -> None:
    run = Run(limits=Limits(seconds=25.0, memory_mb=450))
    found = warn(FLEET, run, PLENTY)
    assert list(found["subject"]) == ["a", POOL, "c", POOL, "c", "a"]  # the last: it outlasts the others
    assert found["trouble"].iloc[0] == "about 60 s, run.limits.seconds is 25"
    assert found["remedy"].iloc[0].endswith("set run.limits.seconds to 100")  # 60 * 1.25 = 75, rounded up
    assert found["trouble"].iloc[3] == "about 900 MB, run.limits.memory_mb is 450"
    assert found["remedy"].iloc[3].endswith("set run.limits.memory_mb to 1200")  # 900 * 1.25 = 1125


def test_when_fits_run_in_this_process_then_no_limit_holds() -> None:
    assert warn(FLEET, Run(engine="local", limits=Limits(seconds=25.0)), Capacity(1, 1, 1e6)).empty


def test_when_a_host_is_too_small_for_its_cores_then_fewer_fits_at_once_are_advised() -> None:
    found = warn(FLEET, Run(), Capacity(n_cores=4, n_hosts=1, host_memory_mb=1450.0))
    crowded = found[found["subject"] == ""].iloc[0]
    assert crowded["trouble"] == "the 4 largest fits at once would need 2,100 MB of a host that has 1,450"
    assert "2 instead of 4" in crowded["remedy"]  # 900 + 500 fit, 900 + 500 + 400 do not
    assert crowded["remedy"].endswith("spark.task.cpus: 2")


def test_when_one_scenario_outlasts_the_others_then_it_is_named() -> None:
    found = warn(FLEET, Run(), PLENTY)
    assert list(found["subject"]) == ["a"]  # 60 s, while b and c take 50 s on the other core
    shorter = FLEET.assign(estimated_seconds=FLEET["estimated_seconds"].where(FLEET["scenario_id"] != "a", 49.0))
    assert warn(shorter, Run(), PLENTY).empty
