"""Calendars: seasons, grids and steps, for datetimes and integers."""

import warnings

import numpy as np
import pandas as pd
import pytest

from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import (
    anchored,
    grid_positions,
    grid_values,
    index_of,
    int64_of,
    offset_of,
    season_of,
    steps_after,
)

THURSDAYS = pd.DatetimeIndex(["2017-12-07", "2017-12-14", "2017-12-21"])


def _problem(frequency: str | int, season: int | None = None) -> Problem:
    return Problem(scenario_keys=("k",), timestamp="t", frequency=frequency, season=season, target="y")


@pytest.mark.parametrize(
    ("frequency", "season"),
    [
        ("h", 24), ("H", 24), ("2h", 12), ("5h", 1), ("15min", 96), ("min", 1), ("D", 7), ("7D", 52), ("3D", 1),
        ("B", 5), ("W", 52), ("W-THU", 52), ("4W", 13), ("MS", 12), ("M", 12), ("ME", 12), ("3MS", 4), ("Q", 4),
        ("QS-FEB", 4), ("YS", 1), (1, 1), (7, 1),
    ],
)  # fmt: skip
def test_when_no_season_is_given_then_the_frequency_suggests_one(frequency: str | int, season: int) -> None:
    assert season_of(_problem(frequency)) == season


def test_when_a_season_is_given_then_it_is_kept() -> None:
    assert season_of(_problem("D", season=30)) == 30


@pytest.mark.parametrize("frequency", ["fortnight", "", "-1D", "D D", "W-XYZ"])
def test_when_a_frequency_is_unknown_then_the_error_shows_it_and_what_is_allowed(frequency: str) -> None:
    with pytest.raises(ValueError, match=rf"'W-SUN'.*found '{frequency}'"):
        offset_of(frequency)


@pytest.mark.parametrize("frequency", ["M", "Q", "Y", "A", "H", "T", "S"])
def test_when_an_old_alias_is_used_then_pandas_does_not_warn(frequency: str) -> None:
    offset_of.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert offset_of(frequency).n == 1


@pytest.mark.parametrize(
    ("frequency", "timestamps", "expected"),
    [
        ("W", ["2017-12-07", "2017-12-21"], "W-THU"),
        ("2W", ["2017-12-07"], "2W-THU"),
        ("W", ["2017-12-07", "2017-12-08"], "W-SUN"),
        ("W-SUN", ["2017-12-07"], "W-SUN"),
        ("W", ["1969-12-29", "1970-01-05"], "W-MON"),
        ("M", ["2017-12-01", "2018-01-01"], "MS"),
        ("M", ["2017-11-30", "2017-12-31"], "ME"),
        ("Q", ["2017-11-01"], "QS-NOV"),
        ("Y", ["2017-06-30"], "YE-JUN"),
        ("D", ["2017-12-07"], "D"),
    ],
)
def test_when_an_alias_leaves_its_anchor_open_then_the_data_decide(
    frequency: str, timestamps: list[str], expected: str
) -> None:
    assert anchored(frequency, int64_of(pd.DatetimeIndex(timestamps))) == expected


def _calendar(first: str | pd.Timestamp, last: str | pd.Timestamp, frequency: str) -> pd.Index:
    start, end = int64_of(pd.DatetimeIndex([first, last]))
    exact = anchored(frequency, np.array([start]))
    return index_of(grid_values(int(start), int(end), exact), frequency)


@pytest.mark.parametrize(
    ("frequency", "first", "last", "n_periods"),
    [
        ("D", "2017-01-01", "2017-12-31", 365),
        ("D", "2016-02-28", "2016-03-01", 3),
        ("h", "2017-01-01", "2017-01-02", 25),
        ("W", "2017-12-07", "2017-12-28", 4),
        ("W", "2017-12-07", "2017-12-27", 3),
        ("MS", "2017-01-01", "2017-12-01", 12),
        ("M", "2017-01-31", "2017-04-30", 4),
        ("Q", "2017-03-31", "2017-12-31", 4),
        ("B", "2017-12-01", "2017-12-08", 6),
    ],
)
def test_when_a_calendar_is_built_then_it_has_every_period(
    frequency: str, first: str, last: str, n_periods: int
) -> None:
    calendar = _calendar(first, last, frequency)
    assert len(calendar) == n_periods
    assert calendar[0] == pd.Timestamp(first)
    assert steps_after(pd.Timestamp(first), calendar, frequency).tolist() == list(range(n_periods))


def test_when_a_calendar_is_long_then_no_period_is_lost_to_rounding() -> None:
    first = pd.Timestamp("2017-01-01")
    assert [len(_calendar(first, first + pd.Timedelta(days=n), "D")) for n in range(800)] == list(range(1, 801))


def test_when_timestamps_are_integers_then_the_calendar_is_in_integers() -> None:
    assert index_of(grid_values(3, 12, 3), 3).tolist() == [3, 6, 9, 12]
    assert steps_after(12, pd.Series([15, 12, 6]), 3).tolist() == [1, 0, -2]


@pytest.mark.parametrize(
    ("origin", "frequency", "following"),
    [
        ("2017-12-03", "D", ["2017-12-04", "2017-12-05"]),
        ("2017-12-07", "W", ["2017-12-14", "2017-12-21"]),
        ("2017-12-06", "W-THU", ["2017-12-07", "2017-12-14"]),
        ("2017-12-07", "W-THU", ["2017-12-14", "2017-12-21"]),
        ("2017-12-01", "MS", ["2018-01-01", "2018-02-01"]),
        ("2017-12-15", "MS", ["2018-01-01", "2018-02-01"]),
        ("2018-01-31", "M", ["2018-02-28", "2018-03-31"]),
        ("2017-12-31 23:00", "h", ["2018-01-01 00:00", "2018-01-01 01:00"]),
        ("2017-12-08", "B", ["2017-12-11", "2017-12-12"]),
    ],
)
def test_when_periods_follow_an_origin_then_the_first_is_one_step_after_it(
    origin: str, frequency: str, following: list[str]
) -> None:
    assert steps_after(pd.Timestamp(origin), pd.DatetimeIndex(following), frequency).tolist() == [1, 2]


def test_when_an_origin_lies_between_two_periods_then_it_counts_as_the_earlier_one() -> None:
    months = pd.DatetimeIndex(["2017-11-01", "2017-12-01", "2018-01-01"])
    assert steps_after(pd.Timestamp("2017-12-03"), THURSDAYS, "W").tolist() == [1, 2, 3]
    assert steps_after(pd.Timestamp("2017-12-09"), THURSDAYS, "W").tolist() == [0, 1, 2]
    assert steps_after(pd.Timestamp("2017-12-15"), months, "MS").tolist() == [-1, 0, 1]
    assert steps_after(pd.Timestamp("2017-09-15"), months, "MS").tolist() == [2, 3, 4]


def test_when_every_second_month_is_a_period_then_the_timestamps_give_the_phase() -> None:
    months = pd.DatetimeIndex(["2017-06-01", "2017-08-01"])
    assert steps_after(pd.Timestamp("2017-02-01"), months, "2MS").tolist() == [2, 3]


def test_when_there_are_no_timestamps_then_there_are_no_steps() -> None:
    assert steps_after(pd.Timestamp("2017-01-01"), pd.DatetimeIndex([]), "D").tolist() == []


@pytest.mark.parametrize(
    ("frequency", "timestamps", "expected"),
    [
        ("D", ["2017-01-03", "2017-01-01", "2017-01-02 06:00"], [True, True, False]),
        ("W-SUN", ["2017-12-07", "2017-12-14"], [False, False]),
        ("W-THU", ["2017-12-07", "2017-12-14"], [True, True]),
        ("MS", ["2017-01-01", "2017-02-01", "2017-02-02"], [True, True, False]),
        ("MS", ["2017-01-02", "2017-01-03"], [False, False]),
    ],
)
def test_when_a_timestamp_is_off_the_grid_then_the_mask_says_so(
    frequency: str, timestamps: list[str], expected: list[bool]
) -> None:
    _, on_grid = grid_positions(int64_of(pd.DatetimeIndex(timestamps)), frequency)
    assert on_grid.tolist() == expected


def test_when_timestamps_are_on_the_grid_then_positions_count_periods() -> None:
    values = int64_of(pd.DatetimeIndex(["2017-03-01", "2017-01-01", "2017-06-01"]))
    assert grid_positions(values, "MS")[0].tolist() == [2, 0, 5]
    assert grid_positions(np.array([10, 4, 7], dtype=np.int64), 3)[0].tolist() == [2, 0, 1]
