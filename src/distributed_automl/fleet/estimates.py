"""What fits are expected to cost: as recorded before, else by rows at the recorded pace, else by rows alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from distributed_automl.narrow import places
from distributed_automl.tables import are_pools

OWN, ROWS, GUESS = "own", "rows", "guess"
"""Where an estimate is from: the scenario's own latest fit, its rows and other fits' pace, or its rows alone."""


COSTS = ("fit_seconds", "peak_memory_mb")
"""What is recorded of every fit, in core-seconds and MB."""


@dataclass(frozen=True)
class Law:
    """What a fit costs before any is recorded: what every fit costs, and what its rows add."""

    base: float
    per_row: float

    def of(self, n_rows: pd.Series) -> np.ndarray:
        """Return the cost of fits of so many rows, shape (n,)."""
        return self.base + self.per_row * n_rows.to_numpy(dtype=np.float64)


SECONDS: Mapping[bool, Law] = {False: Law(0.5, 0.002), True: Law(2.0, 0.0007)}
"""Core-seconds of a scenario's fit (False) and of a pool's (True), which tries far less."""
MEMORY_MB: Mapping[bool, Law] = {False: Law(300.0, 0.01), True: Law(300.0, 0.01)}
"""Memory of its process: libraries, rows, and the features made of them."""


def estimate(sizes: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """Estimate what fits cost.

    Args:
        sizes: scenario_id, n_rows of scenarios and pools.
        recorded: one row for each that was ever tried: scenario_id, and for each of COSTS the cost of its latest fit
            that tells, by the name itself, with the rows of that fit (`_rows`) and the cost of the fit before
            (`_before`); NaN where there is none.

    Returns:
        In the order of `sizes`: estimated_seconds, estimated_memory_mb, estimated_from (of the seconds: OWN, ROWS or
        GUESS), estimate_factor (half of the recorded fits lie within this factor of what would have been estimated so;
        NaN where nothing is recorded to tell).
    """
    needed, is_pool = sizes[["scenario_id", "n_rows"]], are_pools(sizes["scenario_id"])
    was_pool = are_pools(recorded["scenario_id"])
    parts = [_estimate(needed[is_pool == kind], recorded[was_pool == kind], kind) for kind in (False, True)]
    return pd.concat(parts).loc[sizes.index]


def by_rows(n_rows: pd.Series) -> np.ndarray:
    """Return seconds of a first fit of scenarios of so many rows, shape (n,)."""
    return SECONDS[False].of(n_rows)


def _estimate(sizes: pd.DataFrame, recorded: pd.DataFrame, of_pools: bool) -> pd.DataFrame:
    """Estimate for scenarios, or for pools."""
    seconds = _cost(sizes, recorded, "fit_seconds", SECONDS[of_pools])
    memory = _cost(sizes, recorded, "peak_memory_mb", MEMORY_MB[of_pools])
    return seconds.set_axis(["estimated_seconds", "estimated_from", "estimate_factor"], axis=1).assign(
        estimated_memory_mb=memory["cost"]
    )


def _cost(sizes: pd.DataFrame, recorded: pd.DataFrame, name: str, law: Law) -> pd.DataFrame:
    """Return cost, basis and factor of each, in the order of `sizes`."""
    told = recorded[name].notna()
    costs = recorded.loc[told, name].astype(np.float64)
    paces = costs / law.of(recorded.loc[told, f"{name}_rows"])
    pace = float(paces.median()) if len(paces) else 1.0
    own = _looked_up(sizes["scenario_id"], recorded.loc[told, "scenario_id"], costs)
    repeats = (costs / recorded.loc[told, f"{name}_before"].astype(np.float64)).dropna()
    factors = {OWN: _factor(repeats), ROWS: _factor(paces / pace), GUESS: np.nan}
    other = ROWS if len(paces) else GUESS
    basis = own.notna().map({True: OWN, False: other})
    expected = own.fillna(pd.Series(pace * law.of(sizes["n_rows"]), index=sizes.index))
    return pd.DataFrame({"cost": expected, "basis": basis, "factor": basis.map(factors)}, index=sizes.index)


def _looked_up(scenario_ids: pd.Series, known_ids: pd.Series, costs: pd.Series) -> pd.Series:
    """Return what is recorded of each scenario, like the ids; an index of ids would make an object of each."""
    at = places(scenario_ids, known_ids)
    return pd.Series(np.append(costs.to_numpy(), np.nan)[at], index=scenario_ids.index)


def _factor(ratios: pd.Series) -> float:
    """Return the factor that half of the ratios are within, NaN for fewer than two: (2, 1/2, 1) gives 2."""
    return float(np.exp(np.median(np.abs(np.log(ratios))))) if len(ratios) > 1 else np.nan
