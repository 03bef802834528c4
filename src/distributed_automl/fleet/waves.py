"""Pack scenarios into waves and tasks of about equal cost."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from distributed_automl.parameters import Plan

MAX_BUCKET_SCENARIOS = 200
"""Scenarios of one task: their rows and models are in the worker's memory together."""


@dataclass(frozen=True)
class Packing:
    """Where each item goes; arrays of shape (n_items,), in the items' order."""

    waves: np.ndarray
    buckets: np.ndarray


def pack(seconds: Sequence[float], plan: Plan, n_cores: int) -> Packing:
    """Distribute items over waves, and each wave's over tasks: longest processing time first (Graham 1969).

    Both times the costliest item goes to the emptiest bin, so that bins differ by one item's cost at most.

    Args:
        seconds: expected cost of each item.
        plan: number and size of waves and tasks.
        n_cores: cores that work at once.
    """
    n_items = len(seconds)
    n_waves = max(1, min(plan.n_waves, n_items // plan.min_wave_scenarios))
    waves = fill_bins(seconds, n_waves)
    buckets = np.zeros(n_items, dtype=np.int64)
    for wave in range(n_waves):
        inside = np.flatnonzero(waves == wave)
        costs = np.asarray(seconds, dtype=np.float64)[inside]
        buckets[inside] = fill_bins(list(costs), n_tasks(len(inside), plan, n_cores))
    return Packing(waves + 1, buckets)


def n_tasks(n_items: int, plan: Plan, n_cores: int) -> int:
    """Return the tasks of a wave: a few per core, not more than items, and none too large for a worker."""
    wanted = max(n_cores * plan.buckets_per_core, -(-n_items // MAX_BUCKET_SCENARIOS))
    return max(1, min(wanted, n_items))


def fill_bins(seconds: Sequence[float], n_bins: int) -> np.ndarray:
    """Return the bin (0-based) of each item, shape (n_items,); equal costs are dealt in the order given."""
    heap = [(0.0, 0, number) for number in range(n_bins)]
    bins = np.zeros(len(seconds), dtype=np.int64)
    for item in sorted(range(len(seconds)), key=lambda i: (-seconds[i], i)):
        load, n_held, number = heapq.heappop(heap)
        bins[item] = number
        heapq.heappush(heap, (load + seconds[item], n_held + 1, number))
    return bins


def estimate_seconds(sizes: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """Estimate the cost of fits.

    Args:
        sizes: scenario_id, n_rows.
        history: earlier fits, oldest first: scenario_id, status, n_samples, fit_seconds.

    Returns:
        Seconds, shape (n_sizes,): of the scenario's own latest fit; else the median of all others; else by its rows.
    """
    fitted = history[(history["status"] == "fitted") & history["fit_seconds"].notna()]
    own = fitted.groupby("scenario_id")["fit_seconds"].last()
    typical = own.median() if len(own) else np.nan
    guess = pd.Series(by_rows(sizes["n_rows"]), index=sizes.index)
    return sizes["scenario_id"].map(own).fillna(typical).fillna(guess).to_numpy(dtype=np.float64)


def by_rows(n_rows: pd.Series) -> np.ndarray:
    """Return seconds of a first fit: what every fit costs, and what rows add."""
    return 0.5 + 0.002 * n_rows.to_numpy(dtype=np.float64)
