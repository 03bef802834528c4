"""What ``training_results`` tell the driver: a row of numbers per scenario, and a row per candidate.

In a large fleet leaderboards and hyper-parameters are most of the table: they stay on Spark, and are counted there.
"""

from collections.abc import Collection

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.narrow import to_driver
from distributed_automl.reporting.training import CLASS_ERRORS, MODELLED, NAMED_SCORES

NARROW_COLUMNS = (
    "run_id", "scenario_id", "status", "reason", "fit_run_id", "stage", "error_type", "n_samples", "n_features",
    "n_trials", "fit_seconds", "peak_memory_mb", "estimator", "model_bytes",
)  # fmt: skip
COLUMNS_AT_ONCE = 16
"""Columns that are in memory twice while they come to the driver."""
DETAILS = ("hyperparameters", "model_digest")
CANDIDATE_COLUMNS = ["candidate", "share", "n_alone", "n_in_ensembles", "n_first", "n_trials", "seconds"]
_MAPS = ("metrics", "kpis")
_ENTRIES = "array<struct<candidate: string, rank: int, weight: double, n_trials: bigint, seconds: double>>"
_EXACT = "decimal(30,12)"
"""Sums of doubles depend on the partitioning; sums of these do not."""


def read_scores(training_results: DataFrame) -> pd.DataFrame:
    """Return NARROW_COLUMNS and a column of float64 per metric and KPI, one row per scenario, sorted by id.

    Scores that the figures name are always there. Errors of classes stand for WAPE and cost: see CLASS_ERRORS.

    Raises:
        RunError: a scenario has two rows, or the table changes while it is read.
    """
    keys = [F.array_distinct(F.flatten(F.collect_set(F.map_keys(name)))).alias(name) for name in _MAPS]
    found = training_results.agg(*keys).collect()[0]
    score_of = {key: F.try_element_at(name, F.lit(key)) for name in _MAPS for key in found[name]}
    nothing = F.lit(None).cast("double")
    scores = [
        F.coalesce(score_of.get(name, nothing), score_of.get(CLASS_ERRORS.get(name, ""), nothing)).alias(name)
        for name in sorted({*score_of, *NAMED_SCORES})
    ]
    ordered = training_results.select(*NARROW_COLUMNS, *scores).orderBy("scenario_id")
    told = to_driver(ordered.select(*NARROW_COLUMNS))
    names = [name for name in ordered.columns if name not in NARROW_COLUMNS]
    for first in range(0, len(names), COLUMNS_AT_ONCE):
        part = to_driver(ordered.select("scenario_id", *names[first : first + COLUMNS_AT_ONCE]))
        if not part["scenario_id"].equals(told["scenario_id"]) or not told["scenario_id"].is_unique:
            raise RunError("expected one row per scenario in training_results, the same at each reading, found others")
        told = told.assign(**{str(name): part[name] for name in part.columns.drop("scenario_id")})
    return told


def read_details(training_results: DataFrame, scenario_ids: Collection[str]) -> pd.DataFrame:
    """Return scenario_id and DETAILS of a few scenarios."""
    few = training_results.where(F.col("scenario_id").isin(list(scenario_ids)))
    return few.select("scenario_id", *DETAILS).toPandas()


def rank_candidates(training_results: DataFrame) -> pd.DataFrame:
    """Say what predicts: each candidate's share of all models, how often it ships, ranks first, and what it costs.

    Returns:
        CANDIDATE_COLUMNS, the largest share first. `share` is the mean weight over all models (they add up to one: an
        ensemble's weight stands with its members), `n_first` counts the scenarios where it was the best single
        candidate on the folds.
    """
    models = training_results.where(F.col("status").isin(*MODELLED))
    entries = F.filter(F.from_json("leaderboard", _ENTRIES), lambda one: one["candidate"] != "ensemble")
    ranks = F.transform(entries, lambda one: F.struct(one["rank"].alias("rank"), one["candidate"].alias("candidate")))
    tried = models.select("estimator", F.array_min(ranks)["candidate"].alias("first"), F.inline(entries))
    is_mixed = (F.col("estimator") == "ensemble") & (F.col("weight") > 0)
    counted = tried.groupBy("candidate").agg(
        F.sum(F.col("weight").cast(_EXACT)).cast("double").alias("share"),
        F.count_if(F.col("estimator") == F.col("candidate")).alias("n_alone"),
        F.count_if(is_mixed).alias("n_in_ensembles"),
        F.count_if(F.col("first") == F.col("candidate")).alias("n_first"),
        F.sum("n_trials").alias("n_trials"),
        F.sum(F.col("seconds").cast(_EXACT)).cast("double").alias("seconds"),
    )
    ranked = counted.select(*CANDIDATE_COLUMNS).toPandas()
    ranked["share"] = ranked["share"] / max(1, models.count())
    return ranked.sort_values(["share", "candidate"], ascending=[False, True], ignore_index=True)
