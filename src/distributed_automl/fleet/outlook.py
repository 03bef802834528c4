"""What a plan will take: core-hours, wall time, memory; and what of it will not fit. Read before money is spent."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from distributed_automl.fleet.capacity import Capacity
from distributed_automl.fleet.estimates import GUESS, OWN, ROWS
from distributed_automl.fleet.plan import FIT, OUTSIDE, REUSE, SKIP
from distributed_automl.fleet.waves import Packing, wall_seconds
from distributed_automl.parameters import Limits, Run
from distributed_automl.tables import are_pools

Finding = tuple[str, str, str]
"""Subject, trouble, remedy."""
WAVE_SECONDS = 3.0
"""What a wave costs beside its fits: starting the job, reading its rows, writing its models."""
LIMIT_MARGIN = 1.25
"""How much a limit should be above the estimate that it must let through."""
QUANTILES = {"min": 0.0, "p10": 0.1, "p50": 0.5, "p90": 0.9, "max": 1.0}
SUMMARY_COLUMNS = ["name", "value", "meaning"]
WARNING_COLUMNS = ["subject", "trouble", "remedy"]

MEANINGS = {
    "plan.n_scenarios": "scenarios of master_df",
    "plan.n_fit": "scenarios to fit",
    "plan.n_reuse": "scenarios whose earlier fit still holds",
    "plan.n_skip": "scenarios that cannot be modelled, as found before",
    "plan.n_outside": "scenarios outside this run (run.scenarios)",
    "plan.n_pools": "pools to fit, before the scenarios",
    "plan.n_waves": "waves of fits, the pools' among them; each is durable when it ends",
    "plan.n_rows": "rows of the scenarios to fit",
    "plan.core_hours": "core time of all fits",
    "plan.wall_seconds": "from the first fit to the last",
    "plan.longest_seconds": "of the longest fit: no cluster is faster than it",
    "plan.fit_memory_mb": "of the largest fit's process, at its peak",
    "plan.host_memory_needed_mb": "on one host, if its cores work on the largest fits at once",
    "cluster.n_cores": "fits at once",
    "cluster.n_hosts": "hosts that fits are spread over",
    "cluster.host_memory_mb": "memory of the smallest host",
    "estimate.share_own": "share of the core time that is estimated from the scenario's own latest fit",
    "estimate.share_rows": "share of the core time that is estimated from rows, at the pace of other fits",
    "estimate.share_guess": "share of the core time that is guessed from rows alone",
    "estimate.factor": "half of the recorded fits lie within this factor of such an estimate",
}


def summarize(planned: pd.DataFrame, capacity: Capacity) -> pd.DataFrame:
    """Put what a plan will take into one small table.

    Args:
        planned: rows of PLAN.
        capacity: of the cluster.

    Returns:
        SUMMARY_COLUMNS; a value is NaN where nothing is known, e.g. sizes if nothing is to be fitted.
    """
    figures = _counts(planned) | _sizes(planned) | _cost(planned, capacity) | _quality(planned)
    rows = [(name, float(value), _meaning(name)) for name, value in figures.items()]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def to_fit(planned: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what is fitted, pools too."""
    return planned[planned["action"] == FIT]


def _counts(planned: pd.DataFrame) -> dict[str, float]:
    scenarios = planned[~are_pools(planned["scenario_id"])]
    counts = scenarios["action"].value_counts()
    by_action = {f"plan.n_{action}": counts.get(action, 0) for action in (FIT, REUSE, SKIP, OUTSIDE)}
    fitted = to_fit(planned)
    n_pools = are_pools(fitted["scenario_id"]).sum()
    return {
        "plan.n_scenarios": len(scenarios),
        **by_action,
        "plan.n_pools": n_pools,
        "plan.n_waves": fitted["wave"].nunique(),
    }


def _sizes(planned: pd.DataFrame) -> dict[str, float]:
    fitted = to_fit(planned)
    rows = fitted.loc[~are_pools(fitted["scenario_id"]), "n_rows"].astype(np.float64)
    return {"plan.n_rows": rows.sum()} | {
        f"plan.rows.{name}": rows.quantile(level) for name, level in QUANTILES.items()
    }


def _cost(planned: pd.DataFrame, capacity: Capacity) -> dict[str, float]:
    fitted = to_fit(planned)
    seconds, memory = (fitted[name].astype(np.float64) for name in ("estimated_seconds", "estimated_memory_mb"))
    largest = memory.sort_values(ascending=False).head(capacity.cores_per_host)
    return {
        "plan.core_hours": seconds.sum() / 3600,
        "plan.wall_seconds": estimate_wall_seconds(planned, capacity.n_cores),
        "plan.longest_seconds": seconds.max(),
        "plan.fit_memory_mb": memory.max(),
        "plan.host_memory_needed_mb": largest.sum(),
        "cluster.n_cores": capacity.n_cores,
        "cluster.n_hosts": capacity.n_hosts,
        "cluster.host_memory_mb": capacity.host_memory_mb,
    }


def estimate_wall_seconds(planned: pd.DataFrame, n_cores: int) -> float:
    """Return the time from the first fit to the last: the waves as they are packed, and what each adds."""
    fitted = to_fit(planned)
    packing = Packing(*(fitted[name].to_numpy(dtype=np.int64) for name in ("wave", "bucket")))
    fits = wall_seconds(fitted["estimated_seconds"].to_numpy(dtype=np.float64), packing, n_cores)
    return fits + WAVE_SECONDS * fitted["wave"].nunique()


def _quality(planned: pd.DataFrame) -> dict[str, float]:
    fitted = to_fit(planned)
    seconds, factors = (fitted[name].astype(np.float64) for name in ("estimated_seconds", "estimate_factor"))
    shares = seconds.groupby(fitted["estimated_from"]).sum() / max(seconds.sum(), 1e-9)
    known = fitted["estimated_from"] != GUESS
    return {f"estimate.share_{basis}": shares.get(basis, 0.0) for basis in (OWN, ROWS, GUESS)} | {
        "estimate.factor": factors[known].max()
    }


def _meaning(name: str) -> str:
    if name.startswith("plan.rows."):
        return f"rows of a scenario to fit, {name.rsplit('.', 1)[1]}"
    return MEANINGS[name]


def warn(planned: pd.DataFrame, run: Run, capacity: Capacity) -> pd.DataFrame:
    """Say what will not fit, and what is done about it.

    Args:
        planned: rows of PLAN.
        run: its engine and limits; without children there are no limits.
        capacity: of the cluster.

    Returns:
        WARNING_COLUMNS, the most urgent first; `subject` is a scenario, a pool, or "" for the whole plan.
    """
    fitted = to_fit(planned)
    found = [] if run.engine == "local" else [*_stopped(fitted, run.limits)]
    return pd.DataFrame(
        [*found, *_too_crowded(fitted, capacity), *_straggler(fitted, capacity)], columns=WARNING_COLUMNS
    )


def _stopped(fitted: pd.DataFrame, limits: Limits) -> Iterator[Finding]:
    yield from _over(fitted, "estimated_seconds", "s", limit=limits.seconds, parameter="run.limits.seconds")
    yield from _over(fitted, "estimated_memory_mb", "MB", limit=limits.memory_mb, parameter="run.limits.memory_mb")


def _over(fitted: pd.DataFrame, name: str, unit: str, *, limit: float, parameter: str) -> Iterator[Finding]:
    """Yield what will be stopped by a limit, the furthest above it first."""
    costs = fitted.set_index("scenario_id")[name].astype(np.float64).sort_values(ascending=False)
    for scenario_id, cost in costs[costs > limit].items():
        trouble = f"about {cost:,.0f} {unit}, {parameter} is {limit:,g}"
        yield str(scenario_id), trouble, f"would be stopped and become a failed row: set {parameter} to {_above(cost)}"


def _above(value: float) -> int:
    """Return a round number that leaves room: 1300 gives 1700."""
    return int(-(-value * LIMIT_MARGIN // 100) * 100)


def _too_crowded(fitted: pd.DataFrame, capacity: Capacity) -> Iterator[Finding]:
    memory = fitted["estimated_memory_mb"].astype(np.float64).sort_values(ascending=False)
    needed = memory.head(capacity.cores_per_host).sum()
    if needed <= capacity.host_memory_mb:
        return
    at_once = max(1, int((memory.cumsum() <= capacity.host_memory_mb).sum()))
    trouble = f"the {capacity.cores_per_host} largest fits at once would need {needed:,.0f} MB of a host that has "
    remedy = (
        f"start fewer at once on a host, {at_once} instead of {capacity.cores_per_host}: by executors of fewer cores, "
    )
    yield (
        "",
        f"{trouble}{capacity.host_memory_mb:,.0f}",
        f"{remedy}or by spark.task.cpus: {-(-capacity.cores_per_host // at_once)}",
    )


def _straggler(fitted: pd.DataFrame, capacity: Capacity) -> Iterator[Finding]:
    """Name a scenario that takes longer than the others need on the other cores; no packing helps against that."""
    scenarios = fitted[~are_pools(fitted["scenario_id"])]
    seconds = scenarios.set_index("scenario_id")["estimated_seconds"].astype(np.float64)
    n_others = min(capacity.n_cores, len(seconds)) - 1
    if n_others < 1 or seconds.max() <= (seconds.sum() - seconds.max()) / n_others:
        return
    trouble = f"takes about {seconds.max():,.0f} s, longer than the others on the other cores"
    remedy = "has a task of its own, which starts first; more cores would not make the run faster"
    yield str(seconds.idxmax()), trouble, remedy
