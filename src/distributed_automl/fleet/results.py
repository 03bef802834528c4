"""What came of a plan: exactly one narrow row per scenario of the run, put together and kept on Spark."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.fleet.plan import FIT, N_NAMED, OUTSIDE, REUSE
from distributed_automl.fleet.scenario_ids import is_pool_column
from distributed_automl.narrow import to_driver, typed
from distributed_automl.tables import TRAINING_RESULTS

logger = logging.getLogger(__name__)

FROM_FITS = (
    "status", "stage", "error_type", "message", "fitted_at", "fingerprint", "n_samples", "n_features", "n_trials",
    "fit_seconds", "peak_memory_mb", "estimator", "hyperparameters", "selection", "leaderboard", "metrics", "kpis",
    "model_bytes", "model_digest",
)  # fmt: skip
KEYS = ("scenario_id", "outcome_run_id")
FAILURE_COLUMNS = ("scenario_id", "status", "stage", "error_type", "reason")


def collect_results(plan: DataFrame, fits: DataFrame) -> DataFrame:
    """Put plan and outcomes together; warn of pools without a model, and say so of the scenarios fitted without them.

    Args:
        plan: rows of PLAN.
        fits: rows of FITS, this run's and earlier ones'.

    Returns:
        Columns of TRAINING_RESULTS, sorted by scenario_id: one row per scenario that the plan does not put outside.
        Lazy, because what each scenario tells (its leaderboard above all) is much in a large fleet.

    Raises:
        RunError: a scenario has no outcome, or two.
    """
    everything = plan.where(F.col("action") != OUTSIDE).withColumn(
        "outcome_run_id", F.when(F.col("action") == FIT, F.col("run_id")).otherwise(F.col("fit_run_id"))
    )
    planned = everything.where(~is_pool_column())
    runs = [row["outcome_run_id"] for row in everything.select("outcome_run_id").distinct().collect()]
    told_by_runs = fits.where(F.col("run_id").isin(runs)).withColumnRenamed("run_id", "outcome_run_id")
    outcomes = told_by_runs.select(*KEYS, *FROM_FITS)
    _check(planned, outcomes)
    lost = pools_without_model(outcomes, everything.where(is_pool_column()))
    told = typed(
        plan.sparkSession, pd.DataFrame(lost.items(), columns=["pool_id", "lost"]), "pool_id string, lost string"
    )
    of_plan = planned.select(
        "run_id", *KEYS, "pool_id", "action", "reason", "pool_fingerprint", F.col("fingerprint").alias("planned_print")
    )
    found = of_plan.join(outcomes, list(KEYS)).join(F.broadcast(told), "pool_id", "left")
    return _as_results(found).orderBy("scenario_id")


def pools_without_model(outcomes: DataFrame, pools: DataFrame) -> dict[str, str]:
    """Return pool_id -> what happened to it, of the planned pools that have no model; warns of each.

    Args:
        outcomes: KEYS, status, stage, message of fits.
        pools: the plan's pools, with the run of their outcome.
    """
    lost = outcomes.where(F.col("status") != "fitted").join(F.broadcast(pools.select(*KEYS)), list(KEYS), "semi")
    told = {
        row["scenario_id"]: "the pool '{scenario_id}' was {status} in stage '{stage}': {message}".format(**row.asDict())
        for row in lost.select("scenario_id", "status", "stage", "message").collect()
    }
    for one in told.values():
        logger.warning("%s; its scenarios do without it", one)
    return told


def _check(planned: DataFrame, outcomes: DataFrame) -> None:
    keys = outcomes.select(*KEYS, F.lit(1).alias("one"))
    counted = planned.select(*KEYS).join(keys, list(KEYS), "left").groupBy("scenario_id").agg(F.count("one").alias("n"))
    wrong = counted.where("n != 1").toPandas()
    if wrong.empty:
        return
    lost, doubled = (sorted(wrong.loc[is_so, "scenario_id"]) for is_so in (wrong["n"] == 0, wrong["n"] > 1))
    raise RunError(
        f"expected one outcome for each of {planned.count()} scenarios; {len(lost)} have none (e.g. {lost[:N_NAMED]}), "
        f"{len(doubled)} have several (e.g. {doubled[:N_NAMED]}): was a folder of the fits removed or copied?"
    )


def _as_results(found: DataFrame) -> DataFrame:
    """Return plan and outcome of each scenario as columns of TRAINING_RESULTS."""
    is_model = F.col("status") == "fitted"
    without_pool = F.col("pool_fingerprint").isNull() | (F.col("fingerprint") != F.col("planned_print"))
    told = F.when(
        without_pool & F.col("lost").isNotNull(), F.concat("reason", F.lit("; without a pool: "), "lost")
    ).otherwise(F.col("reason"))
    changed: Mapping[str, Column] = {
        "status": F.when(is_model & (F.col("action") == REUSE), "reused").otherwise(F.col("status")),
        "reason": F.when(is_model, told).otherwise(F.col("message")),
        "fit_run_id": F.when(is_model, F.col("outcome_run_id")),
    }
    return found.select(*(changed.get(name, F.col(name)).alias(name) for name in TRAINING_RESULTS.names))


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


def told_by_status(results: DataFrame) -> str:
    """Return how many scenarios ended how, for the log; the commonest first."""
    counts = results.groupBy("status").count().orderBy(F.desc("count"), "status").collect()
    return ", ".join(f"{row['count']} {row['status']}" for row in counts)


def count_failures(results: DataFrame) -> Failures:
    """Return what went wrong in a run; `results` has FAILURE_COLUMNS. Only what failed comes to the driver."""
    failed = results.where(F.col("status") == "failed").select(*FAILURE_COLUMNS).orderBy("scenario_id")
    return Failures(results.count(), to_driver(failed))


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
