"""Small streams, written by hand, and the pandas truth about them.

Weeks as in the bundled data: Monday to Sunday; number 1 is cut short to Sunday 2017-01-01, so week 0 began 2016-12-19
and week 4 is 2017-01-16..22. The origin is Wednesday 2017-01-18 and the horizon a week.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from distributed_automl.parameters import Engineering, Problem

Rows = list[tuple[object, ...]]

DDL = {
    "transactions": (
        "household_id bigint, basket_id bigint, product_id bigint, quantity bigint, sales_value double, week bigint, "
        "transaction_timestamp timestamp"
    ),
    "products": "product_id bigint, department string, product_category string",
    "promotions": "product_id bigint, store_id bigint, display_location string, mailer_location string, week bigint",
    "campaigns": "campaign_id bigint, household_id bigint",
    "campaign_descriptions": "campaign_id bigint, start_date timestamp, end_date timestamp",
    "coupons": "coupon_upc bigint, product_id bigint, campaign_id bigint",
}

PRODUCTS: Rows = [
    (1, "PRODUCE", "APPLES"),
    (2, "TRAVEL & LEISURE", "APPLES"),
    (3, "PRODUCE", "APPLES"),
    (4, "BAKERY", "BREAD"),
    (5, "FUEL", "GASOLINE"),
    (6, "MISCELLANEOUS", "APPLES"),
    (7, "GROCERY", None),
    (8, "GROCERY", "LATE"),
    (9, "PASTRY", "BREAD"),
]
COUNTED = {number: category for number, department, category in PRODUCTS if number not in (5, 6, 7)}

PROMOTIONS: Rows = [  # week 5 has two stores, week 3 has one, the other weeks are not there
    (1, 10, "9", "0", 5),
    (2, 10, "0", "A", 5),
    (2, 20, "3", "A", 5),
    (5, 20, "1", "A", 5),
    (4, 10, "0", "D", 3),
]

CAMPAIGN_DESCRIPTIONS: Rows = [
    (1, datetime(2017, 1, 10), datetime(2017, 1, 12)),
    (2, datetime(2017, 1, 12), datetime(2017, 1, 20)),
    (3, datetime(2017, 1, 1), datetime(2017, 1, 31)),
]
CAMPAIGNS: Rows = [(1, 100), (1, 101), (2, 100)]
COUPONS: Rows = [  # one of them twice, one for two products of a category, one of a product that is not counted
    (500, 1, 1),
    (500, 1, 1),
    (500, 2, 1),
    (501, 1, 1),
    (501, 3, 2),
    (502, 5, 3),
]


def _transactions() -> Rows:
    """Two hundred lines from 2017-01-01 11:00 to 2017-01-28, and a category that starts after the origin."""
    draw = np.random.default_rng(3)
    rows: Rows = []
    for basket in range(200):
        product = int(draw.choice([1, 2, 3, 4, 5, 6, 7]))
        minutes = int(draw.integers(0, 27 * 24 * 60)) if basket else 0
        rows.append(transaction(basket, product, datetime(2017, 1, 1, 11) + timedelta(minutes=minutes), draw))
    rows.append(transaction(900, 8, datetime(2017, 1, 19, 12), draw))
    rows.append(transaction(901, 4, datetime(2017, 1, 1, 12), draw))
    return rows


def transaction(basket: int, product: int, moment: datetime, draw: np.random.Generator) -> tuple[object, ...]:
    """One line; the stores' week begins on Monday at 05:00 UTC."""
    week = ((moment - timedelta(hours=5)).date() - datetime(2016, 12, 19).date()).days // 7
    return (1, basket, product, int(draw.integers(1, 6)), float(draw.integers(1, 999)) / 100, week, moment)


RAW: dict[str, Rows] = {
    "transactions": _transactions(),
    "products": PRODUCTS,
    "promotions": PROMOTIONS,
    "campaigns": CAMPAIGNS,
    "campaign_descriptions": CAMPAIGN_DESCRIPTIONS,
    "coupons": COUPONS,
}

MakeStream = Callable[[str, Rows], "DataFrame"]
Engineer = Callable[..., "DataFrame"]


@pytest.fixture(scope="session")
def make_stream(spark: "SparkSession") -> MakeStream:
    return lambda name, rows: spark.createDataFrame(rows, DDL[name])


@pytest.fixture(scope="session")
def streams(make_stream: MakeStream) -> "dict[str, DataFrame]":
    return {name: make_stream(name, rows) for name, rows in RAW.items()}


@pytest.fixture(scope="session")
def engineering() -> "Engineering":
    from distributed_automl.parameters import Engineering

    return Engineering(origin="2017-01-18")


@pytest.fixture(scope="session")
def problem() -> "Problem":
    from distributed_automl.parameters import Problem

    return Problem(scenario_keys=("product_category",), timestamp="date", frequency="D", target="units", horizon=7)


@pytest.fixture(scope="session")
def engineer(streams: "dict[str, DataFrame]", engineering: "Engineering", problem: "Problem") -> Engineer:
    """Run the pipeline as it is wired, up to one table; replace streams to see what they do."""
    from kedro.io import DataCatalog, MemoryDataset
    from kedro.runner import SequentialRunner

    from distributed_automl.pipelines.data_engineering import create_pipeline

    def run(output: str, replaced: "Mapping[str, DataFrame] | None" = None) -> "DataFrame":
        inputs = {**streams, **(replaced or {}), "params:engineering": engineering, "params:problem": problem}
        catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()})
        frame: DataFrame = SequentialRunner().run(create_pipeline().to_outputs(output), catalog)[output].load()
        return frame

    return run


@pytest.fixture(scope="session")
def tables(engineer: Engineer) -> "dict[str, list[Row]]":
    """The rows of the three tables, computed once."""
    return {name: engineer(name).collect() for name in ("master_df", "master_df_predict", "actuals")}
