import pytest
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.parameters import Engineering
from distributed_automl.pipelines.data_engineering.products import departments_of, keep_products

pytestmark = pytest.mark.spark


def test_when_products_are_kept_then_dropped_departments_and_unknown_categories_are_gone(
    streams: dict[str, DataFrame],
) -> None:
    kept = keep_products(streams["products"], Engineering())
    assert sorted(row.product_id for row in kept.collect()) == [1, 2, 3, 4, 8, 9]


def test_when_no_department_is_dropped_then_every_known_category_is_kept(streams: dict[str, DataFrame]) -> None:
    kept = keep_products(streams["products"], Engineering(dropped_departments=()))
    assert sorted(row.product_id for row in kept.collect()) == [1, 2, 3, 4, 5, 6, 8, 9]


def test_when_departments_share_a_category_then_most_products_decide_and_the_alphabet_breaks_ties(
    spark: SparkSession,
) -> None:
    apples = [(1, "APPLES", "TOYS"), (2, "APPLES", "PRODUCE"), (3, "APPLES", "TOYS")]
    rows = [*apples, (4, "BREAD", "B"), (5, "BREAD", "A")]
    kept = spark.createDataFrame(rows, "product_id bigint, product_category string, department string")
    found = {row.product_category: row.department for row in departments_of(kept).collect()}
    assert found == {"APPLES": "TOYS", "BREAD": "A"}
