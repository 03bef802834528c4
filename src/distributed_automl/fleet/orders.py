"""What a task is told beside its rows: which scenarios to work on, and the stored models that they need.

Orders are the right side of the cogroup. A model's bytes go from parquet to the tasks that need them, never through
the driver, and once per task however many scenarios share it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.fleet.scenario_ids import BUCKET_COL, is_pool_column
from distributed_automl.narrow import typed

if TYPE_CHECKING:
    from distributed_automl.scenario.attempt import StoredModel

ORDERS_DDL = (
    f"`{BUCKET_COL}` int, scenario_id string, fingerprint string, champion_key string, pool_key string, "
    "n_trials int, model_key string, run_id string, model binary, model_digest string"
)
"""A row with a scenario_id is a scenario to work on; one with a model_key is a stored model that scenarios refer to."""


@dataclass(frozen=True)
class Order:
    """One scenario to work on.

    Attributes:
        scenario_id: the scenario, or a pool.
        fingerprint: of the fit to make; None when predicting.
        champion: its champion's model; None if there is none, or when fitting.
        pool: the pooled model that it may use; None if there is none.
        n_trials: trials per candidate that the plan gave it; None: the usual ones, or when predicting.
        gone_run_id: the run whose fit is its champion, but is not there any more; None if there is no such.
    """

    scenario_id: str
    fingerprint: str | None
    champion: "StoredModel | None"
    pool: "StoredModel | None"
    n_trials: int | None = None
    gone_run_id: str | None = None


def model_key(scenario_id: str, run_id: str) -> str:
    """Return the name of a stored model: scenario and run are the key of `fits`."""
    return f"{run_id}/{scenario_id}"


def run_of(key: str) -> str:
    """Return the run in the name of a stored model."""
    return key.split("/", 1)[0]


def spark_orders(fits: DataFrame, wanted: pd.DataFrame) -> DataFrame:
    """Return the orders of a Spark job: scenarios, and a copy of every model for each bucket that refers to it.

    Args:
        fits: rows of FITS, models included.
        wanted: one row per scenario: BUCKET_COL, scenario_id, fingerprint, champion_key, pool_key (keys or None), and
            n_trials where a plan gave some.
    """
    spark = fits.sparkSession
    no_model = {"model_key": None, "run_id": None, "model": None, "model_digest": None}
    scenarios = typed(spark, wanted.assign(n_trials=wanted.get("n_trials"), **no_model), ORDERS_DDL)
    parts = [
        wanted[[BUCKET_COL, key]].set_axis([BUCKET_COL, "model_key"], axis=1) for key in ("champion_key", "pool_key")
    ]
    needs = pd.concat(parts).dropna().drop_duplicates()
    return scenarios if needs.empty else scenarios.unionByName(_models(fits, needs))


def _models(fits: DataFrame, needs: pd.DataFrame) -> DataFrame:
    """Return the stored models that tasks need; `needs` has BUCKET_COL and model_key."""
    runs = sorted({run_of(key) for key in needs["model_key"]})
    wanted = F.broadcast(typed(fits.sparkSession, needs, f"`{BUCKET_COL}` int, model_key string"))
    keyed = fits.where(F.col("run_id").isin(runs) & F.col("model").isNotNull()).select(
        F.concat("run_id", F.lit("/"), "scenario_id").alias("model_key"), "run_id", "model", "model_digest"
    )
    nothing = F.lit(None).cast("string")
    return keyed.join(wanted, "model_key").select(
        BUCKET_COL,
        *(nothing.alias(name) for name in ("scenario_id", "fingerprint", "champion_key", "pool_key")),
        nothing.cast("int").alias("n_trials"),
        "model_key", "run_id", "model", "model_digest",
    )  # fmt: skip


def read_orders(orders: pd.DataFrame) -> list[Order]:
    """Return the orders that a task got, sorted by scenario."""
    from distributed_automl.scenario.attempt import StoredModel

    is_model = orders["model_key"].notna()
    models = {
        row["model_key"]: StoredModel(bytes(row["model"]), row["model_digest"], row["run_id"])
        for row in orders[is_model].to_dict("records")
    }
    return [
        Order(
            row["scenario_id"],
            row["fingerprint"],
            models.get(row["champion_key"]),
            models.get(row["pool_key"]),
            None if pd.isna(row["n_trials"]) else int(row["n_trials"]),
            None if pd.isna(row["champion_key"]) or row["champion_key"] in models else run_of(row["champion_key"]),
        )
        for row in orders[~is_model].sort_values("scenario_id").to_dict("records")
    ]


def earliest_pools(fits: DataFrame) -> pd.DataFrame:
    """Return pool_id, run_id, fingerprint, model_digest of fitted pools: the earliest of each fingerprint."""
    narrow = fits.where(is_pool_column() & (F.col("status") == "fitted"))
    found = narrow.select("scenario_id", "run_id", "fingerprint", "fitted_at", "model_digest").toPandas()
    earliest = found.sort_values(["fitted_at", "run_id"]).drop_duplicates(["scenario_id", "fingerprint"])
    return earliest.rename(columns={"scenario_id": "pool_id"}).drop(columns="fitted_at")
