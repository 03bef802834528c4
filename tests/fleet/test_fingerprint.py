"""Fingerprints move with what matters, and with nothing else."""

from typing import Any

import pandas as pd
import pytest
from pyspark.sql import functions as F

from distributed_automl.errors import TableError
from distributed_automl.fleet.fingerprint import code_digest, measure, pool_fingerprint, with_pool, with_portfolio
from distributed_automl.parameters import Problem
from distributed_automl.tables import PART_COL

pytestmark = pytest.mark.spark

PROBLEM = Problem(task="regression", scenario_keys=("k",), target="y", sample_id="i")
DDL = "k string, i int, y double, a string, b string"
ROWS = [("s", 1, 1.0, "x", None), ("s", 2, 2.0, None, "x"), ("s", 3, None, "x", "x"), ("t", 4, 5.0, "x", "y")]


def prints(frame: Any) -> dict[str, str]:
    sizes = measure(frame, PROBLEM)
    return dict(zip(sizes["scenario_id"], sizes["rows_fingerprint"], strict=True))


@pytest.fixture
def rows(spark: Any) -> Any:
    return spark.createDataFrame(ROWS, DDL)


def test_when_rows_columns_and_partitions_are_shuffled_then_nothing_changes(spark: Any, rows: Any) -> None:
    shuffled = spark.createDataFrame(ROWS[::-1], DDL).repartition(7, "i").select("b", "y", "k", "i", "a")
    assert prints(shuffled) == prints(rows)


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("a value", [("s", 1, 1.5, "x", None), *ROWS[1:]]),
        ("a value moved to the next column", [("s", 1, 1.0, None, "x"), *ROWS[1:]]),
        ("a null became an empty string", [("s", 1, 1.0, "x", ""), *ROWS[1:]]),
        ("a pair of equal rows came", [*ROWS, ("s", 9, 9.0, "z", "z"), ("s", 9, 9.0, "z", "z")]),
        ("a row went", ROWS[1:]),
        ("a null target became NaN", [*ROWS[:2], ("s", 3, float("nan"), "x", "x"), ROWS[3]]),
    ],
)
def test_when_one_scenario_changes_then_only_its_fingerprint_does(
    spark: Any, rows: Any, what: str, changed: list[tuple[Any, ...]]
) -> None:
    before, after = prints(rows), prints(spark.createDataFrame(changed, DDL))
    assert before["s"] != after["s"], what
    assert before["t"] == after["t"], what


def test_when_a_type_or_a_name_changes_then_every_fingerprint_does(rows: Any) -> None:
    wider, renamed = rows.withColumn("i", F.col("i").cast("bigint")), rows.withColumnRenamed("a", "c")
    for other in (wider, renamed):
        assert not set(prints(rows).values()) & set(prints(other).values())


def test_when_rows_are_measured_then_sizes_and_calendars_are_right(
    spark: Any, problem: Any, panel: Any, to_spark: Any
) -> None:
    sizes = measure(to_spark(panel(["a", "b"], 3)), problem)
    expected = {"n_rows": [3, 3], "first_timestamp": ["2024-01-01"] * 2, "last_timestamp": ["2024-01-03"] * 2}
    pd.testing.assert_frame_equal(sizes[list(expected)], pd.DataFrame(expected))


def test_when_a_scenario_key_is_null_then_the_error_counts_the_rows(spark: Any) -> None:
    frame = spark.createDataFrame([*ROWS, (None, 8, 1.0, "x", "x"), (None, 9, 1.0, "x", "x")], DDL)
    with pytest.raises(TableError, match=r"2 rows have a null in the scenario keys \['k'\]"):
        measure(frame, PROBLEM)


def test_when_pool_by_varies_inside_a_scenario_then_the_error_names_it(rows: Any) -> None:
    with pytest.raises(TableError, match=r"varies in 1 of them, e.g. \['s'\]"):
        measure(rows, PROBLEM.model_copy(update={"pool_by": ("b",)}))


def test_when_parts_change_then_fingerprints_do() -> None:
    assert pool_fingerprint("s", [("a", "1"), ("b", "2")]) == pool_fingerprint("s", [("b", "2"), ("a", "1")])
    assert pool_fingerprint("s", [("a", "1")]) != pool_fingerprint("s", [("a", "2")])
    assert len({with_pool("c", None), with_pool("c", "p"), with_pool("d", None)}) == 3
    assert len({with_portfolio("s", "a"), with_portfolio("s", "b"), with_portfolio("t", "a"), "s"}) == 4


def test_when_python_changes_then_the_code_s_digest_does(monkeypatch: pytest.MonkeyPatch) -> None:
    here = code_digest.__wrapped__()
    assert here == code_digest()
    monkeypatch.setattr("sys.version_info", (3, 99, 0))
    other = code_digest.__wrapped__()
    assert len(here) == len(other) == 64
    assert other != here


def test_when_the_table_has_parts_then_fingerprints_are_those_without_them(rows: Any) -> None:
    parts = rows.withColumn(PART_COL, F.when(F.col("k") == "s", 3).otherwise(5))
    sizes = measure(parts, PROBLEM)
    assert dict(zip(sizes["scenario_id"], sizes[PART_COL], strict=True)) == {"s": 3, "t": 5}
    assert prints(parts) == prints(rows)
    assert measure(rows, PROBLEM)[PART_COL].isna().all()


def test_when_a_scenario_is_in_two_parts_then_the_error_names_it(rows: Any) -> None:
    with pytest.raises(TableError, match=r"varies in 1 of them, e.g. \['s'\]: bucket the table by the scenario keys"):
        measure(rows.withColumn(PART_COL, F.col("i")), PROBLEM)


def test_when_the_part_s_name_is_taken_for_something_else_then_the_error_says_so(rows: Any) -> None:
    as_text = rows.withColumn(PART_COL, F.lit("red"))
    with pytest.raises(TableError, match=r"\['scenario_bucket'\] are reserved"):
        measure(as_text, PROBLEM)
    for role in ("scenario_keys", "known_in_advance"):
        with pytest.raises(TableError, match=r"\['scenario_bucket'\] are reserved"):
            measure(rows.withColumn(PART_COL, F.col("i")), PROBLEM.model_copy(update={role: (PART_COL,)}))
