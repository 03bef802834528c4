"""A frequency that is finer than the data is doubted before anything is fitted."""

import logging

import pandas as pd
import pytest
from tests.scenario.panels import demand_problem, house_problem

from distributed_automl.fleet.frequency_check import share_of_calendar, warn_if_sparse

YEAR = pd.DataFrame(
    {
        "scenario_id": ["a", "b", "c"],
        "n_rows": [366, 366, 40],
        "first_timestamp": ["2024-01-01 00:00:00", "2024-01-01", "2024-01-01"],
        "last_timestamp": ["2024-12-31 00:00:00", "2024-12-31", "2024-12-31"],
    }
)


@pytest.mark.parametrize(
    ("frequency", "share"), [("D", 1.0), ("h", 366 / (365 * 24 + 1)), ("W-TUE", 366 / 53), ("MS", 366 / 12)]
)
def test_when_counted_then_the_share_is_that_of_the_median_scenario(frequency: str, share: float) -> None:
    assert share_of_calendar(YEAR, demand_problem(frequency=frequency)) == pytest.approx(share, rel=0.1)


def test_when_days_are_taken_for_hours_then_the_warning_names_the_parameters(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_if_sparse(YEAR, demand_problem(frequency="h", missing_rows="zero"))
    (record,) = caplog.records
    assert "at most 4% of the periods" in record.getMessage()
    assert "`problem.frequency: h` finer than the data?" in record.getMessage()
    assert "`problem.missing_rows: zero`" in record.getMessage()


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        (YEAR, demand_problem()),
        (YEAR.assign(first_timestamp=None, last_timestamp=None), house_problem()),
        (YEAR.assign(first_timestamp=None), demand_problem(frequency="h")),
        (YEAR.iloc[:0], demand_problem()),
        (YEAR, demand_problem(frequency=1)),
        (YEAR.assign(first_timestamp="1.5", last_timestamp="9999.5"), demand_problem(frequency=1)),
        (YEAR.assign(first_timestamp="1", last_timestamp="Infinity"), demand_problem(frequency=1)),
        (YEAR.assign(first_timestamp="tomorrow", last_timestamp="9999-12-31"), demand_problem(frequency="h")),
        (YEAR.assign(first_timestamp="1", last_timestamp="366"), demand_problem(frequency=1)),
    ],
)
def test_when_the_calendar_is_full_or_unknown_then_nothing_is_said(sizes, problem, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        warn_if_sparse(sizes, problem)
    assert not caplog.records


def test_when_integer_steps_are_too_fine_then_that_is_found_too() -> None:
    weekly = YEAR.assign(first_timestamp="1", last_timestamp="2556")
    assert share_of_calendar(weekly, demand_problem(frequency=1)) == pytest.approx(366 / 2556)
