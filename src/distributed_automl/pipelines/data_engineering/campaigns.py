"""Which campaigns and coupons are active for each category, by day."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.pipelines.data_engineering.streams import CAMPAIGN_DESCRIPTIONS, CAMPAIGNS, COUPONS, admit


def count_campaigns(
    campaign_descriptions: DataFrame, campaigns: DataFrame, coupons: DataFrame, kept_products: DataFrame
) -> DataFrame:
    """Count the campaigns with a coupon for the category that are active on a day, their coupons and households.

    A campaign is active from its first to its last day, both included. A coupon that two active campaigns give out
    counts twice, as does a household in both.

    Returns:
        `product_category`, `date` (unique together), `n_campaigns`, `n_coupons`, `n_campaign_households` (bigint).
        Only days with an active campaign.
    """
    offers = admit(coupons, COUPONS).join(F.broadcast(kept_products), "product_id")
    n_coupons = offers.groupBy("campaign_id", "product_category").agg(F.count_distinct("coupon_upc").alias("n_coupons"))
    n_households = admit(campaigns, CAMPAIGNS).groupBy("campaign_id").agg(F.count("household_id").alias("n_households"))
    reach = n_coupons.join(n_households, "campaign_id", "left").join(_active_days(campaign_descriptions), "campaign_id")
    return reach.groupBy("product_category", "date").agg(
        F.count("*").alias("n_campaigns"),
        F.sum("n_coupons").alias("n_coupons"),
        F.sum(F.coalesce("n_households", F.lit(0))).alias("n_campaign_households"),
    )


def _active_days(campaign_descriptions: DataFrame) -> DataFrame:
    """Return `campaign_id`, `date`: one row per active day."""
    first, last = F.to_date("start_date"), F.to_date("end_date")
    message = F.concat(
        F.lit("stream 'campaign_descriptions': campaign "),
        F.col("campaign_id").cast("string"),
        F.lit(" ends before it starts; mend its start_date or end_date"),
    )
    checked_last = F.when(last < first, F.raise_error(message)).otherwise(last)
    return admit(campaign_descriptions, CAMPAIGN_DESCRIPTIONS).select(
        "campaign_id", F.explode(F.sequence(first, checked_last)).alias("date")
    )
