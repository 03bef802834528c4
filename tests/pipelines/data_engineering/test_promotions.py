from datetime import date

import pytest
from pyspark.sql import DataFrame

from distributed_automl.parameters import Engineering
from distributed_automl.pipelines.data_engineering.products import keep_products
from distributed_automl.pipelines.data_engineering.promotions import share_promotions
from distributed_automl.pipelines.data_engineering.sales import sum_daily_sales

pytestmark = pytest.mark.spark


@pytest.fixture
def shares(streams: dict[str, DataFrame], engineering: Engineering) -> dict[tuple[str, date], tuple[float, float]]:
    kept = keep_products(streams["products"], engineering)
    days = share_promotions(streams["promotions"], kept, sum_daily_sales(streams["transactions"], kept)).collect()
    assert len(days) == 3 * 7 * 2  # categories, days, weeks
    return {(row.product_category, row.date): (row.display_share, row.mailer_share) for row in days}


def test_when_products_are_promoted_then_shares_are_over_products_and_stores_of_the_week(
    shares: dict[tuple[str, date], tuple[float, float]],
) -> None:
    # three products of APPLES x two stores: two on display, two in the mailer
    assert shares["APPLES", date(2017, 1, 23)] == (2 / 6, 2 / 6)
    # two products of BREAD x one store: one in the mailer
    assert shares["BREAD", date(2017, 1, 9)] == (0.0, 1 / 2)


def test_when_a_category_is_not_promoted_in_a_known_week_then_its_shares_are_zero(
    shares: dict[tuple[str, date], tuple[float, float]],
) -> None:
    assert shares["LATE", date(2017, 1, 23)] == (0.0, 0.0)
    assert shares["APPLES", date(2017, 1, 9)] == (0.0, 0.0)


def test_when_a_week_is_spread_then_it_runs_from_monday_to_sunday(
    shares: dict[tuple[str, date], tuple[float, float]],
) -> None:
    days = sorted(day for category, day in shares if category == "BREAD")
    assert days == [date(2017, 1, n) for n in (*range(9, 16), *range(23, 30))]
