"""The columns that there must be, and the kind of each."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import demand_frame, demand_problem

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.columns import CASTS, datetimes_of, key_texts, kinds_of, require_columns
from distributed_automl.scenario.design import Kind

PROBLEM = Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units", known_in_advance=("price",))


def _frame(n: int = 12, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"store": "s1", "day": pd.date_range("2017-01-01", periods=n), "units": 1, "price": 0.5})
    return frame.assign(**columns)


def test_when_kinds_are_found_then_each_type_has_its_kind() -> None:
    n = 12
    frame = _frame(
        n,
        flag=True,
        maybe=pd.array([True, None] * (n // 2), dtype="boolean"),
        money=[Decimal("1.5"), None] * (n // 2),
        whole=pd.array([1, None] * (n // 2), dtype="Int64"),
        born=[dt.date(2000, 1, 1)] * n,
        seen=pd.Timestamp("2000-01-01"),
        shop=pd.Categorical(["a", "b"] * (n // 2)),
        empty=None,
        truth=[True, None] * (n // 2),
    )
    assert kinds_of(frame, PROBLEM) == {
        "price": "numeric", "flag": "numeric",
        "maybe": "numeric", "money": "numeric", "whole": "numeric", "born": "datetime", "seen": "datetime",
        "shop": "categorical", "empty": "categorical", "truth": "numeric",
    }  # fmt: skip


def test_when_the_task_is_tabular_then_a_timestamp_is_a_feature() -> None:
    problem = Problem(task="regression", scenario_keys=("store",), target="units", sample_id="id", timestamp="day")
    assert kinds_of(_frame(id=range(12)), problem) == {"day": "datetime", "price": "numeric"}


def test_when_columns_are_missing_then_all_of_them_are_named() -> None:
    with pytest.raises(TableError, match=r"lacks the columns \['units', 'price'\].*it has \['store', 'day'\]"):
        kinds_of(_frame().drop(columns=["units", "price"]), PROBLEM)


@pytest.mark.parametrize(("name", "shown"), [("price \ud83d", "price ?"), (7, "7")])
def test_when_a_column_s_name_is_no_text_that_can_be_stored_then_the_error_shows_it(name: object, shown: str) -> None:
    with pytest.raises(TableError, match=re.escape(f"the columns {[shown]} are")):
        require_columns([*_frame().columns, name], PROBLEM)


def test_when_the_problem_names_other_columns_then_they_must_be_there_too() -> None:
    problem = PROBLEM.model_copy(
        update={"static": ("region",), "group": "batch", "entities": {"product": ("product_id", "brand")}}
    )
    with pytest.raises(TableError, match=r"\['region', 'product_id', 'brand', 'batch'\]"):
        require_columns(_frame().columns, problem)


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        ([1, None], "numeric", [1.0, None]),
        ([True, None], "numeric", [1.0, None]),
        ([1.5, float("inf")], "numeric", [1.5, None]),
        ([None, None], "numeric", [None, None]),
        ([None, None], "categorical", [None, None]),
        ([1.5, None], "categorical", ["1.5", None]),
        ([True, False], "categorical", ["true", "false"]),
        ([None, None], "datetime", [None, None]),
    ],
)
def test_when_a_column_is_cast_then_missing_values_stay_missing(
    column: list[Any], kind: Kind, expected: list[Any]
) -> None:
    found = CASTS[kind](pd.Series(column, dtype=object), "any")
    assert [None if pd.isna(value) else value for value in found] == expected


def test_when_timestamps_have_a_zone_then_they_become_utc() -> None:
    column = pd.Series(pd.DatetimeIndex(["2017-07-01 02:00"], tz="Europe/Berlin"))
    assert datetimes_of(column, "day")[0] == np.datetime64("2017-07-01T00:00")


@pytest.mark.parametrize("name", ["__row__", "__series__", "__gap__"])
def test_when_a_column_has_a_name_of_the_programs_own_then_it_is_refused(name: str) -> None:
    frame = demand_frame(n_days=5).rename(columns={"visitors": name})
    with pytest.raises(TableError, match=f"{name}.*rename them"):
        kinds_of(frame, demand_problem())


def test_when_a_column_is_there_twice_or_has_no_text_for_a_name_then_it_is_refused() -> None:
    frame = demand_frame(n_days=5)
    doubled = frame.set_axis([*frame.columns[:-1], "visitors"], axis=1)
    for spoiled in (doubled, frame.assign(**{"x": 1.0}).rename(columns={"x": 7})):
        with pytest.raises(TableError, match="rename them"):
            kinds_of(spoiled, demand_problem(static=()))


def test_when_equal_values_read_differently_then_they_stay_apart_in_any_order() -> None:
    column = pd.Series([1, True, 2.5, None], dtype=object)
    for order in (column, column[::-1]):
        assert sorted(CASTS["categorical"](order, "c"), key=str) == ["1", "2.5", None, "true"]
    for zeros in ([0.0, -0.0], [-0.0, 0.0]):
        assert list(key_texts(pd.Series(zeros), "k")) == ["0.0", "0.0"]


def test_when_a_feature_is_beyond_any_scale_then_it_is_clipped_to_what_can_be_squared() -> None:
    clipped = CASTS["numeric"](pd.Series([1e306, -1e306, np.inf, 1.0]), "area")
    np.testing.assert_array_equal(clipped, [1e30, -1e30, np.nan, 1.0])
