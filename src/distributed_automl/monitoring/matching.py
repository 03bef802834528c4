"""Predictions beside what came true, on Spark: matched lazily, then judged down to one narrow row per scenario."""

from collections.abc import Mapping
from functools import partial, reduce

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType

from distributed_automl.errors import TableError
from distributed_automl.monitoring.evaluation import (
    ABSENT,
    ACTUAL_COL,
    EXTRA,
    KNOWN,
    MATCH_COL,
    MATCHED,
    MISSING,
    N_ROWS_COL,
    evaluate,
    evaluation_contract,
)
from distributed_automl.parameters import Costs, Problem

HISTORY_HORIZONS = 3
"""How many horizons of history stand beside the forecast of the fleet."""
ASKED_COL, UNTIL_COL, FROM_COL = "__asked__", "__until__", "__from__"
"""Helper columns of a match: whether a prediction was asked for; the last period with actuals; the origin."""
PERIOD_COLUMNS = ["timestamp", "part", "actual", "predicted", "baseline"]


def match(predictions: DataFrame, actuals: DataFrame, problem: Problem) -> DataFrame:
    """Set each prediction of the latest prediction run beside its actual. Lazy.

    Where an absent period means zero, a prediction without an actual counts as zero up to the last period for which
    `actuals` has any row; later ones are missing, not zero. Actuals up to the origin are history and left out.

    Args:
        predictions: as the contract says.
        actuals: keys with their timestamp (tabular tasks: the sample id) and the target.
        problem: the use case.

    Returns:
        The columns of `predictions`, and `actual` (double; a class as text), `n_actual_rows` (bigint) and `match`; of
        an actual that nobody asked for only the keys are filled.

    Raises:
        TableError: `actuals` lacks a column; names it.
    """
    _require_columns(actuals, problem)
    predictions = latest_run(predictions)
    truth = _truth(actuals, problem, {field.name: field.dataType for field in predictions.schema})
    return _judge(_beside(predictions, truth), problem).select(
        *map(_column, predictions.columns), ACTUAL_COL, N_ROWS_COL, MATCH_COL
    )


def _require_columns(actuals: DataFrame, problem: Problem) -> None:
    needed = [*problem.scenario_keys, *_matched_columns(problem).values(), problem.target]
    missing = [name for name in dict.fromkeys(needed) if name not in actuals.columns]
    if missing:
        raise TableError(f"table 'actuals' lacks the columns {missing}; it has {actuals.columns}")


def latest_run(predictions: DataFrame) -> DataFrame:
    """Keep the rows of the latest prediction run; run ids begin with their time."""
    latest = predictions.agg(F.max("prediction_run_id").alias("prediction_run_id"))
    return predictions.join(F.broadcast(latest), "prediction_run_id", "left_semi")


def _column(name: str) -> Column:
    """Return a column by its name, whatever characters that has."""
    return F.col("`" + name.replace("`", "``") + "`")


def _matched_columns(problem: Problem) -> dict[str, str]:
    """Return what identifies a row: column of `predictions` -> column of `actuals`."""
    if problem.is_forecasting:
        return {**{key: key for key in problem.keys}, "timestamp": str(problem.timestamp)}
    return {"sample_id": str(problem.sample_id)}


def _truth(actuals: DataFrame, problem: Problem, types: Mapping[str, DataType]) -> DataFrame:
    """Return one row per key, typed and named as in `predictions` (with a prefix), with target and number of rows."""
    names = _matched_columns(problem) | {key: key for key in problem.scenario_keys}
    keys = [_column(theirs).cast(types[ours]).alias(_true(ours)) for ours, theirs in names.items()]
    target = _label(actuals, problem) if problem.is_classification else _column(problem.target).cast("double")
    found = actuals.select(*keys, target.alias(ACTUAL_COL)).groupBy(*[_column(_true(name)) for name in names])
    total = F.min(ACTUAL_COL) if problem.is_classification else F.sum(ACTUAL_COL)
    return found.agg(total.alias(ACTUAL_COL), F.count(F.lit(1)).alias(N_ROWS_COL))


def _label(actuals: DataFrame, problem: Problem) -> Column:
    """Return the class as text, as `label_of` writes it: a whole number in a column of floats without its ".0"."""
    target = _column(problem.target)
    if actuals.schema[problem.target].dataType.typeName() not in ("double", "float"):
        return target.cast("string")
    whole = F.when(target == F.floor(target), target.cast("bigint").cast("string"))
    return F.when(~F.isnan(target), F.coalesce(whole, target.cast("string")))


def _true(name: str) -> str:
    return f"__true_{name}__"


def _beside(predictions: DataFrame, truth: DataFrame) -> DataFrame:
    """Join in full; null keys are equal to each other. Keys of unasked actuals go where predictions have theirs."""
    names = [name for name in predictions.columns if _true(name) in truth.columns]
    by = ["sample_id"] if "sample_id" in names else names
    same = reduce(Column.__and__, [_column(name).eqNullSafe(_column(_true(name))) for name in by])
    until = _true("timestamp") if "timestamp" in names else None
    last = truth.agg((F.max(until) if until else F.lit(None)).alias(UNTIL_COL))
    first = predictions.agg(F.max("origin").alias(FROM_COL))
    asked = predictions.withColumn(ASKED_COL, F.lit(True)).join(truth, same, "full_outer")
    keys = {name: F.coalesce(_column(name), _column(_true(name))) for name in names}
    return asked.withColumns(keys).crossJoin(F.broadcast(last)).crossJoin(F.broadcast(first))


def _judge(joined: DataFrame, problem: Problem) -> DataFrame:
    """Say of each row how it came about, and fill the zeros of absent periods."""
    known = F.col(ACTUAL_COL).isNotNull()
    known = known if problem.is_classification else known & ~F.isnan(ACTUAL_COL)
    over = F.lit(problem.is_forecasting and problem.missing_rows == "zero") & (F.col("timestamp") <= F.col(UNTIL_COL))
    history = F.lit(problem.is_forecasting) & (F.col("timestamp") <= F.col(FROM_COL))
    how = (
        F.when(F.col(ASKED_COL).isNull(), EXTRA)
        .when(known, MATCHED)
        .when(F.col(N_ROWS_COL).isNull() & over, ABSENT)
        .otherwise(MISSING)
    )
    judged = joined.withColumn(MATCH_COL, how).filter(~((F.col(MATCH_COL) == EXTRA) & history))
    if problem.is_classification:
        return judged
    return judged.withColumn(ACTUAL_COL, F.when(F.col(MATCH_COL) == ABSENT, 0.0).otherwise(F.col(ACTUAL_COL)))


def evaluate_on_spark(outcomes: DataFrame, problem: Problem, costs: Costs) -> DataFrame:
    """Judge each scenario where its rows are. Lazy; one narrow row per scenario.

    Partitions are as many as the session's setting says, since a Python group costs far more than its bytes tell. On
    the way columns are called by their position, because `applyInPandas` cannot quote names.
    """
    names = outcomes.columns
    plain = [f"column_{i}" for i in range(len(names))]
    keys = [plain[names.index(key)] for key in problem.scenario_keys]
    n_partitions = int(outcomes.sparkSession.conf.get("spark.sql.shuffle.partitions") or 200)
    groups = outcomes.toDF(*plain).repartition(n_partitions, *keys).groupBy(*keys)
    work = partial(_evaluate_group, names, problem, costs)
    work.__annotations__ = {}  # Spark looks for type hints there, and warns of a partial that has none
    return groups.applyInPandas(work, schema=evaluation_contract(problem).ddl)


def _evaluate_group(names: list[str], problem: Problem, costs: Costs, group: pd.DataFrame) -> pd.DataFrame:
    """Judge one scenario; the UDF."""
    return evaluate(group.set_axis(names, axis=1), problem, costs)


def sum_by_period(outcomes: DataFrame, history: DataFrame, problem: Problem) -> pd.DataFrame:
    """Add up the fleet by period: recent history, then the horizon with forecast, baseline and actual.

    Where some actuals of a period are missing, all three sums leave those rows out; where all are, `actual` is NaN.

    Args:
        outcomes: as `match` returns them.
        history: `master_df_predict`, or any frame with timestamp and target.
        problem: the use case.

    Returns:
        Columns PERIOD_COLUMNS, sorted by timestamp; `part` is "history" or "horizon". Empty for tabular tasks.
    """
    if not problem.is_forecasting:
        return pd.DataFrame(columns=PERIOD_COLUMNS)
    parts = [_sum_history(history, outcomes, problem).toPandas(), _sum_horizon(outcomes).toPandas()]
    filled = [part for part in parts if len(part)]
    summed = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=PERIOD_COLUMNS)
    return summed.reindex(columns=PERIOD_COLUMNS).sort_values("timestamp", ignore_index=True)


def _sum_history(history: DataFrame, outcomes: DataFrame, problem: Problem) -> DataFrame:
    origin = outcomes.agg(F.max("origin").alias(FROM_COL))
    rows = history.select(_column(str(problem.timestamp)).alias("timestamp"), _column(problem.target).alias(ACTUAL_COL))
    past = rows.crossJoin(F.broadcast(origin)).filter(F.col("timestamp") <= F.col(FROM_COL))
    summed = past.groupBy("timestamp").agg(F.sum(F.col(ACTUAL_COL).cast("double")).alias(ACTUAL_COL))
    recent = summed.orderBy(F.desc("timestamp")).limit(HISTORY_HORIZONS * problem.horizon)
    return recent.withColumn("part", F.lit("history"))


def _sum_horizon(outcomes: DataFrame) -> DataFrame:
    known = F.col(MATCH_COL).isin(*KNOWN)
    asked = outcomes.filter(F.col(MATCH_COL) != EXTRA)

    def total(column: str) -> Column:
        return F.coalesce(F.sum(F.when(known, F.col(column))), F.sum(column))

    sums = asked.groupBy("timestamp").agg(
        F.sum(F.when(known, F.col(ACTUAL_COL))).alias("actual"),
        total("predicted_value").alias("predicted"),
        total("baseline_value").alias("baseline"),
    )
    return sums.withColumn("part", F.lit("horizon"))
