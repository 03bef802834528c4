"""The calendar: public holidays, and how far away they are."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from distributed_automl.errors import RunError

CALENDAR_DDL = "date date, is_holiday int, days_to_holiday int, days_since_holiday int"
CALENDAR_YEARS = 10
"""Years before the last day that the calendar reaches back."""
HOLIDAY_REACH_DAYS = 14
"""Distances to a holiday are cut off here: farther away it plays no part, and the count would only tell the season."""


def build_calendar(spark: SparkSession, last_day: date, country: str) -> DataFrame:
    """Build the calendar of the ten years up to `last_day` on the driver: a few thousand rows, and no job.

    Returns:
        `date` (unique), `is_holiday` (0 or 1), `days_to_holiday`, `days_since_holiday` (0 on a holiday, 14 at most).
    """
    first_day = date(last_day.year - CALENDAR_YEARS, 1, 1)
    found = find_holidays(country, first_day.year, last_day.year)
    days = (first_day + timedelta(n) for n in range((last_day - first_day).days + 1))
    return spark.createDataFrame([calendar_row(day, found) for day in days], CALENDAR_DDL)


def find_holidays(country: str, first_year: int, last_year: int) -> frozenset[date]:
    """Return the public holidays on their own days (not the days off in lieu), a year more on either side.

    Raises:
        RunError: the country is not known.
    """
    import holidays  # half a second, which other commands need not pay

    try:
        years = range(first_year - 1, last_year + 2)
        return frozenset(holidays.country_holidays(country, years=years, observed=False))
    except NotImplementedError as error:
        raise RunError(
            f"parameter engineering.country is '{country}', expected a country code of the package 'holidays', e.g. US"
        ) from error


def calendar_row(day: date, holidays_found: frozenset[date]) -> tuple[date, int, int, int]:
    """Return the day, whether it is a holiday, and the days to the next and since the last one."""
    reach = range(HOLIDAY_REACH_DAYS)
    days_to = next((n for n in reach if day + timedelta(n) in holidays_found), HOLIDAY_REACH_DAYS)
    days_since = next((n for n in reach if day - timedelta(n) in holidays_found), HOLIDAY_REACH_DAYS)
    return day, int(day in holidays_found), days_to, days_since
