"""What the auction goes by: how earlier searches went, what a scenario counts in the fleet, what was granted before."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.fleet.auction import RECORD_COLUMNS, deal
from distributed_automl.fleet.estimates import OWN
from distributed_automl.fleet.fingerprint import with_trials
from distributed_automl.fleet.scenario_ids import SCENARIO_COL, is_pool_column, quoted, with_ids
from distributed_automl.fleet.setup import Setup
from distributed_automl.parameters import Problem

GRANTED = ("n_trials", "expected_gain", "auctioned_by")
"""Columns of PLAN that an auction fills."""
_GRANTS = ("scenario_id", "core_fingerprint", *GRANTED)
_ENTRIES = "array<struct<gain: double, first_gain: double, n_trials: int, seconds: double>>"
_LEAST_SECONDS = 1e-3
"""Of a trial: what is recorded as less is not free."""


# --- how earlier searches went ---------------------------------------------------------------------------------------


def read_records(fits: DataFrame, objective: str) -> pd.DataFrame:
    """Read how the search of each scenario's latest fit went.

    Args:
        fits: rows of FITS.
        objective: tells an error from a gain.

    Returns:
        Index scenario_id, sorted; RECORD_COLUMNS: errors of the best of all first configurations and of the best of
        all, on the folds; the trials of a search; the searches (candidates that have something to search); and
        the seconds of one more trial of each. Fits that do not tell are not there.
    """
    fitted = fits.where((F.col("status") == "fitted") & ~is_pool_column())
    latest = F.max_by("leaderboard", F.struct("fitted_at", "run_id"))
    boards = fitted.groupBy("scenario_id").agg(F.from_json(latest, _ENTRIES).alias("entries"))
    tuned = boards.withColumn("entries", F.filter("entries", lambda one: one["n_trials"] > 0))
    counted = tuned.withColumn("n_trials", _greatest("n_trials"))
    searched = counted.withColumn(
        "searched", F.filter("entries", lambda one: one["n_trials"] >= F.least(F.lit(2), F.col("n_trials")))
    )
    seconds = F.aggregate(
        "searched", F.lit(0.0), lambda total, one: total + one["seconds"] / one["n_trials"].cast("double")
    )
    told = searched.select(
        "scenario_id",
        _greatest("first_gain").alias("first_gain"),
        _greatest("gain").alias("best_gain"),
        "n_trials",
        F.size("searched").alias("n_searched"),
        F.greatest(seconds, F.lit(_LEAST_SECONDS)).alias("trial_seconds"),
    ).toPandas()
    return _as_errors(told.set_index("scenario_id").sort_index(), objective)


def _greatest(name: str) -> Column:
    return F.array_max(F.transform("entries", lambda one: one[name]))


def _as_errors(told: pd.DataFrame, objective: str) -> pd.DataFrame:
    """Turn gains into errors, which are never below 0 and of which shares can be taken."""
    from distributed_automl.scenario.metrics import best_gain

    best = best_gain(objective)
    errors = {"first_error": best - told["first_gain"], "best_error": best - told["best_gain"]}
    known = told.assign(**errors)[list(RECORD_COLUMNS)].replace([np.inf, -np.inf], np.nan).dropna()
    return known.astype({"n_trials": np.int64, "n_searched": np.int64})


# --- what a scenario counts ------------------------------------------------------------------------------------------


def weights_of(master_df: DataFrame, sizes: pd.DataFrame, problem: Problem) -> pd.Series:
    """Return what one unit of a scenario's objective is in the fleet's.

    A KPI is a sum over rows, and so is the fleet's: every scenario counts as it is. Where the objective is relative
    to the actuals, the fleet's is weighted by their size (as WAPE is; as the M5 competition weighs RMSSE by sales);
    where it is a mean over rows, by rows. A fleet whose actuals are all 0 is weighted by rows.

    Args:
        master_df: the training table.
        sizes: scenario_id, n_rows of all scenarios.
        problem: its objective.

    Returns:
        Like `sizes`, >= 0.
    """
    from distributed_automl.scenario.kpis import KPIS

    if problem.objective in KPIS:
        return pd.Series(1.0, index=sizes.index)
    rows = sizes["n_rows"].astype(np.float64)
    volumes = volumes_of(master_df, sizes, problem) if problem.objective in RELATIVE else rows
    counted = volumes if volumes.sum() > 0 else rows
    return counted / counted.sum()


RELATIVE = frozenset({"wape", "bias", "smape", "mape", "medape", "rmsle", "mase", "rmsse"})
"""Objectives whose unit is a share of the actuals' size."""


def volumes_of(master_df: DataFrame, sizes: pd.DataFrame, problem: Problem) -> pd.Series:
    """Return the sum of each scenario's absolute target, like `sizes`.

    Summed as decimals: sums of doubles depend on how the table is partitioned.
    """
    amount = F.abs(quoted(problem.target)).try_cast("decimal(28,6)")  # NaN becomes null
    ids = with_ids(master_df, problem).groupBy(F.col(SCENARIO_COL).alias("scenario_id"))
    found = ids.agg(F.sum(amount).cast("double").alias("volume")).toPandas()
    volumes = found.set_index("scenario_id")["volume"]
    return sizes["scenario_id"].map(volumes).fillna(0.0).astype(np.float64)


# --- what was granted before -----------------------------------------------------------------------------------------


def read_grants(plans: DataFrame, oldest_needed: str = "") -> pd.DataFrame:
    """Read what the latest auction decided for each scenario: a run's id begins with its time, and must.

    Args:
        plans: rows of PLAN.
        oldest_needed: plans of runs before this one are not looked through: where every scenario's latest fit is of
            this run or a later one, what they granted was fitted, or granted again.

    Returns:
        scenario_id, core_fingerprint, GRANTED.
    """
    decided = plans.where(F.col("auctioned_by").isNotNull() & (F.col("run_id") >= oldest_needed))
    granted = F.struct("core_fingerprint", *GRANTED)
    latest = decided.groupBy("scenario_id").agg(F.max_by(granted, "run_id").alias("granted"))
    return latest.select("scenario_id", "granted.*").toPandas()


def standing(grants: pd.DataFrame, scenarios: pd.DataFrame, core_of: Callable[[str], str]) -> pd.DataFrame:
    """Return the grants that stand: those made for the very rows, parameters, code and portfolio that there are now.

    Args:
        grants: see `read_grants`.
        scenarios: scenario_id, rows_fingerprint.
        core_of: rows_fingerprint -> core fingerprint with the usual trials.

    Returns:
        GRANTED, like `scenarios`; None where no grant stands.
    """
    found: list[tuple[object, ...]] = []
    grant_of = {str(grant["scenario_id"]): grant for grant in grants.to_dict("records")}
    for name, rows_fingerprint in zip(scenarios["scenario_id"], scenarios["rows_fingerprint"], strict=True):
        grant = grant_of.get(name)
        n_trials = None if grant is None or pd.isna(grant["n_trials"]) else int(grant["n_trials"])
        if grant is None or grant["core_fingerprint"] != with_trials(core_of(rows_fingerprint), n_trials):
            found.append((None, None, None))
        else:
            found.append((n_trials, grant["expected_gain"], grant["auctioned_by"]))
    return pd.DataFrame(found, index=scenarios.index, columns=list(GRANTED), dtype=object)


# --- the auction -----------------------------------------------------------------------------------------------------


def hold_auction(
    master_df: DataFrame, sizes: pd.DataFrame, is_bidder: pd.Series, records: pd.DataFrame, setup: Setup
) -> pd.DataFrame:
    """Hold the auction of a run.

    Args:
        master_df: the training table.
        sizes: scenario_id, n_rows of all scenarios, sorted by scenario_id.
        is_bidder: which of them take part.
        records: see `read_records`.
        setup: the run's parameters.

    Returns:
        n_trials, expected_gain of the bidders, see `deal`.

    Raises:
        RunError: `plan.auction.max_trials` leaves nothing to deal out.
    """
    usual, auction = usual_trials(setup), setup.plan.auction
    if auction.max_trials <= usual:
        raise RunError(
            f"plan.auction.max_trials must be above the trials that every candidate has anyway, {usual} (from "
            f"automl.tuning.n_trials, the portfolio and the task); found {auction.max_trials}"
        )
    weighted = sizes.assign(weight=weights_of(master_df, sizes, setup.problem))
    return deal(weighted.loc[is_bidder, ["scenario_id", "weight"]], records, auction, usual=usual)


def usual_trials(setup: Setup) -> int:
    """Return the trials that a candidate has without an auction: the most that any of those who compete has."""
    from distributed_automl.scenario.estimators import competitors
    from distributed_automl.scenario.tuning import USUAL_TRIALS

    if setup.automl.tuning.n_trials is not None:
        return setup.automl.tuning.n_trials
    task = setup.problem.task
    known = setup.portfolio_in_use().configurations.get(task, {})
    tried = [len(known.get(one.name, ())) for one in competitors(setup.automl.candidates, task)]
    return max(USUAL_TRIALS[task], *tried)


def seconds_beyond(planned: pd.DataFrame, records: pd.DataFrame, *, usual: int) -> pd.Series:
    """Return what the trials of this plan take beyond those of the fits that its estimates come from.

    Args:
        planned: scenario_id, n_trials, estimated_from; a scenario whose estimate is not its own fit's gets 0.
        records: see `read_records`.
        usual: trials per candidate where n_trials is None.

    Returns:
        Seconds, like `planned`; negative where the fit before had more trials.
    """
    known = planned[["scenario_id", "n_trials"]].join(records, on="scenario_id", rsuffix="_before")
    n_trials = known["n_trials"].astype(np.float64).fillna(usual)
    seconds = (n_trials - known["n_trials_before"]) * known["trial_seconds"]
    return seconds.where(planned["estimated_from"] == OWN).fillna(0.0)
