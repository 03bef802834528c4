from datetime import date, datetime

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.parameters import Engineering
from distributed_automl.pipelines.data_engineering.products import keep_products
from distributed_automl.pipelines.data_engineering.sales import find_week_zero, lay_out_days, sum_daily_sales
from distributed_automl.pipelines.data_engineering.streams import TRANSACTIONS

pytestmark = pytest.mark.spark

DAILY = "product_category string, date date, week bigint, units bigint, revenue_cents bigint, n_lines bigint"


@pytest.fixture
def daily_sales(streams: dict[str, DataFrame], engineering: Engineering) -> DataFrame:
    return sum_daily_sales(streams["transactions"], keep_products(streams["products"], engineering))


def test_when_sales_are_summed_then_pandas_finds_the_same(
    daily_sales: DataFrame, streams: dict[str, DataFrame]
) -> None:
    lines = streams["transactions"].toPandas()
    products = streams["products"].toPandas()
    lines = lines.merge(products[~products.department.isin(["FUEL", "MISCELLANEOUS"])], on="product_id")
    lines["date"] = lines.transaction_timestamp.dt.date
    lines["cents"] = (lines.sales_value * 100).round().astype(int)
    days = lines.groupby(["product_category", "date", "week"])
    expected = days.agg(units=("quantity", "sum"), revenue_cents=("cents", "sum"), n_lines=("week", "size"))
    found = daily_sales.toPandas().set_index(["product_category", "date", "week"]).sort_index()
    pd.testing.assert_frame_equal(found, expected.sort_index(), check_dtype=False)


def test_when_a_sale_is_late_in_the_evening_then_it_belongs_to_that_day_in_utc(spark: SparkSession) -> None:
    ddl = ", ".join(f"{c.name} {c.type}" for c in TRANSACTIONS.table.columns)
    moments = [datetime(2017, 1, 1, 23, 59, 59), datetime(2017, 1, 2, 0, 0, 0)]
    rows = [(n, 1, 1, 0.1, 1, moment) for n, moment in enumerate(moments)]
    kept = spark.createDataFrame([(1, "APPLES")], "product_id bigint, product_category string")
    found = sum_daily_sales(spark.createDataFrame(rows, ddl), kept).collect()
    assert sorted((row.date, row.units, row.revenue_cents) for row in found) == [
        (date(2017, 1, 1), 1, 10),
        (date(2017, 1, 2), 1, 10),
    ]


def test_when_weeks_begin_on_monday_then_week_zero_is_that_of_the_retailer(daily_sales: DataFrame) -> None:
    assert find_week_zero(daily_sales).first() == (date(2016, 12, 19),)


def test_when_mondays_are_closed_or_carry_the_old_number_then_week_zero_does_not_move(spark: SparkSession) -> None:
    rows = [
        ("A", date(2017, 1, 1), 1, 1, 1, 1),  # the first week is cut short
        ("A", date(2017, 1, 9), 2, 1, 1, 3),  # a Monday whose first hours still are week 2,
        ("A", date(2017, 1, 9), 3, 1, 1, 9),  # but most of it is week 3
        ("A", date(2017, 1, 17), 4, 1, 1, 9),  # Monday the 16th is closed
    ]
    assert find_week_zero(spark.createDataFrame(rows, DAILY)).first() == (date(2016, 12, 19),)


def test_when_days_are_laid_out_then_they_are_dense_from_the_first_sale_with_zeros_and_unknowns(
    spark: SparkSession,
) -> None:
    rows = [
        ("A", date(2017, 1, 2), 2, 3, 450, 1),
        ("A", date(2017, 1, 4), 2, 1, 100, 1),
        ("A", date(2017, 1, 4), 3, 2, 200, 1),  # a day of two weeks
        ("A", date(2017, 1, 6), 3, 9, 900, 1),  # after the origin
        ("B", date(2017, 1, 6), 3, 9, 900, 1),  # first sold after the origin
    ]
    panel = lay_out_days(spark.createDataFrame(rows, DAILY), date(2017, 1, 5), date(2017, 1, 7))
    assert [tuple(row) for row in panel.orderBy("date").collect()] == [
        ("A", date(2017, 1, 2), 3.0, 450),
        ("A", date(2017, 1, 3), 0.0, 0),
        ("A", date(2017, 1, 4), 3.0, 300),
        ("A", date(2017, 1, 5), 0.0, 0),
        ("A", date(2017, 1, 6), None, None),
        ("A", date(2017, 1, 7), None, None),
    ]
