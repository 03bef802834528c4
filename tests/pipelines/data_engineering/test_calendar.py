from datetime import date

import pytest
from pyspark.sql import SparkSession

from distributed_automl.errors import RunError
from distributed_automl.pipelines.data_engineering.calendar import build_calendar, calendar_row, find_holidays

HOLIDAYS = frozenset({date(2017, 11, 23), date(2017, 12, 25)})


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2017, 11, 23), (1, 0, 0)),
        (date(2017, 11, 22), (0, 1, 14)),
        (date(2017, 11, 24), (0, 14, 1)),
        (date(2017, 12, 12), (0, 13, 14)),
        (date(2017, 12, 11), (0, 14, 14)),
    ],
)
def test_when_a_day_is_placed_then_distances_count_to_the_nearest_holidays(
    day: date, expected: tuple[int, int, int]
) -> None:
    assert calendar_row(day, HOLIDAYS) == (day, *expected)


def test_when_holidays_fall_on_a_sunday_then_their_own_day_counts_and_not_the_day_off() -> None:
    found = find_holidays("US", 2017, 2017)
    assert date(2017, 1, 1) in found
    assert date(2017, 1, 2) not in found
    assert {date(2017, 11, 23), date(2017, 12, 25), date(2018, 1, 1)} <= found


def test_when_the_country_is_unknown_then_the_error_says_what_is_expected() -> None:
    with pytest.raises(RunError, match=r"engineering\.country is 'XX', expected a country code"):
        find_holidays("XX", 2017, 2017)


@pytest.mark.spark
def test_when_the_calendar_is_built_then_every_day_has_one_row_up_to_the_last(spark: SparkSession) -> None:
    calendar = build_calendar(spark, date(2017, 12, 31), "US")
    days = [row.date for row in calendar.orderBy("date").collect()]
    assert days[0] == date(2007, 1, 1)
    assert days[-1] == date(2017, 12, 31)
    assert len(days) == len(set(days)) == (date(2017, 12, 31) - date(2007, 1, 1)).days + 1
    christmas = calendar.where("date = '2017-12-25'").first()
    assert christmas == (date(2017, 12, 25), 1, 0, 0)
