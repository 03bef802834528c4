from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from distributed_automl.pipelines.data_engineering.nodes import ACTUALS, MASTER_DF

Engineer = Callable[..., DataFrame]
Streams = dict[str, DataFrame]
Tables = dict[str, list[Row]]
Days = dict[tuple[str, date], float | None]

pytestmark = pytest.mark.spark

ORIGIN = date(2017, 1, 18)
LAST_DAY = date(2017, 1, 25)


def _units(rows: list[Row]) -> Days:
    return {(row.product_category, row.date): row.units for row in rows}


def _by_day(rows: list[Row]) -> dict[tuple[str, date], Row]:
    return {(row.product_category, row.date): row for row in rows}


def _oracle(streams: Mapping[str, DataFrame], first: date | None, last: date) -> Days:
    """Units by category and day in pandas: dense from `first` (None: each category's first sale) to `last`."""
    lines, products = streams["transactions"].toPandas(), streams["products"].toPandas()
    lines = lines.merge(products[~products.department.isin(["FUEL", "MISCELLANEOUS"])], on="product_id")
    lines = lines[lines.product_category.notna()].assign(date=lines.transaction_timestamp.dt.date)
    sold = lines.groupby(["product_category", "date"]).quantity.sum()
    days: Days = {}
    for category, first_sale in lines[lines.date <= ORIGIN].groupby("product_category").date.min().items():
        day = first or first_sale
        while day <= last:
            days[str(category), day] = float(sold.get((category, day), 0))
            day += timedelta(1)
    return days


def test_when_tables_are_built_then_they_keep_their_contracts(engineer: Engineer, tables: Tables) -> None:
    for name, contract in (("master_df", MASTER_DF), ("master_df_predict", MASTER_DF), ("actuals", ACTUALS)):
        assert engineer(name).dtypes == [(column.name, column.type) for column in contract.columns]
        assert len(tables[name]) == len(_by_day(tables[name])) > 0


def test_when_master_df_is_built_then_its_units_are_dense_and_those_of_pandas(tables: Tables, streams: Streams) -> None:
    found = _units(tables["master_df"])
    assert found == _oracle(streams, None, ORIGIN)
    assert {category for category, _ in found} == {"APPLES", "BREAD"}  # LATE is first sold after the origin
    assert 0.0 in found.values()


def test_when_a_week_has_no_promotions_then_shares_are_null_and_campaigns_zero(tables: Tables) -> None:
    rows = _by_day(tables["master_df"])
    unknown, known = rows["BREAD", date(2017, 1, 16)], rows["BREAD", date(2017, 1, 15)]
    assert (unknown.display_share, unknown.mailer_share) == (None, None)
    assert (known.display_share, known.mailer_share) == (0.0, 0.5)
    assert (known.n_campaigns, known.n_coupons, known.n_campaign_households) == (0, 0, 0)
    apples = rows["APPLES", date(2017, 1, 12)]
    assert (apples.n_campaigns, apples.n_coupons, apples.n_campaign_households) == (2, 3, 3)
    assert (apples.department, known.department) == ("PRODUCE", "BAKERY")


def test_when_a_day_is_near_a_holiday_then_the_calendar_says_so(tables: Tables) -> None:
    rows = _by_day(tables["master_df"])
    king = rows["BREAD", date(2017, 1, 16)]  # Martin Luther King's day
    assert (king.is_holiday, king.days_to_holiday, king.days_since_holiday) == (1, 0, 0)
    after = rows["BREAD", date(2017, 1, 18)]
    assert (after.is_holiday, after.days_to_holiday, after.days_since_holiday) == (0, 14, 2)


def test_when_predicting_then_the_history_is_that_of_training_and_the_horizon_is_asked_for(tables: Tables) -> None:
    past = [row for row in tables["master_df_predict"] if row.date <= ORIGIN]
    future = [row for row in tables["master_df_predict"] if row.date > ORIGIN]
    assert set(past) == set(tables["master_df"])
    assert sorted((row.product_category, row.date) for row in future) == [
        (category, ORIGIN + timedelta(n)) for category in ("APPLES", "BREAD") for n in range(1, 8)
    ]
    assert {(row.units, row.revenue_cents) for row in future} == {(None, None)}


def test_when_predicting_then_what_is_known_in_advance_is_filled(tables: Tables) -> None:
    rows = _by_day(tables["master_df_predict"])
    monday = rows["APPLES", date(2017, 1, 23)]
    assert (monday.display_share, monday.mailer_share) == (2 / 6, 2 / 6)
    assert (monday.department, monday.is_holiday, monday.days_since_holiday) == ("PRODUCE", 0, 7)
    assert rows["APPLES", date(2017, 1, 20)].n_campaigns == 1


def test_when_sales_after_the_origin_change_then_nothing_that_predicts_moves(
    engineer: Engineer, streams: Streams, tables: Tables
) -> None:
    later = F.col("transaction_timestamp") >= F.lit(datetime(2017, 1, 19))
    more = streams["transactions"].withColumn("quantity", F.when(later, F.lit(99)).otherwise(F.col("quantity")))
    replaced = {"transactions": more}
    assert set(engineer("master_df_predict", replaced).collect()) == set(tables["master_df_predict"])
    assert set(engineer("actuals", replaced).collect()) != set(tables["actuals"])


def test_when_actuals_are_made_then_they_are_what_pandas_finds_for_the_categories_asked_for(
    tables: Tables, streams: Streams
) -> None:
    assert _units(tables["actuals"]) == _oracle(streams, ORIGIN + timedelta(1), LAST_DAY)


def test_when_the_sales_end_inside_the_horizon_then_actuals_end_there_and_are_not_zero(
    engineer: Engineer, streams: Streams
) -> None:
    short = streams["transactions"].where(F.col("transaction_timestamp") < F.lit(datetime(2017, 1, 22)))
    actuals = engineer("actuals", {"transactions": short}).collect()
    assert _units(actuals) == _oracle(streams, ORIGIN + timedelta(1), date(2017, 1, 21))


def test_when_partitions_differ_then_every_value_of_master_df_is_the_same(
    engineer: Engineer, streams: Streams, spark: SparkSession
) -> None:
    def build(n: int) -> list[tuple[object, ...]]:
        spark.conf.set("spark.sql.shuffle.partitions", str(n))
        shuffled = {name: stream.orderBy(F.rand(seed=n)).repartition(n) for name, stream in streams.items()}
        frame = engineer("master_df_predict", shuffled)
        return sorted((tuple(row) for row in frame.collect()), key=lambda row: row[:2])

    before = str(spark.conf.get("spark.sql.shuffle.partitions"))
    try:
        assert build(1) == build(5)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)


@pytest.mark.parametrize(
    ("name", "row"),
    [("products", (1, "PRODUCE", "PEARS")), ("transactions", (1, 0, 1, 1, 1.0, 1, datetime(2017, 1, 1, 11)))],
)
def test_when_a_delivery_is_doubled_then_master_df_cannot_be_written(
    engineer: Engineer, streams: Streams, make_stream: Callable[..., DataFrame], name: str, row: tuple[object, ...]
) -> None:
    doubled = streams[name].unionByName(make_stream(name, [row, row]))
    frame = engineer("master_df", {name: doubled})
    with pytest.raises(PySparkException, match=f"stream '{name}': . rows have the key"):
        frame.collect()
