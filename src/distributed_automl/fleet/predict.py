"""Predict every sample asked for, once, on Spark: rows cogrouped with the champions' models and the pools'."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType
from threadpoolctl import threadpool_limits

from distributed_automl.datasets.unfinished import FAILED_RUNG
from distributed_automl.errors import RunError
from distributed_automl.fleet.asked import Asked, Origin, origin_column, read_question
from distributed_automl.fleet.limits import Finished, OnStage, ignore_stage, run_each, run_limited
from distributed_automl.fleet.orders import Order, earliest_pools, model_key, read_orders, spark_orders
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL, quoted, with_ids, without_helpers
from distributed_automl.fleet.train import apply_by_bucket
from distributed_automl.fleet.waves import fill_tasks
from distributed_automl.narrow import typed
from distributed_automl.parameters import Limits, Plan, Prediction, Problem, Run
from distributed_automl.tables import BY_HAND, PINNED, Table, predictions_table

logger = logging.getLogger(__name__)

_N_TOLD = 300
"""Characters of a reason that the driver reads."""
_ADDED_LATER = ("prediction_run_id", "origin")
"""Columns that are the same in all rows: added by Spark, not by the workers."""
REFUSED_MEMORY = r"(?:^|; )(?:champion|pooled|baseline): (?:Unable to allocate|$|;)"
"""What a reason says where memory was refused: numpy's message, or Python's, which is empty."""
Attempt = Callable[["PredictJob", Order, pd.DataFrame, OnStage], pd.DataFrame]


@dataclass(frozen=True)
class PredictJob:
    """What travels to every worker of a prediction.

    Attributes:
        problem: the use case.
        limits: of one scenario.
        origin: last timestamp that may be known.
        table: contract of the rows that workers return, see `of_workers`.
        attempt: predicts one scenario; see `predict_attempt`.
    """

    problem: Problem
    limits: Limits
    origin: Origin
    table: Table
    attempt: Attempt


@dataclass(frozen=True)
class Forecast:
    """A prediction about to be made: one Spark job.

    Attributes:
        job: what all its scenarios share.
        rows: their rows, with SCENARIO_COL and BUCKET_COL.
        orders: the right side of the cogroup, see `orders`.
        n_buckets: tasks.
        n_scenarios: scenarios.
    """

    job: PredictJob
    rows: DataFrame
    orders: DataFrame
    n_buckets: int
    n_scenarios: int


def predict(
    master_df_predict: DataFrame,
    champions: DataFrame,
    fits: DataFrame,
    settings: "PredictSetup",
    *,
    n_cores: int,
    progress: Progress,
) -> Iterator[tuple[DataFrame, Asked]]:
    """Yield the predictions once, lazy: to be saved, once, before more is asked for.

    Args:
        master_df_predict: history and the rows asked for.
        champions: rows of CHAMPIONS.
        fits: rows of FITS, models included.
        settings: the run's parameters.
        n_cores: cores that work at once.
        progress: is told how it goes.

    Yields:
        Rows of `predictions`, and what was asked.
    """
    problem = settings.problem
    frame = with_ids(master_df_predict, problem)
    asked = read_question(frame, problem, settings.prediction)
    wanted = asked.scenarios.assign(
        **{BUCKET_COL: fill_tasks(list(asked.scenarios["n_rows"]), settings.plan, n_cores)},
        fingerprint=None,
    ).join(keys_of_models(asked.scenarios, champions, fits))
    _warn_without_champions(wanted)
    table = contract_of(master_df_predict.schema, problem)
    job = PredictJob(problem, settings.run.limits, asked.origin, of_workers(table), predict_attempt)
    n_buckets = int(wanted[BUCKET_COL].max()) + 1
    forecast = Forecast(job, _rows(frame, wanted), spark_orders(fits, wanted), n_buckets, len(wanted))
    constants = {
        "prediction_run_id": F.lit(settings.run_id),
        "origin": origin_column(master_df_predict, problem, asked.origin),
    }
    with progress.running("predicted scenarios", len(wanted), len(wanted)):
        progress.begin(len(wanted), len(wanted))
        for predicted in ENGINES[settings.run.engine](forecast, progress):
            yield predicted.withColumns(constants).select(*map(quoted, table.names)), asked


@dataclass(frozen=True)
class PredictSetup:
    """The parameters of a prediction run."""

    problem: Problem
    prediction: Prediction
    plan: Plan
    run: Run
    run_id: str


def _warn_without_champions(wanted: pd.DataFrame) -> None:
    """Say so, and what to do, if nobody has a champion: a prediction that ends well would hide it."""
    if wanted["champion_key"].notna().any():
        return
    n_pooled = int(wanted["pool_key"].notna().sum())
    pooled = f"the pooled model in {n_pooled:,} of them, and by the baseline in the others"
    logger.warning(
        "none of the %s scenarios has a champion, so every sample is answered by %s. For models of their own run "
        "`kedro run --pipelines=train`, then `kedro run --pipelines=promote`, and predict again",
        f"{len(wanted):,}",
        pooled if n_pooled else "the baseline",
    )


def _rows(frame: DataFrame, wanted: pd.DataFrame) -> DataFrame:
    assigned = wanted[["scenario_id", BUCKET_COL]].set_axis([SCENARIO_COL, BUCKET_COL], axis=1)
    tasks = typed(frame.sparkSession, assigned, f"`{SCENARIO_COL}` string, `{BUCKET_COL}` int")
    names = without_helpers(frame).columns
    return frame.join(F.broadcast(tasks), SCENARIO_COL).select(*map(quoted, names), SCENARIO_COL, BUCKET_COL)


def contract_of(schema: StructType, problem: Problem) -> Table:
    """Return the contract of `predictions`, whose keys, timestamp and sample id keep the types that they have."""
    types = {field.name: field.dataType.simpleString() for field in schema.fields}
    timestamp = types[problem.timestamp] if problem.is_forecasting and problem.timestamp else None
    sample_id = types[problem.sample_id] if problem.sample_id else "string"
    return predictions_table(
        {key: types[key] for key in problem.keys},
        timestamp,
        sample_id_type=sample_id,
        levels=problem.levels,
        of_classes=problem.is_classification,
    )


def of_workers(predictions: Table) -> Table:
    """Return the contract of what workers return: `predictions` without the columns that are the same in all rows."""
    columns = tuple(column for column in predictions.columns if column.name not in _ADDED_LATER)
    return Table("predicted", columns, key=("sample_id",))


def keys_of_models(scenarios: pd.DataFrame, champions: DataFrame, fits: DataFrame) -> pd.DataFrame:
    """Return the keys of the models that each scenario's prediction needs, or None: champion_key, pool_key.

    The pool is the very one that the champion was fitted with; for others, or where that is gone, the scenario's pool
    as it was fitted last.
    """
    fit_of = latest_champions(champions)
    needs = _pool_digests(fits, fit_of)
    pools = earliest_pools(fits)
    keys = [model_key(pool_id, run_id) for pool_id, run_id in zip(pools["pool_id"], pools["run_id"], strict=True)]
    by_digest = dict(zip(pools["model_digest"], keys, strict=True))
    latest = dict(zip(pools["pool_id"], keys, strict=True))
    champion_keys = [model_key(name, fit_of[name]) if name in fit_of else None for name in scenarios["scenario_id"]]
    pool_keys = [
        by_digest.get(needs.get(name)) or latest.get(pool_id)
        for name, pool_id in zip(scenarios["scenario_id"], scenarios["pool_id"], strict=True)
    ]
    keyed = {"champion_key": champion_keys, "pool_key": pool_keys}
    return pd.DataFrame(keyed, index=scenarios.index, dtype=object)


def latest_champions(champions: DataFrame) -> dict[str, str]:
    """Return scenario_id -> fit_run_id of the latest decision that counts; see BY_HAND."""
    decision = F.struct("since", "fit_run_id", "decision")
    latest = champions.groupBy("scenario_id").agg(
        F.max(decision).alias("latest"), F.max(F.when(F.col("decision").isin(*BY_HAND), decision)).alias("by_hand")
    )
    counts = F.when(F.col("by_hand.decision") == PINNED, F.col("by_hand")).otherwise(F.col("latest"))
    found = latest.select("scenario_id", counts["fit_run_id"].alias("fit_run_id")).toPandas()
    return dict(zip(found["scenario_id"], found["fit_run_id"], strict=True))


def _pool_digests(fits: DataFrame, fit_of: Mapping[str, str]) -> dict[str, str]:
    """Return scenario_id -> digest of the pooled model that its champion needs."""
    narrow = fits.where(F.col("pool_digest").isNotNull() & F.col("run_id").isin(sorted(set(fit_of.values()))))
    found = narrow.select("scenario_id", "run_id", "pool_digest").toPandas()
    mine = found[found["scenario_id"].map(fit_of) == found["run_id"]]
    return dict(zip(mine["scenario_id"], mine["pool_digest"], strict=True))


# --- on the workers --------------------------------------------------------------------------------------------------


def predict_bucket(job: PredictJob, rows: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Predict every scenario of a bucket in killable children; the UDF of the cogroup."""
    from distributed_automl.scenario.attempt import preload

    preload()
    frames = dict(iter(rows.drop(columns=BUCKET_COL).groupby(SCENARIO_COL)))
    asked = [(order, frames.pop(order.scenario_id).drop(columns=SCENARIO_COL)) for order in read_orders(orders)]
    parts = predict_in_children(job, asked)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=job.table.names)


def predict_in_children(job: PredictJob, asked: Sequence[tuple[Order, pd.DataFrame]]) -> list[pd.DataFrame]:
    """Predict scenarios in children that several share, see `run_each`; one that kills its child goes down the ladder.

    Args:
        job: what all share.
        asked: each scenario's order, and its rows.

    Returns:
        Each scenario's predictions.
    """
    tasks = [partial(job.attempt, job, order, frame) for order, frame in asked]
    parts = []
    for (order, frame), finished in zip(asked, run_each(tasks, job.limits, lacked_memory), strict=True):
        if finished.stopped is None:
            parts.append(finished.result)
        else:
            parts.append(_predict_below(job, order, frame, _told(order, finished)))
    return parts  # type: ignore[return-value]


def lacked_memory(predicted: Any) -> bool:
    """Return whether a prediction's reason says that a model was refused memory, in Python's words or numpy's."""
    return bool(predicted["reason"].str.contains(REFUSED_MEMORY, na=False).any())


def _told(order: Order, finished: Finished) -> str:
    """Return which rung came to nothing, and why; where no rung was tried yet, it is the first that there is."""
    highest = "champion" if order.champion is not None else "pooled" if order.pool is not None else "baseline"
    return f"{highest if finished.stage == 'start' else finished.stage}: {finished.stopped}"


def _predict_below(job: PredictJob, order: Order, frame: pd.DataFrame, told: str) -> pd.DataFrame:
    """Predict a scenario whose process died: by its pool, if its champion was to blame; at last in this process.

    The baseline needs no library that could take a worker down.
    """
    reasons = [told]
    if order.champion is not None and order.pool is not None:
        below = replace(order, champion=None)
        finished = run_limited(partial(job.attempt, job, below, frame), job.limits)
        if finished.stopped is None:
            return _with_reasons(finished.result, reasons)
        reasons.append(_told(below, finished))
    return _with_reasons(predict_attempt(job, replace(order, champion=None, pool=None), frame), reasons)


def _with_reasons(predicted: object, reasons: list[str]) -> pd.DataFrame:
    """Put the reasons before the rows' own, in which the rungs that were taken away are called missing."""
    assert isinstance(predicted, pd.DataFrame)
    taken = {f"no {reason.split(':', 1)[0]}" for reason in reasons}
    owns = [[part for part in (own or "").split("; ") if part and part not in taken] for own in predicted["reason"]]
    return predicted.assign(reason=["; ".join([*reasons, *own]) for own in owns])


def predict_attempt(
    job: PredictJob, order: Order, frame: pd.DataFrame, on_stage: OnStage = ignore_stage
) -> pd.DataFrame:
    """Predict one scenario; never raises for what is wrong with its rows."""
    from distributed_automl.scenario.attempt import attempt_predict

    predicted = attempt_predict(
        frame.reset_index(drop=True),
        job.problem,
        scenario_id=order.scenario_id,
        champion=order.champion,
        pool=order.pool,
        origin=job.origin,
        on_stage=on_stage,
    )
    if order.gone_run_id is not None:
        predicted = _with_reasons(predicted, [f"champion: its fit, by the run {order.gone_run_id}, is gone"])
    return predicted[job.table.names]


def predict_on_spark(forecast: Forecast, progress: Progress) -> Iterator[DataFrame]:
    """Predict one task per bucket; whoever asks for more must have executed the frame, once."""
    udf = partial(predict_bucket, forecast.job)
    yield apply_by_bucket(udf, forecast.rows, forecast.orders, forecast.n_buckets, forecast.job.table.ddl)
    progress.end(forecast.n_scenarios, progress.n_failed_in_files())


def predict_locally(forecast: Forecast, progress: Progress) -> Iterator[DataFrame]:
    """Predict in this process, one scenario after another."""
    parts = []
    with threadpool_limits(limits=1):
        for order in read_orders(forecast.orders.toPandas()):
            mine = forecast.rows.where(F.col(SCENARIO_COL) == F.lit(order.scenario_id))
            parts.append(predict_attempt(forecast.job, order, without_helpers(mine).toPandas(), progress.stage))
            progress.end(1, int(parts[-1]["reason"].str.contains(FAILED_RUNG, na=False).any()))
    predicted = pd.concat(parts, ignore_index=True)
    yield forecast.rows.sparkSession.createDataFrame(predicted, schema=forecast.job.table.ddl)


ENGINES: Mapping[str, Callable[[Forecast, Progress], Iterator[DataFrame]]] = {
    "spark": predict_on_spark,
    "local": predict_locally,
}
"""Names of `run.engine`."""


def check_complete(predictions: DataFrame, asked: Asked, run_id: str) -> pd.DataFrame:
    """Compare what was saved with what was asked; warn of models that could not answer.

    Args:
        predictions: saved rows.
        asked: the question.
        run_id: the run whose rows to look at.

    Returns:
        Rungs and how many rows each answered: rung, n_rows.

    Raises:
        RunError: a sample was lost or doubled; names the scenarios.
    """
    mine = predictions.where(F.col("prediction_run_id") == F.lit(run_id))
    fell = F.when(F.col("reason").rlike(FAILED_RUNG), F.substring("reason", 1, _N_TOLD))
    counts = mine.groupBy("scenario_id").agg(
        F.count(F.lit(1)).alias("n_rows"), F.count_distinct("sample_id").alias("n_samples"), F.min(fell).alias("fell")
    )
    judged = counts.toPandas().set_index("scenario_id")
    found, fallen = judged[["n_rows", "n_samples"]], judged["fell"].dropna()
    if len(fallen):
        logger.warning(
            "in %d of %d scenarios a model that was to predict could not; most often: %s (`reason` of `predictions`)",
            len(fallen), len(found), fallen.mode().iloc[0],
        )  # fmt: skip
    expected = asked.scenarios.set_index("scenario_id")["n_asked"]
    joined = found.reindex(expected.index.union(found.index)).fillna(0).astype(int)
    wrong = joined[
        (joined["n_rows"] != expected.reindex(joined.index).fillna(0)) | (joined["n_rows"] != joined["n_samples"])
    ]
    if len(wrong):
        name = wrong.index[0]
        raise RunError(
            f"{len(wrong)} scenarios have lost or doubled predictions, e.g. '{name}': asked for "
            f"{int(expected.get(name, 0))}, saved {wrong['n_rows'].iloc[0]}, distinct {wrong['n_samples'].iloc[0]}"
        )
    n_saved, n_distinct = int(joined["n_rows"].sum()), mine.select("sample_id").distinct().count()
    if n_saved != n_distinct:
        raise RunError(f"{n_saved} predictions were saved, but of {n_distinct} samples: scenarios share sample ids")
    return mine.groupBy("rung").agg(F.count(F.lit(1)).alias("n_rows")).toPandas()
