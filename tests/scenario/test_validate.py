"""The judgement of a scenario: every reason to skip it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Problem, Validation
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.validate import canonical, validate

AUTOML = AutoML(validation=Validation(min_train_periods=4, min_target_periods=2, min_samples=4))
KINDS: Kinds = {"price": "numeric", "stock": "numeric", "note": "categorical", "format": "categorical"}


def _problem(**changes: Any) -> Problem:
    settings: dict[str, Any] = {
        "scenario_keys": ("store",),
        "timestamp": "day",
        "frequency": "D",
        "horizon": 2,
        "target": "units",
        "known_in_advance": ("price",),
        "static": ("format",),
    }
    return Problem(**(settings | changes))


def _tabular(**changes: Any) -> Problem:
    settings: dict[str, Any] = {
        "task": "regression",
        "scenario_keys": ("store",),
        "target": "units",
        "sample_id": "id",
        "target_min": None,
    }
    return Problem(**(settings | changes))


def _frame(n: int = 12) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "store": "s1",
            "day": pd.date_range("2017-01-01", periods=n),
            "units": np.arange(n) % 5 + 1.0,
            "price": np.arange(n) + 0.5,
            "stock": np.arange(n) + 100,
            "note": [f"n{i}" for i in range(n)],
            "format": "big",
        }
    )


def _with(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return frame.assign(**columns)


def _rows_frame(n: int = 8) -> pd.DataFrame:
    return pd.DataFrame({"store": "s1", "id": np.arange(n)[::-1], "units": np.arange(n) * 1.5, "size": np.arange(n)})


def _without(frame: pd.DataFrame, *places: int) -> pd.DataFrame:
    return frame.drop(index=list(places))


def _with_target(values: object) -> pd.DataFrame:
    return _with(_frame(), units=values)


def _infinite() -> pd.DataFrame:
    frame = _frame()
    frame.loc[[3, 8], "units"] = [np.inf, -np.inf]
    return frame


BAD_SCENARIOS: list[tuple[str, Callable[[], pd.DataFrame], dict[str, Any], str]] = [
    ("constant", lambda: _with_target(3.0), {}, "target 'units' is constant: 3 in all of 12 rows"),
    ("zero", lambda: _with_target(0), {}, "target 'units' is constant: 0 in all of 12 rows"),
    ("all null", lambda: _with_target(None), {}, "target 'units' is null in all of the 12 rows"),
    ("infinite", _infinite, {}, r"infinite in 2 of 12 rows, the first at day = 2017-01-04 00:00:00"),
    ("one row", lambda: _frame(1), {}, r"history has 1 periods.*at least 8 are needed: 4 to learn from"),
    ("no rows", lambda: _frame(0), {}, "the scenario has no rows"),
    ("short", lambda: _frame(7), {}, "history has 7 periods"),
    ("gap", lambda: _without(_frame(), 4, 5), {"missing_rows": "error"}, r"2 periods have no row: 2017-01-05 00:00:00"),
    ("too few sales", lambda: _with_target([1.0] + [0.0] * 11), {}, "other than zero in 1 of 12 periods; at least 2"),
    (
        "off the grid",
        lambda: _with(_frame(), day=pd.date_range("2017-01-01", periods=12, freq="36h")),
        {},
        r"calendar of frequency 'D', but 6 of 12 do not: 2017-01-02 12:00:00.*and 3 more",
    ),
    ("days as weeks", _frame, {"frequency": "W"}, "frequency 'W-SUN', but 10 of 12 do not"),
]


@pytest.mark.parametrize(
    ("make", "changes", "reason"), [case[1:] for case in BAD_SCENARIOS], ids=[case[0] for case in BAD_SCENARIOS]
)
def test_when_a_scenario_cannot_be_modelled_then_it_is_skipped_with_the_reason(
    make: Callable[[], pd.DataFrame], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ScenarioSkipped, match=reason):
        validate(make(), _problem(**changes), AUTOML, KINDS)


def test_when_a_gap_is_in_one_series_then_the_reason_names_the_series() -> None:
    frame = pd.concat([_with(_frame(), dept="a"), _without(_frame(), 4).assign(dept="b")])
    with pytest.raises(ScenarioSkipped, match="series 'b' at 2017-01-05"):
        validate(frame, _problem(series_keys=("dept",), missing_rows="error"), AUTOML, KINDS)


def test_when_periods_after_the_origin_are_absent_then_they_are_no_gap() -> None:
    frame, problem = _without(_frame(), 10), _problem(missing_rows="error")
    assert len(canonical(frame, problem, KINDS, origin=pd.Timestamp("2017-01-09"))) == 12


def test_when_a_gap_means_nothing_was_sold_then_the_scenario_is_valid() -> None:
    assert len(validate(_without(_frame(), 4), _problem(), AUTOML, KINDS)) == 12


def test_when_a_tabular_scenario_has_few_targets_then_it_is_skipped() -> None:
    frame = _rows_frame(8)
    frame.loc[:4, "units"] = np.nan
    with pytest.raises(ScenarioSkipped, match="3 of its rows have a target; at least 4 are needed"):
        validate(frame, _tabular(), AUTOML, {"size": "numeric"})


def test_when_a_tabular_target_is_infinite_then_the_reason_names_the_sample() -> None:
    frame = _rows_frame(8)
    frame.loc[0, "units"] = np.inf
    with pytest.raises(ScenarioSkipped, match="infinite in 1 of 8 rows, the first at id = 7"):
        validate(frame, _tabular(), AUTOML, {"size": "numeric"})


def test_when_a_tabular_target_is_zero_somewhere_then_that_is_no_reason_to_skip() -> None:
    assert len(validate(_rows_frame(8), _tabular(), AUTOML, {"size": "numeric"})) == 8
