"""What the cluster has, as its workers see it."""

from pathlib import Path
from typing import Any

import pytest

from distributed_automl.fleet.capacity import Capacity, capacity_here, measure_capacity, memory_mb


def test_when_cores_are_spread_over_hosts_then_the_fullest_host_counts() -> None:
    assert Capacity(n_cores=7, n_hosts=2, host_memory_mb=1.0).cores_per_host == 4


def test_when_a_container_has_a_limit_then_its_memory_is_that(tmp_path: Path) -> None:
    of_host = memory_mb(())
    limit, none = tmp_path / "memory.max", tmp_path / "unlimited"
    limit.write_text(f"{64 * 1024**2}\n")
    none.write_text("max\n")
    assert memory_mb((str(limit),)) == 64
    assert memory_mb((str(none), str(tmp_path / "absent"))) == of_host > 64


@pytest.mark.spark
def test_when_workers_are_asked_then_each_core_answers_for_its_host(spark: Any) -> None:
    assert measure_capacity(spark, 2) == Capacity(2, 1, capacity_here().host_memory_mb)
