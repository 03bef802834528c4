"""Which products count: those of a category whose sales are units."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.parameters import Engineering
from distributed_automl.pipelines.data_engineering.streams import PRODUCTS, admit


def keep_products(products: DataFrame, engineering: Engineering) -> DataFrame:
    """Drop products without a category, and those of departments whose rows are not counted in units.

    Returns:
        `product_id` (unique), `product_category`, `department`.
    """
    counted = ~F.col("department").isin(*engineering.dropped_departments)
    kept = admit(products, PRODUCTS).where(F.col("product_category").isNotNull() & counted)
    return kept.select("product_id", "product_category", "department")


def departments_of(kept_products: DataFrame) -> DataFrame:
    """Name one department per category: the one with most of its products; of equals the first in the alphabet.

    Returns:
        `product_category` (unique), `department`.
    """
    sizes = kept_products.groupBy("product_category", "department").agg(F.count("*").alias("n_products"))
    first = F.min_by("department", F.struct(-F.col("n_products"), F.col("department")))
    return sizes.groupBy("product_category").agg(first.alias("department"))
