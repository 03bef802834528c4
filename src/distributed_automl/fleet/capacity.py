"""What the cluster has for fits: cores, and the memory of its hosts as their workers see it."""

import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's memory limit stands, in cgroups' two versions."""


@dataclass(frozen=True)
class Capacity:
    """What fits may use at once.

    Attributes:
        n_cores: fits at once, all hosts together.
        n_hosts: hosts that they are spread over.
        host_memory_mb: memory of the smallest host.
    """

    n_cores: int
    n_hosts: int
    host_memory_mb: float

    @property
    def cores_per_host(self) -> int:
        """Fits at once on one host, at most."""
        return -(-self.n_cores // self.n_hosts)


def capacity_here() -> Capacity:
    """Return what one fit after another in this process may use."""
    return Capacity(1, 1, memory_mb())


def measure_capacity(spark: SparkSession, n_cores: int) -> Capacity:
    """Ask one worker per core where it is and how much memory is there; one small job.

    Args:
        spark: any session.
        n_cores: cores that work at once.
    """
    told = spark.range(0, n_cores, 1, n_cores).mapInPandas(_tell, "host string, memory_mb double").toPandas()
    return Capacity(n_cores, told["host"].nunique(), float(told["memory_mb"].min()))


def _tell(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Say where this worker is; the UDF of the job."""
    for _ in batches:
        yield pd.DataFrame({"host": [platform.node()], "memory_mb": [memory_mb()]})


def memory_mb(limits: Iterable[str] = CGROUP_LIMITS) -> float:
    """Return the memory of this host, or of the container that this process lives in."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in limits:
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(Path(path).read_text()))
    return min(found) / 1024**2
