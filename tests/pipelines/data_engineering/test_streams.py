from collections.abc import Callable
from datetime import date

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.errors import TableError
from distributed_automl.pipelines.data_engineering.streams import CAMPAIGNS, PRODUCTS, PROMOTIONS, STREAMS, admit

MakeStream = Callable[[str, list[tuple[object, ...]]], DataFrame]

pytestmark = pytest.mark.spark


def test_when_a_stream_keeps_its_contract_then_its_rows_pass_unchanged(streams: dict[str, DataFrame]) -> None:
    for name, stream in STREAMS.items():
        admitted = admit(streams[name], stream)
        expected = streams[name].select(*stream.table.names)
        assert admitted.schema.simpleString() == expected.schema.simpleString()
        assert sorted(map(repr, admitted.collect())) == sorted(map(repr, expected.collect()))


def test_when_columns_are_missing_then_the_error_names_all_of_them(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1,)], "product_id bigint")
    with pytest.raises(TableError, match=r"'products' lacks the columns \['department', 'product_category'\]"):
        admit(frame, PRODUCTS)


def test_when_types_are_wrong_then_the_error_names_each_with_what_is_expected(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("1", "A", 5)], "product_id string, department string, product_category int")
    with pytest.raises(TableError) as caught:
        admit(frame, PRODUCTS)
    assert "column 'product_id' is string, expected bigint" in str(caught.value)
    assert "column 'product_category' is int, expected string" in str(caught.value)


def test_when_a_type_is_narrower_then_it_is_cast(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, 2, "0", "A", 5, "x")], DDL_OF_INTS)
    admitted = admit(frame, PROMOTIONS)
    assert dict(admitted.dtypes)["store_id"] == "bigint"
    assert admitted.columns == PROMOTIONS.table.names
    assert admitted.first() == (1, 2, 5, "0", "A")


DDL_OF_INTS = (
    "product_id int, store_id int, display_location string, mailer_location string, week smallint, more string"
)


@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_when_a_moment_is_given_as_a_day_then_it_is_cast(spark: SparkSession, name: str) -> None:
    ddl = "campaign_id bigint, start_date date, end_date date"
    frame = spark.createDataFrame([(1, date(2017, 1, 2), date(2017, 1, 3))], ddl)
    assert dict(admit(frame, STREAMS["campaign_descriptions"]).dtypes)[name] == "timestamp"


def test_when_a_required_value_is_null_then_only_the_computation_raises_and_names_it(make_stream: MakeStream) -> None:
    admitted = admit(make_stream("products", [(1, "PRODUCE", "APPLES"), (None, "PRODUCE", "APPLES")]), PRODUCTS)
    with pytest.raises(PySparkException, match="stream 'products': column 'product_id' is null"):
        admitted.collect()


def test_when_a_null_key_meets_a_join_then_it_raises_instead_of_vanishing(
    make_stream: MakeStream, streams: dict[str, DataFrame]
) -> None:
    broken = admit(make_stream("promotions", [(None, 10, "9", "0", 5)]), PROMOTIONS)
    joined = broken.join(admit(streams["products"], PRODUCTS), "product_id")
    with pytest.raises(PySparkException, match="stream 'promotions': column 'product_id' is null"):
        joined.collect()


def test_when_a_key_is_doubled_then_the_computation_raises_and_names_it(make_stream: MakeStream) -> None:
    admitted = admit(make_stream("campaigns", [(1, 7), (2, 7), (1, 7)]), CAMPAIGNS)
    with pytest.raises(PySparkException, match="2 rows have the key campaign_id = 1, household_id = 7"):
        admitted.collect()


def test_when_one_column_of_a_doubled_key_is_read_then_it_raises_too(make_stream: MakeStream) -> None:
    admitted = admit(make_stream("campaigns", [(1, 7), (1, 7)]), CAMPAIGNS)
    with pytest.raises(PySparkException, match="2 rows have the key"):
        admitted.select("household_id").collect()
