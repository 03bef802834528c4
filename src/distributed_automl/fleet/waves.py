"""Pack scenarios into waves and tasks: no core waits for a giant, and a wave reads its own part of the table."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distributed_automl.parameters import Plan

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_BUCKET_SCENARIOS = 200
"""Scenarios of one task: their rows and models are in the worker's memory together."""
IDLE_SHARE = 0.05
"""Wall time that the ends of waves may add, where cores wait for the last task; beyond it there are fewer waves."""


@dataclass(frozen=True)
class Packing:
    """Where each item goes; arrays of shape (n_items,), in the items' order.

    Attributes:
        waves: from 1; the first has the costliest item.
        buckets: tasks inside the wave, from 0; the costliest first, which is the order that Spark starts them in.
    """

    waves: Ints
    buckets: Ints

    @property
    def n_waves(self) -> int:
        """How many waves there are."""
        return int(self.waves.max(initial=0))


def pack(
    seconds: Sequence[float] | Floats, plan: Plan, n_cores: int, *, parts: Sequence[int] | Ints | None = None
) -> Packing:
    """Distribute items over waves, and each wave's over tasks: longest processing time first (Graham 1969).

    There are as many waves as the plan asks for, or fewer, so that their ends add no more than IDLE_SHARE to the wall
    time of one single wave: on many cores a wave of few items would leave most of them idle.

    Args:
        seconds: expected cost of each item.
        plan: number and size of waves and tasks.
        n_cores: cores that work at once.
        parts: the part of the table that holds each item; no part is in two waves. None: every item is a part.
    """
    costs = np.asarray(seconds, dtype=np.float64)
    units = np.arange(len(costs)) if parts is None else np.unique(np.asarray(parts), return_inverse=True)[1]
    most = min(plan.n_waves, len(costs) // plan.min_wave_scenarios, len(np.unique(units)))
    chosen = _pack(costs, units, plan, n_cores, n_waves=1)
    allowed = (1 + IDLE_SHARE) * wall_seconds(costs, chosen, n_cores)
    for n_waves in range(most, 1, -1):
        packing = _pack(costs, units, plan, n_cores, n_waves=n_waves)
        if packing.n_waves > chosen.n_waves and wall_seconds(costs, packing, n_cores) <= allowed:
            chosen = packing
    return chosen


def _pack(costs: Floats, units: Ints, plan: Plan, n_cores: int, *, n_waves: int) -> Packing:
    waves = _costliest_first(fill_waves(costs, units, n_waves, n_cores=n_cores), costs)
    buckets = np.zeros(len(costs), dtype=np.int64)
    for wave in np.unique(waves):
        inside = np.flatnonzero(waves == wave)
        buckets[inside] = fill_tasks(costs[inside], plan, n_cores)
    return Packing(waves + 1, buckets)


def fill_waves(costs: Floats, units: Ints, n_waves: int, *, n_cores: int) -> Ints:
    """Return the wave (0-based, dense) of each item, shape (n_items,): of about equal cost, with one exception.

    A giant is an item that one core needs longer for than all cores for a wave. Giants begin together in the first
    wave, which is made as large as keeps the other cores busy meanwhile; the other waves share what is left.

    Args:
        costs: of the items, shape (n_items,).
        units: of whole ones a wave consists of, numbered densely, shape (n_items,).
        n_waves: waves at most.
        n_cores: cores that work at once.
    """
    if len(costs) == 0 or n_waves == 1:
        return np.zeros(len(costs), dtype=np.int64)
    unit_costs = _loads(units, costs)
    target = costs.sum() / n_waves
    is_giant = costs * n_cores > target
    if not is_giant.any():
        return fill_bins(unit_costs, n_waves)[units]
    first = _fill_first(unit_costs, np.unique(units[is_giant]), _room_beside(costs[is_giant], n_cores))
    rest = np.flatnonzero(~first)
    waves = np.zeros(len(unit_costs), dtype=np.int64)
    n_others = min(n_waves - 1, len(rest), max(1, round(unit_costs[rest].sum() / target)))
    if n_others:
        waves[rest] = 1 + fill_bins(unit_costs[rest], n_others)
    return waves[units]


def _room_beside(giants: Floats, n_cores: int) -> float:
    """Return the core-seconds of a wave that lasts as long as the giants do by themselves."""
    return n_cores * float(_loads(fill_bins(giants, n_cores), giants).max())


def _fill_first(unit_costs: Floats, with_giants: Ints, room: float) -> npt.NDArray[np.bool_]:
    """Return which units are in the giants' wave: theirs, and the costliest others that fit, shape (n_units,)."""
    chosen = np.zeros(len(unit_costs), dtype=bool)
    chosen[with_giants] = True
    room -= unit_costs[chosen].sum()
    for unit in np.argsort(-unit_costs, kind="stable"):
        if not chosen[unit] and unit_costs[unit] <= room:
            chosen[unit] = True
            room -= unit_costs[unit]
    return chosen


def _costliest_first(waves: Ints, costs: Floats) -> Ints:
    """Number waves anew by their costliest item."""
    costliest = np.zeros(waves.max(initial=-1) + 1)
    np.maximum.at(costliest, waves, costs)
    return _ranks(costliest)[waves]


def fill_tasks(seconds: Sequence[float] | Floats, plan: Plan, n_cores: int) -> Ints:
    """Return the task of each item of a wave, shape (n_items,): from 0, dense, the costliest first.

    Each core gets about the same work, in as many tasks as the plan says; what is too much for a worker's memory is cut
    into more of them.
    """
    costs = np.asarray(seconds, dtype=np.float64)
    bins = fill_bins(costs, max(1, min(n_cores * plan.buckets_per_core, len(costs))))
    tasks = _cut(bins, costs, MAX_BUCKET_SCENARIOS)
    return _ranks(_loads(tasks, costs))[tasks]


def _cut(bins: Ints, costs: Floats, most: int) -> Ints:
    """Deal the items of bins that hold more than `most` to several, the costliest first."""
    n_held = np.bincount(bins)
    n_parts = -(-n_held // most)
    order = np.lexsort((-costs, bins))
    places = np.empty(len(bins), dtype=np.int64)
    places[order] = np.arange(len(bins)) - np.repeat(np.cumsum(n_held) - n_held, n_held)
    parts: Ints = (np.cumsum(n_parts) - n_parts)[bins] + places % n_parts[bins]
    return parts


def fill_bins(seconds: Sequence[float] | Floats, n_bins: int) -> Ints:
    """Return the bin of each item, shape (n_items,): from 0, the fullest first; equal costs are dealt in their order.

    The costliest item goes to the emptiest bin, so that bins differ by one item's cost at most.
    """
    costs = np.asarray(seconds, dtype=np.float64)
    order = np.argsort(-costs, kind="stable")
    heap = [(0.0, 0, number) for number in range(n_bins)]
    bins = np.zeros(len(costs), dtype=np.int64)
    for item, cost in zip(order.tolist(), costs[order].tolist(), strict=True):
        load, n_held, number = heap[0]
        bins[item] = number
        heapq.heapreplace(heap, (load + cost, n_held + 1, number))
    return _ranks(_loads(bins, costs, n_bins))[bins]


def _loads(bins: Ints, costs: Floats, n_bins: int = 0) -> Floats:
    """Return the cost of each bin's items, shape (at least n_bins,)."""
    return np.bincount(bins, weights=costs, minlength=n_bins).astype(np.float64)


def _ranks(values: Floats) -> Ints:
    """Return each value's place when the largest comes first; equal ones keep their order."""
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks


def wall_seconds(seconds: Sequence[float] | Floats, packing: Packing, n_cores: int) -> float:
    """Return how long a packing takes: a core that ends takes the next task, and a wave waits for the one before.

    Args:
        seconds: cost of each item.
        packing: of the items.
        n_cores: cores that work at once.
    """
    costs, total = np.asarray(seconds, dtype=np.float64), 0.0
    for wave in np.unique(packing.waves):
        inside = packing.waves == wave
        cores = [0.0] * n_cores
        for load in _loads(packing.buckets[inside], costs[inside]).tolist():
            heapq.heapreplace(cores, cores[0] + load)
        total += max(cores)
    return total
