"""What came of a plan: exactly one narrow row per scenario of the run."""

import logging
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.fleet.fingerprint import with_pool
from distributed_automl.fleet.plan import FIT, OUTSIDE, REUSE
from distributed_automl.fleet.scenario_ids import is_pool_column
from distributed_automl.tables import TRAINING_RESULTS, are_pools

logger = logging.getLogger(__name__)

FROM_FITS = (
    "stage", "error_type", "message", "fitted_at", "fingerprint", "n_samples", "n_features", "n_trials", "fit_seconds",
    "peak_memory_mb", "estimator", "hyperparameters", "selection", "leaderboard", "metrics", "kpis", "model_bytes",
    "model_digest",
)  # fmt: skip
FROM_PLAN = ("run_id", "scenario_id", "pool_id", "action", "reason", "fit_run_id", "core_fingerprint")


def collect_results(plan: DataFrame, fits: DataFrame) -> pd.DataFrame:
    """Put plan and outcomes together; warn of pools without a model, and say so of the scenarios fitted without them.

    Args:
        plan: rows of PLAN.
        fits: rows of FITS, this run's and earlier ones'.

    Returns:
        Columns of TRAINING_RESULTS, sorted by scenario_id: one row per scenario that the plan does not put outside.

    Raises:
        RunError: a scenario has no outcome, or two.
    """
    everything = plan.where(F.col("action") != OUTSIDE).select(*FROM_PLAN).toPandas()
    everything["outcome_run_id"] = everything["fit_run_id"].where(everything["action"] != FIT, everything["run_id"])
    is_pool = are_pools(everything["scenario_id"])
    planned = everything[~is_pool]
    outcomes = _outcomes(fits, planned)
    _check(planned, outcomes)
    found = planned.merge(outcomes, on=["scenario_id", "outcome_run_id"], how="left", validate="one_to_one")
    found["lacks"] = _lacks(found, pools_without_model(fits, everything[is_pool]))
    return _as_results(found).sort_values("scenario_id", ignore_index=True)[TRAINING_RESULTS.names]


def _outcomes(fits: DataFrame, planned: pd.DataFrame) -> pd.DataFrame:
    runs = sorted({str(run_id) for run_id in planned["outcome_run_id"]})
    narrow = fits.where(F.col("run_id").isin(runs) & ~is_pool_column())
    found = narrow.select(F.col("run_id").alias("outcome_run_id"), "scenario_id", "status", *FROM_FITS).toPandas()
    return found.merge(planned[["scenario_id", "outcome_run_id"]], on=["scenario_id", "outcome_run_id"])


def pools_without_model(fits: DataFrame, pools: pd.DataFrame) -> dict[str, str]:
    """Return pool_id -> what happened to it, of the planned pools that have no model; warns of each.

    Args:
        fits: rows of FITS.
        pools: the plan's pools, with the run of their outcome.
    """
    narrow = fits.where(F.col("scenario_id").isin(list(pools["scenario_id"])) & (F.col("status") != "fitted"))
    told_of = narrow.select(F.col("run_id").alias("outcome_run_id"), "scenario_id", "status", "stage", "message")
    lost = told_of.toPandas().merge(pools[["scenario_id", "outcome_run_id"]])
    told = {
        name: f"the pool '{name}' was {status} in stage '{stage}': {message}"
        for name, status, stage, message in lost[["scenario_id", "status", "stage", "message"]].itertuples(index=False)
    }
    for one in told.values():
        logger.warning("%s; its scenarios do without it", one)
    return told


def _lacks(found: pd.DataFrame, lost: dict[str, str]) -> "pd.Series[str]":
    """Return what happened to the pool of each fit that was made without one; None for other scenarios."""
    without = [with_pool(core, None) for core in found["core_fingerprint"]]
    return found["pool_id"].map(lost).where(found["fingerprint"] == without)


def _check(planned: pd.DataFrame, outcomes: pd.DataFrame) -> None:
    counts = outcomes["scenario_id"].value_counts()
    lost = sorted(set(planned["scenario_id"]) - set(counts.index))
    doubled = sorted(counts.index[counts > 1])
    if lost or doubled:
        raise RunError(
            f"expected one outcome for each of {len(planned)} scenarios; {len(lost)} have none (e.g. {lost[:5]}), "
            f"{len(doubled)} have several (e.g. {doubled[:5]}): was a folder of the fits removed or copied?"
        )


def _as_results(found: pd.DataFrame) -> pd.DataFrame:
    is_model = found["status"] == "fitted"
    told = found["reason"].where(found["lacks"].isna(), found["reason"] + "; without a pool: " + found["lacks"])
    reused = is_model & (found["action"] == REUSE)
    return found.assign(
        status=found["status"].mask(reused, "reused"),
        reason=told.where(is_model, found["message"]),
        fit_run_id=found["outcome_run_id"].mask(~is_model),
    )


@dataclass(frozen=True)
class Failures:
    """What went wrong in a run.

    Attributes:
        n_scenarios: scenarios of the run.
        failed: scenario_id, stage, error_type, reason of those whose status is failed.
    """

    n_scenarios: int
    failed: pd.DataFrame

    @property
    def share(self) -> float:
        """Share of the scenarios that failed."""
        return len(self.failed) / max(1, self.n_scenarios)


def count_failures(results: pd.DataFrame) -> Failures:
    """Return what went wrong in a run; `results` has scenario_id, status, stage, error_type, reason."""
    return Failures(len(results), results[results["status"] == "failed"])


GOES_ON = "What was fitted is saved; the next run goes on from there"


def require_tolerable(failures: Failures, tolerated: float, *, advice: str = GOES_ON) -> None:
    """Raise RunError if more scenarios failed than tolerated; their rows are durable by then.

    Args:
        failures: of the run.
        tolerated: share of the scenarios.
        advice: what to do then.
    """
    if failures.share <= tolerated:
        return
    failed = failures.failed
    causes = (failed["stage"].fillna("?") + ": " + failed["error_type"].fillna("?")).value_counts()
    raise RunError(
        f"{len(failed)} of {failures.n_scenarios} scenarios failed ({failures.share:.1%}), run.tolerated_failed_share "
        f"is {tolerated:.1%}; causes: {causes.head(5).to_dict()}; e.g. '{failed['scenario_id'].iloc[0]}': "
        f"{failed['reason'].iloc[0]}. {advice}"
    )
