"""Fit a plan's scenarios wave by wave: on Spark one task per bucket, or here, one scenario after another.

On Spark the UDF returns rows and has no other effect, so that a task may run twice. The local engine runs the very same
attempts in this process, so that a breakpoint anywhere in the core stops there: it is the one place where a
scenario's rows come to the driver, one scenario's at a time, because the driver is the worker then.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from distributed_automl.fleet.fingerprint import code_digest, with_pool
from distributed_automl.fleet.fitting import (
    Attempt,
    FitJob,
    Row,
    completed,
    fit_attempt,
    fit_bucket,
    rows_are_gone,
    rows_frame,
)
from distributed_automl.fleet.orders import earliest_pools, model_key, read_orders, spark_orders
from distributed_automl.fleet.plan import FIT, sample_members
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.scenario_ids import (
    BUCKET_COL,
    SCENARIO_COL,
    is_pool_column,
    quoted,
    with_ids,
    without_helpers,
)
from distributed_automl.fleet.setup import Setup, define_features
from distributed_automl.narrow import to_driver, typed
from distributed_automl.tables import FITS, PART_COL, Table, are_pools

Frame = DataFrame | pd.DataFrame
MEMBER_COLUMNS = ("scenario_id", "pool_id", "n_rows", PART_COL, "rows_fingerprint")
"""Of PLAN: what the scenarios of a pool are chosen and found by."""
ORDER_COLUMNS = (
    "run_id", "scenario_id", "pool_id", PART_COL, "core_fingerprint", "pool_fingerprint", "fingerprint", "n_trials",
    "estimated_seconds", "wave", "bucket",
)  # fmt: skip
"""Of PLAN: what a scenario is fitted by."""
BucketWork = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Wave:
    """One Spark job's worth of work.

    Attributes:
        job: what all its scenarios share.
        rows: their rows, with SCENARIO_COL and BUCKET_COL.
        orders: the right side of the cogroup, see `orders`.
        scenario_ids: the scenarios, or pools.
        n_buckets: tasks.
        seconds: expected core-seconds.
    """

    job: FitJob
    rows: DataFrame
    orders: DataFrame
    scenario_ids: tuple[str, ...]
    n_buckets: int
    seconds: float


def fit_pools(
    master_df: DataFrame,
    plan: DataFrame,
    fits: DataFrame,
    setup: Setup,
    progress: Progress,
    *,
    attempt: Attempt | None = None,
) -> Iterator[Frame]:
    """Fit the plan's pools in a wave of their own; yield its rows, or nothing if no pool is to be fitted.

    Args:
        master_df: the training table.
        plan: rows of PLAN.
        fits: any frame of FITS; pools need no stored model of it.
        setup: the run's parameters.
        progress: is told how it goes.
        attempt: what is done with each pool; None: it is fitted.
    """
    pools = plan.where((F.col("action") == FIT) & is_pool_column()).toPandas()
    if pools.empty:
        return
    planned = to_driver(plan.select(*MEMBER_COLUMNS))
    pairs = _pool_members(planned, pools, setup)
    members = typed(master_df.sparkSession, pairs, f"member string, `{SCENARIO_COL}` string")
    parts = of_parts(master_df, planned[planned["scenario_id"].isin(pairs["member"])])
    ids = with_ids(parts, setup.problem).withColumnRenamed(SCENARIO_COL, "member")
    rows = ids.join(F.broadcast(members), "member").drop("member")
    with progress.running("pools", len(pools), pools["estimated_seconds"].sum()):
        yield from fit_wave(rows, fits, pools.assign(pool_key=None), setup, progress, attempt=attempt)


def _pool_members(planned: pd.DataFrame, pools: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """Return the scenarios that each pool learns from: member, SCENARIO_COL (the pool's id)."""
    members = dict(iter(planned[~are_pools(planned["scenario_id"])].groupby("pool_id")))
    pairs = [
        (member, pool_id)
        for pool_id in pools["pool_id"]
        for member in sample_members(members[pool_id], setup.plan.pool_max_samples)
    ]
    return pd.DataFrame(pairs, columns=["member", SCENARIO_COL])


def fit_scenarios(
    master_df: DataFrame,
    plan: DataFrame,
    pooled_fits: DataFrame,
    setup: Setup,
    progress: Progress,
    *,
    attempt: Attempt | None = None,
) -> Iterator[Frame]:
    """Fit the plan's scenarios; yield a wave at a time, each to be saved before the next is asked for.

    Args:
        master_df: the training table.
        plan: rows of PLAN.
        pooled_fits: rows of FITS, all pooled fits there are, this run's among them.
        setup: the run's parameters.
        progress: is told how it goes.
        attempt: what is done with each scenario; None: it is fitted.
    """
    todo = plan.where((F.col("action") == FIT) & ~is_pool_column()).select(*ORDER_COLUMNS)
    costs = todo.select("wave", "estimated_seconds").toPandas()
    if costs.empty:
        return
    pools = earliest_pools(pooled_fits)
    rows = with_ids(master_df, setup.problem)
    with progress.running("scenarios", len(costs), costs["estimated_seconds"].sum()):
        for wave in sorted(costs["wave"].unique()):
            part = with_pool_keys(to_driver(todo.where(F.col("wave") == int(wave))), pools)
            yield from fit_wave(rows, pooled_fits, part, setup, progress, attempt=attempt)


def of_parts(rows: DataFrame, wanted: pd.DataFrame) -> DataFrame:
    """Keep the parts of the table that hold the wanted scenarios, so that no file of another part is opened.

    Args:
        rows: of the whole table.
        wanted: rows of PLAN, or a frame without PART_COL: then, and where the table has no parts, all is kept.
    """
    parts = wanted.get(PART_COL)
    if PART_COL not in rows.columns or parts is None or parts.isna().any():
        return rows
    return rows.where(F.col(PART_COL).isin(sorted({int(part) for part in parts})))


def with_pool_keys(todo: pd.DataFrame, pools: pd.DataFrame) -> pd.DataFrame:
    """Add the key of the pooled model that each scenario counts on.

    A scenario whose pool's fit failed or was skipped in this run does without, and its fingerprint says so: when the
    pool is there one day, the scenario is fitted again.

    Args:
        todo: rows of PLAN.
        pools: pool_id, run_id, fingerprint of the fitted pools.
    """
    found = {
        (pool.pool_id, pool.fingerprint): model_key(str(pool.pool_id), str(pool.run_id))
        for pool in pools.itertuples(index=False)
    }
    keys = [found.get(pair) for pair in zip(todo["pool_id"], todo["pool_fingerprint"], strict=True)]
    prints = [
        one if key is not None else with_pool(core, None)
        for key, one, core in zip(keys, todo["fingerprint"], todo["core_fingerprint"], strict=True)
    ]
    return todo.assign(pool_key=pd.Series(keys, index=todo.index, dtype=object), fingerprint=prints)


def fit_wave(
    rows: DataFrame,
    fits: DataFrame,
    part: pd.DataFrame,
    setup: Setup,
    progress: Progress,
    *,
    attempt: Attempt | None = None,
    table: Table = FITS,
) -> Iterator[Frame]:
    """Fit the scenarios of one wave by the engine that the run asks for.

    Args:
        rows: of at least these scenarios, with SCENARIO_COL.
        fits: rows of FITS that have the models which `part` names.
        part: rows of PLAN, with pool_key.
        setup: the run's parameters.
        progress: is told how it goes.
        attempt: what is done with each scenario; None: it is fitted.
        table: contract of the rows that the attempt makes.
    """
    wanted = part.assign(**{BUCKET_COL: part["bucket"].astype(int)}, champion_key=None)
    assigned = wanted[["scenario_id", BUCKET_COL]].set_axis([SCENARIO_COL, BUCKET_COL], axis=1)
    tasks = typed(fits.sparkSession, assigned, f"`{SCENARIO_COL}` string, `{BUCKET_COL}` int")
    schema = without_helpers(rows).schema
    job = FitJob(
        setup.problem,
        setup.automl,
        define_features(schema, setup.problem, setup.automl),
        setup.run.limits,
        str(part["run_id"].iloc[0]),
        int(part["wave"].iloc[0]),
        code_digest(),
        attempt or fit_attempt,
        setup.portfolio_in_use(),
        table,
    )
    wave = Wave(
        job,
        of_parts(rows, part)
        .join(F.broadcast(tasks), SCENARIO_COL)
        .select(*map(quoted, schema.names), SCENARIO_COL, BUCKET_COL),
        spark_orders(fits, wanted),
        tuple(wanted["scenario_id"]),
        int(wanted[BUCKET_COL].max()) + 1,
        float(part["estimated_seconds"].sum()),
    )
    yield from ENGINES[setup.run.engine](wave, progress)


def fit_on_spark(wave: Wave, progress: Progress) -> Iterator[Frame]:
    """Yield one lazy frame; whoever asks for more must have executed it, once."""
    observation = Observation()
    fits = apply_by_bucket(partial(fit_bucket, wave.job), wave.rows, wave.orders, wave.n_buckets, wave.job.table.ddl)
    progress.begin(len(wave.scenario_ids), wave.seconds)
    yield fits.observe(
        observation, F.count(F.lit(1)).alias("done"), F.count_if(F.col("status") == "failed").alias("failed")
    )
    counts = observation.get
    progress.end(int(counts["done"]), int(counts["failed"]))


def apply_by_bucket(work: BucketWork, rows: DataFrame, orders: DataFrame, n_buckets: int, ddl: str) -> DataFrame:
    """Cogroup rows and orders by bucket and work on them: one exchange on each side, and one task per bucket.

    On the way the user's columns are called by their position, because `applyInPandas` cannot quote names.
    """
    names = rows.columns
    plain = [name if name in (SCENARIO_COL, BUCKET_COL) else f"column_{i}" for i, name in enumerate(names)]
    left = rows.toDF(*plain).repartitionById(n_buckets, BUCKET_COL).groupBy(BUCKET_COL)
    right = orders.repartitionById(n_buckets, BUCKET_COL).groupBy(BUCKET_COL)
    done: DataFrame = left.cogroup(right).applyInPandas(partial(_named, names, work), ddl)
    return done


def _named(names: list[str], work: BucketWork, rows: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Give the columns their names back and do the work; the UDF of the cogroup."""
    return work(rows.set_axis(names, axis=1), orders)


def fit_locally(wave: Wave, progress: Progress) -> Iterator[Frame]:
    """Yield one frame of fits that were made in this process."""
    progress.begin(len(wave.scenario_ids), wave.seconds)
    with threadpool_limits(limits=1):
        fits = list(_fits_here(wave, progress))
    yield rows_frame(fits, wave.job.table)


def _fits_here(wave: Wave, progress: Progress) -> Iterator[Row]:
    for order in read_orders(wave.orders.toPandas()):
        mine = without_helpers(wave.rows.where(F.col(SCENARIO_COL) == F.lit(order.scenario_id))).toPandas()
        if mine.empty:
            raise rows_are_gone(order.scenario_id)
        fit = wave.job.attempt(wave.job, order, mine, progress.stage)
        progress.end(1, int(fit["status"] == "failed"))
        yield completed(fit, wave.job, order, None)


ENGINES: Mapping[str, Callable[[Wave, Progress], Iterator[Frame]]] = {"spark": fit_on_spark, "local": fit_locally}
"""Names of `run.engine`."""
