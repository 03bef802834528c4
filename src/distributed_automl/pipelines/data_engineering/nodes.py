"""The tables that leave the engineering: ``master_df``, ``master_df_predict`` and ``actuals``."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.parameters import Engineering, Problem
from distributed_automl.pipelines.data_engineering.calendar import build_calendar
from distributed_automl.pipelines.data_engineering.products import departments_of
from distributed_automl.pipelines.data_engineering.sales import lay_out_days
from distributed_automl.tables import Column, Table

MASTER_DF = Table(
    "master_df",
    (
        Column("product_category", "string", "the scenario"),
        Column("date", "date", "the day, in UTC"),
        Column("units", "double", "the target: units sold, whole numbers; null on days asked for"),
        Column("department", "string", "static: the department of most of the category's products"),
        Column("display_share", "double", "known: share on display over products and stores; null: week unknown"),
        Column("mailer_share", "double", "known: share in the mailer over products and stores; null: week unknown"),
        Column("n_campaigns", "int", "known: active campaigns with a coupon for the category"),
        Column("n_coupons", "int", "known: coupons for the category in active campaigns"),
        Column("n_campaign_households", "int", "known: households that those campaigns were sent to"),
        Column("is_holiday", "int", "known: 1 on a public holiday, else 0"),
        Column("days_to_holiday", "int", "known: days to the next holiday, 14 at most"),
        Column("days_since_holiday", "int", "known: days since the last holiday, 14 at most"),
        Column("revenue_cents", "bigint", "observed: what was taken, in cents; null on days asked for"),
    ),
    key=("product_category", "date"),
)
"""Contract of ``master_df`` and ``master_df_predict``."""

ACTUALS = Table("actuals", MASTER_DF.columns[:3], key=MASTER_DF.key)

COUNTS = ("n_campaigns", "n_coupons", "n_campaign_households")


def origin_of(engineering: Engineering) -> date:
    """Return the last day that training may know of."""
    return date.fromisoformat(engineering.origin)


def lay_out_panel(daily_sales: DataFrame, engineering: Engineering, problem: Problem) -> DataFrame:
    """Lay out the days of all categories up to the end of the horizon, with sales up to the origin and the calendar."""
    origin = origin_of(engineering)
    last_day = origin + timedelta(days=problem.horizon)
    calendar = build_calendar(daily_sales.sparkSession, last_day, engineering.country)
    return lay_out_days(daily_sales, origin, last_day).join(F.broadcast(calendar), "date", "left")


def join_panel(
    panel_days: DataFrame, promotion_days: DataFrame, campaign_days: DataFrame, kept_products: DataFrame
) -> DataFrame:
    """Join to the days what is known in advance and the departments: the columns of MASTER_DF.

    The panel is marked to be kept when it is first computed, so that a run of both sides reads the promotions once.
    """
    by_day = list(MASTER_DF.key)
    joined = panel_days.join(promotion_days, by_day, "left").join(campaign_days, by_day, "left")
    filled = joined.withColumns({name: F.coalesce(name, F.lit(0)) for name in COUNTS})
    panel = filled.join(F.broadcast(departments_of(kept_products)), "product_category", "left")
    return panel.select(*(F.col(c.name).cast(c.type).alias(c.name) for c in MASTER_DF.columns)).persist()


def make_master_df(panel: DataFrame, engineering: Engineering) -> DataFrame:
    """Keep the days up to the origin: what training sees, whole categories together and in order."""
    return _in_order(panel.where(F.col("date") <= F.lit(origin_of(engineering))))


def make_master_df_predict(panel: DataFrame) -> DataFrame:
    """Keep the whole history, which lags and levels need as they were in training, and the days asked for."""
    return _in_order(panel)


def make_actuals(daily_sales: DataFrame, engineering: Engineering, problem: Problem) -> DataFrame:
    """Say what came true in the horizon for each category sold up to the origin, as far as the sales reach.

    Returns:
        `product_category`, `date` (unique together), `units` (double, zero on days without sales).
    """
    origin = origin_of(engineering)
    last_day = origin + timedelta(days=problem.horizon)
    known = daily_sales.where(F.col("date") <= F.lit(last_day))
    reached = known.agg(F.max("date").alias("last_sale"))
    asked = lay_out_days(known, origin, last_day).where(F.col("date") > F.lit(origin)).select(*ACTUALS.key)
    sold = known.groupBy(*ACTUALS.key).agg(F.sum("units").alias("units"))
    dense = asked.join(sold, list(ACTUALS.key), "left").crossJoin(F.broadcast(reached))
    units = F.coalesce("units", F.lit(0)).cast("double").alias("units")
    return dense.where(F.col("date") <= F.col("last_sale")).select(*ACTUALS.key, units)


def _in_order(panel: DataFrame) -> DataFrame:
    """Put each category into one partition, by day, so that reading a few categories skips the others' row groups."""
    return panel.repartition("product_category").sortWithinPartitions(*MASTER_DF.key)
