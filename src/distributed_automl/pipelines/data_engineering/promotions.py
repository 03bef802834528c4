"""How much of each category is promoted, by day."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.pipelines.data_engineering.sales import find_week_zero
from distributed_automl.pipelines.data_engineering.streams import PROMOTIONS, admit

CATEGORY_WEEK = ["product_category", "week"]


def share_promotions(promotions: DataFrame, kept_products: DataFrame, daily_sales: DataFrame) -> DataFrame:
    """Measure the shares of each category that are on display and in the mailer, on each day of a promoted week.

    `display_share` = the week's promotion rows of the category's products that are on display, divided by (products of
    the category in `products` x stores with any promotion that week); `mailer_share` likewise. In words: the chance
    that a product of the category is on display in a store. A product in two places of one store counts twice (1 row
    in 1,600), because to see that takes ten times as long as all the rest.

    Of the large stream each row is read once for the shares and once for the stores.

    Returns:
        `product_category`, `date` (unique together), `display_share`, `mailer_share` (double): every category on every
        day of each week that has promotions at all. Zero: none of it was promoted; no row: the week is unknown.
    """
    rows = admit(promotions, PROMOTIONS)
    stores = rows.groupBy("week").agg(F.count_distinct("store_id").alias("n_stores"))
    assortment = kept_products.groupBy("product_category").agg(F.count("*").alias("n_products"))
    grid = assortment.crossJoin(F.broadcast(stores)).join(_count_placements(rows, kept_products), CATEGORY_WEEK, "left")
    places = F.col("n_products") * F.col("n_stores")
    shares = grid.select(
        *CATEGORY_WEEK,
        (F.coalesce("n_displayed", F.lit(0)) / places).alias("display_share"),
        (F.coalesce("n_mailed", F.lit(0)) / places).alias("mailer_share"),
    )
    return _spread_over_days(shares, find_week_zero(daily_sales))


def _count_placements(rows: DataFrame, kept_products: DataFrame) -> DataFrame:
    categories = F.broadcast(kept_products.select("product_id", "product_category"))
    return (
        rows.join(categories, "product_id")
        .groupBy(*CATEGORY_WEEK)
        .agg(
            F.count_if(F.col("display_location") != "0").alias("n_displayed"),
            F.count_if(F.col("mailer_location") != "0").alias("n_mailed"),
        )
    )


def _spread_over_days(shares: DataFrame, week_zero: DataFrame) -> DataFrame:
    first_day = F.date_add("week_zero", (7 * F.col("week")).cast("int"))
    days = F.explode(F.sequence(first_day, F.date_add(first_day, 6))).alias("date")
    return shares.crossJoin(F.broadcast(week_zero)).select("product_category", days, "display_share", "mailer_share")
