"""Ids on Spark equal those of the core, for whatever people name their shops."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from distributed_automl.errors import TableError
from distributed_automl.fleet.scenario_ids import POOL_COL, SCENARIO_COL, with_ids
from distributed_automl.parameters import Problem
from distributed_automl.scenario.naming import scenario_id_of

pytestmark = pytest.mark.spark

NAMES = ["plain", "a/b", "..", "../x", "with space", "ünïcode 日本", "001", "100%", "k=v", "%2F", "", "'", "$x{0}\\1"]


def problem_of(*keys: str, **more: Any) -> Problem:
    return Problem(task="regression", scenario_keys=keys, target="y", sample_id="i", **more)


def ids_of(
    spark: Any, rows: list[tuple[Any, ...]], ddl: str, problem: Problem, column: str = SCENARIO_COL
) -> list[str]:
    frame = spark.createDataFrame([(i, float(i), *row) for i, row in enumerate(rows)], f"i int, y double, {ddl}")
    return [row[column] for row in with_ids(frame, problem).orderBy("i").collect()]


def test_when_there_is_one_key_then_the_id_is_its_plain_string(spark: Any) -> None:
    assert ids_of(spark, [(name,) for name in NAMES], "k string", problem_of("k")) == NAMES


def test_when_there_are_several_keys_then_ids_equal_the_core_s(spark: Any) -> None:
    problem = problem_of("k", "b c", "n", "d")
    values = [(name, len(name) % 2 == 0, 7 - len(name), dt.date(2024, 2, len(name) + 1)) for name in NAMES]
    rows = [dict(zip(("k", "b c", "n", "d"), value, strict=True)) for value in values]
    found = ids_of(spark, values, "k string, `b c` boolean, n bigint, d date", problem)
    assert found == [scenario_id_of(row, problem) for row in rows]
    assert found[1] == "k=a%2Fb/b c=false/n=4/d=2024-02-04"
    assert len(set(found)) == len(NAMES)


@pytest.mark.parametrize(
    ("ddl", "value"),
    [("k decimal(10,0)", Decimal(12)), ("k timestamp", dt.datetime(2024, 1, 2, 3, 4, 5)), ("k smallint", -3)],
)
def test_when_a_key_is_no_string_then_ids_equal_the_core_s(spark: Any, ddl: str, value: object) -> None:
    problem = problem_of("k")
    assert ids_of(spark, [(value,)], ddl, problem) == [scenario_id_of({"k": value}, problem)]


def test_when_a_key_is_a_float_then_the_error_says_to_cast_it(spark: Any) -> None:
    with pytest.raises(TableError, match=r"'k' is double.*cast it in the engineering"):
        ids_of(spark, [(1.0,)], "k double", problem_of("k"))


@pytest.mark.parametrize(
    ("frequency", "ddl", "told"),
    [
        ("D", "k string, t string", r"'t' is string, expected date or timestamp"),
        ("D", "k string, t int", r"'t' is int, expected date or timestamp"),
        (1, "k string, t date", r"'t' is date, expected whole numbers"),
    ],
)
def test_when_no_calendar_can_be_made_of_the_timestamp_then_the_error_says_to_cast_it(
    spark: Any, frequency: str | int, ddl: str, told: str
) -> None:
    problem = Problem(scenario_keys=("k",), target="y", timestamp="t", frequency=frequency)
    with pytest.raises(TableError, match=told):
        ids_of(spark, [("a", None)], ddl, problem)


def test_when_columns_are_missing_then_all_are_named(spark: Any) -> None:
    problem = problem_of("k", pool_by=("region",), static=("size",))
    with pytest.raises(TableError, match=r"\['size', 'region'\]"):
        ids_of(spark, [("a",)], "k string", problem)


def test_when_pools_have_awkward_values_then_their_ids_stay_apart(spark: Any) -> None:
    problem = problem_of("k", pool_by=("p", "q"))
    rows = [("a", "x/y", "z"), ("b", "x", "y/z"), ("c", None, "z"), ("d", "%null", "z")]
    found = ids_of(spark, rows, "k string, p string, q string", problem, POOL_COL)
    assert found == ["__pooled__/x%2Fy/z", "__pooled__/x/y%2Fz", "__pooled__/%null/z", "__pooled__/%25null/z"]


def test_when_there_is_no_pool_by_then_one_pool_holds_all(spark: Any) -> None:
    assert ids_of(spark, [("a",)], "k string", problem_of("k"), POOL_COL) == ["__pooled__/all"]
