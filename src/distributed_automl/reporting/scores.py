"""What ``training_results`` tell the driver: a few numbers per scenario, quantiles of the others, candidates.

In a large fleet leaderboards and hyper-parameters are most of the table: they stay on Spark, and are counted there. So
do the many metrics that no figure pools: their quantiles are taken there.
"""

from collections.abc import Collection, Iterable
from itertools import chain

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.narrow import to_driver
from distributed_automl.reporting.training import CLASS_ERRORS, COVERAGE, MODELLED, NAMED_SCORES
from distributed_automl.scenario.metrics import FVA, METRICS

NARROW_COLUMNS = (
    "run_id", "scenario_id", "status", "reason", "stage", "error_type", "n_samples", "n_trials", "fit_seconds",
    "estimator", "model_bytes",
)  # fmt: skip
COLUMNS_AT_ONCE = 6
"""Columns that are in memory twice while they come to the driver."""
QUANTILES_AT_ONCE = 16
"""Scores of which Spark holds every value at once, to take exact quantiles."""
DETAILS = ("fit_run_id", "n_features", "peak_memory_mb", "hyperparameters", "model_digest")
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
CANDIDATE_COLUMNS = ["candidate", "share", "n_alone", "n_in_ensembles", "n_first", "n_trials", "seconds"]
_MAPS = ("metrics", "kpis")
_ENTRIES = "array<struct<candidate: string, rank: int, weight: double, n_trials: bigint, seconds: double>>"
_EXACT = "decimal(30,12)"
"""Sums of doubles depend on the partitioning; sums of these do not."""


def read_scores(training_results: DataFrame, also: Iterable[str] = ()) -> pd.DataFrame:
    """Return NARROW_COLUMNS and some scores as float64, one row per scenario, sorted by id.

    Args:
        training_results: rows of TRAINING_RESULTS.
        also: metrics and KPIs beside those that the figures name; those that no scenario has are left out.

    Returns:
        NARROW_COLUMNS, NAMED_SCORES, the coverages, and `also`. Errors of classes stand for WAPE and cost: see
        CLASS_ERRORS.

    Raises:
        RunError: a scenario has two rows, or the table changes while it is read.
    """
    wanted = {*also}
    found = {name for name in _names_in(training_results) if name in wanted or name.startswith(COVERAGE)}
    scores = [_score(name) for name in sorted(found | {*NAMED_SCORES})]
    told = to_driver(training_results.select(*NARROW_COLUMNS).orderBy("scenario_id"))
    for first in range(0, len(scores), COLUMNS_AT_ONCE):
        some = scores[first : first + COLUMNS_AT_ONCE]  # columns, not names: Spark takes the dot in one for a path
        part = to_driver(training_results.select("scenario_id", *some).orderBy("scenario_id"))
        if not part["scenario_id"].equals(told["scenario_id"]) or not told["scenario_id"].is_unique:
            raise RunError("expected one row per scenario in training_results, the same at each reading, found others")
        told = told.assign(**{str(name): part[name] for name in part.columns.drop("scenario_id")})
    return told


def _names_in(training_results: DataFrame) -> set[str]:
    """Return the names of the metrics and KPIs that some scenario has, and those that CLASS_ERRORS stand for."""
    keys = [F.array_distinct(F.flatten(F.collect_set(F.map_keys(name)))).alias(name) for name in _MAPS]
    own = {*chain.from_iterable(training_results.agg(*keys).collect()[0])}
    return own | {name for name, other in CLASS_ERRORS.items() if other in own}


def _score(name: str) -> Column:
    """Return a metric or KPI under its name, null where a scenario has none; see CLASS_ERRORS."""
    keys = [key for key in (name, CLASS_ERRORS.get(name)) if key is not None]
    return F.coalesce(*(F.try_element_at(of, F.lit(key)) for key in keys for of in _MAPS)).alias(name)


def read_distributions(training_results: DataFrame) -> dict[str, float]:
    """Return quantiles over the scenarios with a model of every metric and its baseline, and of the cost.

    They are exact (linear between two values), so that they do not depend on how the rows lie on Spark.
    """
    metrics = [name for metric in METRICS for name in (metric, f"baseline_{metric}")]
    named = {f"holdout.{name}": _score(name) for name in (*metrics, FVA)}
    named["training.fit_seconds"] = F.col("fit_seconds")
    models = training_results.where(F.col("status").isin(*MODELLED))
    known = [F.when(~F.isnan(value), value) for value in named.values()]
    quantiles = [F.percentile(value, list(QUANTILES.values())).alias(str(at)) for at, value in enumerate(known)]
    parts = (quantiles[first : first + QUANTILES_AT_ONCE] for first in range(0, len(quantiles), QUANTILES_AT_ONCE))
    taken = zip(named, chain.from_iterable(models.agg(*part).collect()[0] for part in parts), strict=True)
    return {
        f"{label}.{quantile}": float(value)
        for label, values in taken
        if values is not None
        for quantile, value in zip(QUANTILES, values, strict=True)
    }


def read_details(training_results: DataFrame, scenario_ids: Collection[str]) -> pd.DataFrame:
    """Return scenario_id, DETAILS and a column per metric and KPI of a few scenarios."""
    few = training_results.where(F.col("scenario_id").isin(list(scenario_ids)))
    scores = map(_score, sorted(_names_in(few)))
    return few.select("scenario_id", *DETAILS, *scores).toPandas()


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
