"""From rows to canonical samples, and every bad table with its message."""

import datetime as dt
from decimal import Decimal

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

from distributed_automl.errors import ScenarioSkipped, TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario import canonical as canonical_module
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.design import ROW_COL, SERIES_COL, Kinds
from distributed_automl.scenario.validate import validate

ABSENT = -1


@pytest.mark.parametrize("name", ["a/b", "..", " a  b ", "Käse 日本", "007", "%2F", "__row__"])
def test_when_a_scenario_has_an_odd_id_then_its_rows_keep_it(name: str) -> None:
    samples = validate(with_columns(plain_frame(), store=name), plain_problem(), AUTOML, KINDS)
    assert samples.scenario_id == name
    assert set(samples.frame["store"]) == {name}


def test_when_a_key_is_a_number_then_the_canonical_key_is_its_text() -> None:
    samples = canonical(with_columns(plain_frame(), store=7), plain_problem(), KINDS)
    assert (samples.scenario_id, samples.frame["store"][0]) == ("7", "7")


def test_when_a_feature_column_is_missing_then_validate_names_it() -> None:
    with pytest.raises(TableError, match=r"lacks the columns \['note'\]"):
        validate(plain_frame().drop(columns="note"), plain_problem(), AUTOML, KINDS)


def test_when_values_have_odd_types_then_they_are_cast_by_their_kind() -> None:
    frame = with_columns(
        plain_frame(4),
        money=[Decimal("1.5"), None, Decimal("0"), Decimal("-2")],
        flag=pd.array([True, None, False, True], dtype="boolean"),
        huge=[1.0, np.inf, -np.inf, 2.0],
        born=[dt.date(2000, 1, 1), None, dt.date(9999, 12, 31), dt.date(2000, 1, 2)],
        shop=pd.Categorical(["a", None, "b", "a"]),
        code=[1, 2, 1, 2],
    )
    kinds: Kinds = {
        "money": "numeric", "flag": "numeric", "huge": "numeric", "born": "datetime", "shop": "categorical",
        "code": "categorical",
    }  # fmt: skip
    found = canonical(frame, plain_problem(known_in_advance=(), static=()), kinds).frame
    expected = pd.DataFrame(
        {
            "money": [1.5, np.nan, 0.0, -2.0],
            "flag": [1.0, np.nan, 0.0, 1.0],
            "huge": [1.0, np.nan, np.nan, 2.0],
            "born": pd.DatetimeIndex(["2000-01-01", None, None, "2000-01-02"]).astype("datetime64[ns]"),
            "shop": np.array(["a", None, "b", "a"], dtype=object),
            "code": ["1", "2", "1", "2"],
        }
    )
    pd.testing.assert_frame_equal(found[list(kinds)], expected)


def test_when_a_feature_column_is_all_null_then_it_stays_as_missing_values() -> None:
    frame = with_columns(plain_frame(), price=None, note=None)
    found = validate(frame, plain_problem(), AUTOML, KINDS).frame
    assert found["price"].dtype == np.float64
    assert found["price"].isna().all()
    assert found["note"].tolist() == [None] * 12


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("price", "dear", "column 'price' must be numeric"),
        ("units", "many", "column 'units' must be numeric"),
        ("day", "2017-01-01", "column 'day' must hold dates or timestamps"),
        ("day", 20170101, "column 'day' must hold dates or timestamps"),
    ],
)
def test_when_a_column_has_another_type_then_the_error_names_it(column: str, values: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        canonical(with_columns(plain_frame(), **{column: values}), plain_problem(), KINDS)


def test_when_a_category_holds_lists_then_the_error_names_the_column() -> None:
    frame = with_columns(plain_frame(4), note=[["a"], ["b"], ["c"], ["d"]])
    with pytest.raises(TableError, match="column 'note' must hold single values"):
        canonical(frame, plain_problem(), KINDS)


def test_when_rows_are_complete_then_nothing_changes() -> None:
    frame = plain_frame()
    samples = canonical(frame, plain_problem(), KINDS)
    assert (samples.scenario_id, samples.season, len(samples)) == ("s1", 7, 12)
    assert list(samples.frame.columns) == [SERIES_COL, ROW_COL, "day", "units", "store", *KINDS]
    assert samples.frame[ROW_COL].tolist() == list(range(12))
    assert set(samples.frame[SERIES_COL]) == {""}
    pd.testing.assert_frame_equal(
        samples.frame[["day", "units", "price", "note"]], frame[["day", "units", "price", "note"]]
    )


def test_when_canonical_is_called_then_the_frame_that_came_in_is_untouched() -> None:
    frame = without_rows(plain_frame(), 3).sample(frac=1.0, random_state=0)
    before = frame.copy()
    canonical(frame, plain_problem(), KINDS)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(("missing_rows", "target", "stock"), [("zero", 0.0, 0.0), ("null", np.nan, np.nan)])
def test_when_periods_are_absent_then_they_mean_what_the_problem_says(
    missing_rows: str, target: float, stock: float
) -> None:
    found = canonical(without_rows(plain_frame(6), 2, 3), plain_problem(missing_rows=missing_rows), KINDS).frame
    assert found[ROW_COL].tolist() == [0, 1, ABSENT, ABSENT, 2, 3]
    assert found["day"].tolist() == list(pd.date_range("2017-01-01", periods=6))
    np.testing.assert_array_equal(found["units"], [1.0, 2.0, target, target, 5.0, 1.0])
    np.testing.assert_array_equal(found["stock"], [100.0, 101.0, stock, stock, 104.0, 105.0])
    assert found["price"].tolist() == [0.5, 1.5, 1.5, 1.5, 4.5, 5.5]
    assert found["note"].tolist() == ["n0", "n1", None, None, "n4", "n5"]
    assert set(found["format"]) == {"big"}
    assert set(found["store"]) == {"s1"}


def test_when_a_date_is_absent_then_it_is_missing() -> None:
    frame = without_rows(with_columns(plain_frame(3), seen=pd.Timestamp("2016-01-01")), 1)
    found = canonical(frame, plain_problem(), {"seen": "datetime"}).frame
    assert found["seen"].isna().tolist() == [False, True, False]
    assert found["seen"].dtype == "datetime64[ns]"


def test_when_a_row_is_there_with_a_null_target_then_it_stays_unknown() -> None:
    frame = plain_frame(6)
    frame.loc[2, ["units", "stock"]] = np.nan
    found = canonical(frame, plain_problem(), KINDS).frame
    assert found["units"].isna().tolist() == [False, False, True, False, False, False]
    assert found["stock"].isna().sum() == 1


def test_when_periods_are_later_than_the_origin_then_they_are_never_zero() -> None:
    frame = without_rows(plain_frame(8), 2, 6)
    frame.loc[frame["day"] > "2017-01-05", ["units", "stock"]] = np.nan
    found = canonical(frame, plain_problem(), KINDS, origin=pd.Timestamp("2017-01-05")).frame
    assert found[ROW_COL].tolist() == [0, 1, ABSENT, 2, 3, 4, ABSENT, 5]
    np.testing.assert_array_equal(found["units"], [1.0, 2.0, 0.0, 4.0, 5.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(found["stock"], [100.0, 101.0, 0.0, 103.0, 104.0, np.nan, np.nan, np.nan])
    assert found["price"].tolist() == [0.5, 1.5, 1.5, 3.5, 4.5, 5.5, 5.5, 7.5]


def test_when_there_are_several_series_then_each_begins_at_its_own_first_row() -> None:
    early, late = with_columns(plain_frame(4), dept="b"), plain_frame(6).iloc[[2, 5]].assign(dept="a")
    samples = canonical(pd.concat([early, late]), plain_problem(series_keys=("dept",)), KINDS)
    frame = samples.frame
    assert frame[SERIES_COL].tolist() == ["a"] * 4 + ["b"] * 6
    assert frame["day"].dt.day.tolist() == [3, 4, 5, 6, 1, 2, 3, 4, 5, 6]
    assert frame["units"].tolist() == [3.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]
    assert frame["price"].tolist() == [2.5, 2.5, 2.5, 5.5, 0.5, 1.5, 2.5, 3.5, 3.5, 3.5]
    assert frame["dept"].tolist() == frame[SERIES_COL].tolist()
    assert frame[ROW_COL].tolist() == [4, ABSENT, ABSENT, 5, 0, 1, 2, 3, ABSENT, ABSENT]


def test_when_series_have_several_keys_then_their_names_are_escaped_pairs() -> None:
    parts = [with_columns(plain_frame(3), dept=dept, item=item) for dept, item in [("x", 2), ("x", 1), ("a/b", 1)]]
    samples = canonical(pd.concat(parts), plain_problem(series_keys=("dept", "item")), KINDS)
    assert samples.frame[SERIES_COL].drop_duplicates().tolist() == [
        "dept=a%2Fb/item=1",
        "dept=x/item=1",
        "dept=x/item=2",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_when_rows_come_in_another_order_then_the_samples_are_the_same(seed: int) -> None:
    parts = [without_rows(plain_frame(9), 4).assign(dept=dept) for dept in ("b", "a", "c")]
    frame, problem = pd.concat(parts, ignore_index=True), plain_problem(series_keys=("dept",))
    shuffled = frame.sample(frac=1.0, random_state=seed)
    expected, found = canonical(frame, problem, KINDS).frame, canonical(shuffled, problem, KINDS).frame
    pd.testing.assert_frame_equal(found.drop(columns=ROW_COL), expected.drop(columns=ROW_COL))
    is_there = found[ROW_COL] != ABSENT
    came_in = shuffled.iloc[found.loc[is_there, ROW_COL]]
    np.testing.assert_array_equal(came_in["day"], found.loc[is_there, "day"])
    np.testing.assert_array_equal(came_in["dept"], found.loc[is_there, "dept"])


def test_when_dates_are_date_objects_then_they_equal_timestamps() -> None:
    as_dates = with_columns(plain_frame(), day=plain_frame()["day"].dt.date)
    pd.testing.assert_frame_equal(
        canonical(as_dates, plain_problem(), KINDS).frame, canonical(plain_frame(), plain_problem(), KINDS).frame
    )


def test_when_weeks_sit_on_a_thursday_then_they_are_completed_on_thursdays() -> None:
    frame = without_rows(with_columns(plain_frame(5), day=pd.date_range("2017-01-05", periods=5, freq="W-THU")), 2)
    samples = canonical(frame, plain_problem(frequency="W"), KINDS)
    assert samples.timestamps.tolist() == list(pd.date_range("2017-01-05", periods=5, freq="W-THU"))
    assert samples.season == 52


def test_when_months_are_absent_then_they_are_completed() -> None:
    days = pd.DatetimeIndex(["2017-01-31", "2017-02-28", "2017-05-31"])
    samples = canonical(with_columns(plain_frame(3), day=days), plain_problem(frequency="M"), KINDS)
    assert samples.timestamps.dt.strftime("%m-%d").tolist() == ["01-31", "02-28", "03-31", "04-30", "05-31"]


def test_when_timestamps_are_integers_then_they_are_completed_by_the_step() -> None:
    samples = canonical(with_columns(plain_frame(3), day=[10, 30, 20]), plain_problem(frequency=5), KINDS)
    assert samples.frame["day"].dtype == np.int64
    assert samples.frame["day"].tolist() == [10, 15, 20, 25, 30]
    assert samples.frame["units"].tolist() == [1.0, 0.0, 3.0, 0.0, 2.0]


@pytest.mark.parametrize("days", [[1.5, 2.0, 3.0], list(pd.date_range("2017-01-01", periods=3))])
def test_when_the_step_is_an_integer_but_timestamps_are_not_then_the_error_says_so(days: list[object]) -> None:
    with pytest.raises(TableError, match="timestamp 'day' must hold whole numbers"):
        canonical(with_columns(plain_frame(3), day=days), plain_problem(frequency=1), KINDS)


def test_when_a_timestamp_is_null_then_the_error_counts_them() -> None:
    with pytest.raises(TableError, match="timestamp 'day' must have a value in every row; 12 are null"):
        canonical(with_columns(plain_frame(), day=pd.NaT), plain_problem(), KINDS)


def test_when_a_timestamp_is_out_of_range_then_the_error_shows_it() -> None:
    frame = with_columns(plain_frame(2), day=[dt.date(2017, 1, 1), dt.date(9999, 12, 31)])
    with pytest.raises(TableError, match="9999-12-31"):
        canonical(frame, plain_problem(), KINDS)


def test_when_a_series_key_is_null_then_the_error_counts_them() -> None:
    frame = with_columns(plain_frame(4), dept=["a", None, "a", None])
    with pytest.raises(TableError, match="key column 'dept' must have a value in every row; 2 of 4 are null"):
        canonical(frame, plain_problem(series_keys=("dept",)), KINDS)


def test_when_rows_of_two_scenarios_come_in_then_the_error_names_them() -> None:
    frame = pd.concat([plain_frame(2), with_columns(plain_frame(2), store="s2")])
    with pytest.raises(TableError, match="one value of 'store'; found s1, s2"):
        canonical(frame, plain_problem(), KINDS)


def test_when_a_timestamp_is_there_twice_then_the_error_names_series_and_timestamp() -> None:
    frame = pd.concat([plain_frame(4), plain_frame(4).iloc[[2]]]).assign(dept="a")
    with pytest.raises(TableError, match="more than one for series 'a' at 2017-01-03"):
        canonical(frame, plain_problem(series_keys=("dept",)), KINDS)


def test_when_a_calendar_would_explode_then_the_scenario_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical_module, "MAX_SAMPLES", 300)
    frame = with_columns(plain_frame(2), day=pd.DatetimeIndex(["1970-01-01", "2017-01-01"]))
    with pytest.raises(ScenarioSkipped, match="17168 rows for the 2 that came in"):
        canonical(frame, plain_problem(), KINDS)


def test_when_the_task_is_tabular_then_rows_are_sorted_by_sample_id() -> None:
    samples = canonical(tabular_frame(4), tabular_problem(), {"size": "numeric"})
    assert list(samples.frame.columns) == [SERIES_COL, ROW_COL, "units", "id", "store", "size"]
    assert samples.frame["id"].tolist() == [0, 1, 2, 3]
    assert samples.frame[ROW_COL].tolist() == [3, 2, 1, 0]
    assert samples.frame["size"].tolist() == [3.0, 2.0, 1.0, 0.0]
    assert samples.season == 1


def test_when_sample_ids_are_text_then_they_are_sorted_as_text() -> None:
    frame = with_columns(tabular_frame(3), id=["10", "9", "é"])
    assert canonical(frame, tabular_problem(), {"size": "numeric"}).frame["id"].tolist() == ["10", "9", "é"]


@pytest.mark.parametrize("problem", [tabular_problem(), plain_problem(sample_id="id")])
def test_when_a_sample_id_is_there_twice_then_the_error_names_it(problem: Problem) -> None:
    frame = with_columns(plain_frame(5), id=[7, 8, 7, 9, 8])
    with pytest.raises(TableError, match="sample id 'id' must be unique; found more than once: 7, 8"):
        canonical(frame, problem, KINDS)


def test_when_a_sample_id_is_null_then_the_error_counts_them() -> None:
    with pytest.raises(TableError, match="sample id 'id' must have a value in every row; 1 are null"):
        canonical(with_columns(tabular_frame(3), id=["a", None, "b"]), tabular_problem(), {"size": "numeric"})
