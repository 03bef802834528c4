"""Sales by category and day, and what they say about the retailer's weeks."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.pipelines.data_engineering.streams import TRANSACTIONS, admit


def sum_daily_sales(transactions: DataFrame, kept_products: DataFrame) -> DataFrame:
    """Sum the units and the revenue of each category by day.

    Money is summed in integer cents: a sum of doubles depends on the order of its rows. The result is small and serves
    several tables, so it is marked to be kept when it is first computed.

    Returns:
        `product_category`, `date`, `week` (unique together; a day may belong to two weeks), `units`, `revenue_cents`,
        `n_lines`, all bigint. Only days with sales.
    """
    lines = admit(transactions, TRANSACTIONS).join(F.broadcast(kept_products), "product_id")
    days = lines.groupBy("product_category", F.to_date("transaction_timestamp").alias("date"), "week")
    cents = F.round(F.col("sales_value") * 100).cast("bigint")
    return days.agg(
        F.sum("quantity").alias("units"), F.sum(cents).alias("revenue_cents"), F.count("*").alias("n_lines")
    ).persist()


def find_week_zero(daily_sales: DataFrame) -> DataFrame:
    """Find the day on which the retailer's week 0 began, so that week w begins 7 * w days later.

    Weeks run from Monday to Sunday in the stores' time, but days are UTC's: the first hours of a Monday still carry the
    number of the week before. So a day belongs to the week of most of its lines. A week whose first days are closed,
    or not in the data, seems to begin late and never early: the earliest beginning is the true one.

    Returns:
        One row: `week_zero` (date).
    """
    lines = daily_sales.groupBy("date", "week").agg(F.sum("n_lines").alias("n_lines"))
    days = lines.groupBy("date").agg(F.max_by("week", F.struct("n_lines", "week")).alias("week"))
    return days.agg(F.min(F.date_sub("date", (7 * F.col("week")).cast("int"))).alias("week_zero"))


def lay_out_days(daily_sales: DataFrame, origin: date, last_day: date) -> DataFrame:
    """Lay out every day of every category, from its first sale to `last_day`, with what was sold up to the origin.

    Categories first sold after the origin are not known yet and have no rows.

    Returns:
        `product_category`, `date` (unique together), `units` (double), `revenue_cents` (bigint): zero on days without
        sales, null after the origin.
    """
    known = daily_sales.where(F.col("date") <= F.lit(origin)).groupBy("product_category", "date")
    sold = known.agg(F.sum("units").alias("units"), F.sum("revenue_cents").alias("revenue_cents"))
    first_days = sold.groupBy("product_category").agg(F.min("date").alias("first_day"))
    days = F.explode(F.sequence("first_day", F.lit(last_day))).alias("date")
    grid = first_days.select("product_category", days).join(sold, ["product_category", "date"], "left")
    past = F.col("date") <= F.lit(origin)
    return grid.select(
        "product_category",
        "date",
        F.when(past, F.coalesce("units", F.lit(0))).cast("double").alias("units"),
        F.when(past, F.coalesce("revenue_cents", F.lit(0))).alias("revenue_cents"),
    )
