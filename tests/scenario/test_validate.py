"""The judgement of a scenario: every reason to skip it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.scenario.plain_tables import (
    AUTOML,
    KINDS,
    plain_frame,
    plain_problem,
    tabular_frame,
    tabular_problem,
    with_columns,
    without_rows,
)

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.validate import validate


def _with_target(values: object) -> pd.DataFrame:
    return with_columns(plain_frame(), units=values)


def _infinite() -> pd.DataFrame:
    frame = plain_frame()
    frame.loc[[3, 8], "units"] = [np.inf, -np.inf]
    return frame


BAD_SCENARIOS: list[tuple[str, Callable[[], pd.DataFrame], dict[str, Any], str]] = [
    ("constant", lambda: _with_target(3.0), {}, "target 'units' is constant: 3 in all of 12 rows"),
    ("zero", lambda: _with_target(0), {}, "target 'units' is constant: 0 in all of 12 rows"),
    ("all null", lambda: _with_target(None), {}, "target 'units' is null in all of the 12 rows"),
    ("infinite", _infinite, {}, r"infinite, in 2 of 12 rows, the first at day = 2017-01-04 00:00:00"),
    ("one row", lambda: plain_frame(1), {}, r"history has 1 periods.*at least 8 are needed: 4 to learn from"),
    ("no rows", lambda: plain_frame(0), {}, "the scenario has no rows"),
    ("short", lambda: plain_frame(7), {}, "history has 7 periods"),
    (
        "gap",
        lambda: without_rows(plain_frame(), 4, 5),
        {"missing_rows": "error"},
        r"2 periods have no row: 2017-01-05 00:00:00",
    ),
    ("too few sales", lambda: _with_target([1.0] + [0.0] * 11), {}, "other than zero in 1 of 12 periods; at least 2"),
    (
        "off the grid",
        lambda: with_columns(plain_frame(), day=pd.date_range("2017-01-01", periods=12, freq="36h")),
        {},
        r"calendar of frequency 'D', but 6 of 12 do not: 2017-01-02 12:00:00.*and 3 more",
    ),
    ("days as weeks", plain_frame, {"frequency": "W"}, "frequency 'W-SUN', but 10 of 12 do not"),
]


@pytest.mark.parametrize(
    ("make", "changes", "reason"), [case[1:] for case in BAD_SCENARIOS], ids=[case[0] for case in BAD_SCENARIOS]
)
def test_when_a_scenario_cannot_be_modelled_then_it_is_skipped_with_the_reason(
    make: Callable[[], pd.DataFrame], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ScenarioSkipped, match=reason):
        validate(make(), plain_problem(**changes), AUTOML, KINDS)


def test_when_a_gap_is_in_one_series_then_the_reason_names_the_series() -> None:
    frame = pd.concat([with_columns(plain_frame(), dept="a"), without_rows(plain_frame(), 4).assign(dept="b")])
    with pytest.raises(ScenarioSkipped, match="series 'b' at 2017-01-05"):
        validate(frame, plain_problem(series_keys=("dept",), missing_rows="error"), AUTOML, KINDS)


def test_when_periods_after_the_origin_are_absent_then_they_are_no_gap() -> None:
    frame, problem = without_rows(plain_frame(), 10), plain_problem(missing_rows="error")
    assert len(canonical(frame, problem, KINDS, origin=pd.Timestamp("2017-01-09"))) == 12


def test_when_a_gap_means_nothing_was_sold_then_the_scenario_is_valid() -> None:
    assert len(validate(without_rows(plain_frame(), 4), plain_problem(), AUTOML, KINDS)) == 12


def test_when_a_tabular_scenario_has_few_targets_then_it_is_skipped() -> None:
    frame = tabular_frame(8)
    frame.loc[:4, "units"] = np.nan
    with pytest.raises(ScenarioSkipped, match="3 of its rows have a target; at least 4 are needed"):
        validate(frame, tabular_problem(), AUTOML, {"size": "numeric"})


def test_when_a_tabular_target_is_infinite_then_the_reason_names_the_sample() -> None:
    frame = tabular_frame(8)
    frame.loc[0, "units"] = np.inf
    with pytest.raises(ScenarioSkipped, match="infinite, in 1 of 8 rows, the first at id = 7"):
        validate(frame, tabular_problem(), AUTOML, {"size": "numeric"})


def test_when_a_tabular_target_is_zero_somewhere_then_that_is_no_reason_to_skip() -> None:
    assert len(validate(tabular_frame(8), tabular_problem(), AUTOML, {"size": "numeric"})) == 8
