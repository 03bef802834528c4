from collections.abc import Callable
from datetime import date, datetime

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from distributed_automl.parameters import Engineering
from distributed_automl.pipelines.data_engineering.campaigns import count_campaigns
from distributed_automl.pipelines.data_engineering.products import keep_products

pytestmark = pytest.mark.spark

CAMPAIGN_STREAMS = ("campaign_descriptions", "campaigns", "coupons")


def _count(streams: dict[str, DataFrame]) -> dict[tuple[str, date], tuple[int, int, int]]:
    kept = keep_products(streams["products"], Engineering())
    descriptions, campaigns, coupons = (streams[name] for name in CAMPAIGN_STREAMS)
    days = count_campaigns(descriptions, campaigns, coupons, kept).collect()
    counts = ("n_campaigns", "n_coupons", "n_campaign_households")
    return {(row.product_category, row.date): tuple(row[name] for name in counts) for row in days}


def test_when_campaigns_overlap_then_their_coupons_and_households_add_up(streams: dict[str, DataFrame]) -> None:
    found = _count(streams)
    assert found["APPLES", date(2017, 1, 11)] == (1, 2, 2)  # campaign 1: coupons 500 and 501, two households
    assert found["APPLES", date(2017, 1, 12)] == (2, 3, 3)  # and campaign 2: coupon 501, one household
    assert found["APPLES", date(2017, 1, 20)] == (1, 1, 1)  # campaign 2 on its last day


def test_when_no_campaign_is_active_then_there_is_no_row(streams: dict[str, DataFrame]) -> None:
    assert {day for _, day in _count(streams)} == {date(2017, 1, n) for n in range(10, 21)}


def test_when_a_coupon_is_for_a_product_that_is_not_counted_then_its_campaign_is_not_seen(
    streams: dict[str, DataFrame],
) -> None:
    assert {category for category, _ in _count(streams)} == {"APPLES"}


def test_when_a_campaign_was_sent_to_nobody_then_its_households_are_zero(
    streams: dict[str, DataFrame], make_stream: Callable[..., DataFrame]
) -> None:
    found = _count({**streams, "campaigns": make_stream("campaigns", [(9, 1)])})
    assert found["APPLES", date(2017, 1, 11)] == (1, 2, 0)


def test_when_a_campaign_ends_before_it_starts_then_the_error_names_it(
    streams: dict[str, DataFrame], make_stream: Callable[..., DataFrame]
) -> None:
    backwards = make_stream("campaign_descriptions", [(1, datetime(2017, 1, 2), datetime(2017, 1, 1))])
    with pytest.raises(PySparkException, match="campaign 1 ends before it starts"):
        _count({**streams, "campaign_descriptions": backwards})
