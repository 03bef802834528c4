"""Narrow tables on the driver: what comes from Spark and goes there again, and what it takes."""

from typing import Any

import pandas as pd
import pytest

from distributed_automl import narrow
from distributed_automl.narrow import COUNT, TEXT, compact, places, texts, to_driver, typed

DDL = "`scenario_id` string, `reason` string, `n_rows` bigint, `wave` int, `seconds` double"
ROWS = [("a", "new", 1, 1, 0.5), ("ä/b", None, 2, None, None), ("c", "new", 3, 300, 2.0)]


@pytest.fixture
def rows() -> pd.DataFrame:
    frame = pd.DataFrame(ROWS, columns=["scenario_id", "reason", "n_rows", "wave", "seconds"])
    return compact(frame).astype({"wave": COUNT})


def test_when_a_frame_is_compact_then_only_texts_that_differ_are_in_arrow(rows: pd.DataFrame) -> None:
    assert rows["scenario_id"].dtype == TEXT
    assert rows["reason"].dtype == object


def test_when_texts_are_more_than_a_slice_then_all_of_them_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrow, "SLICE", 3)
    names = [f"s{number}" for number in range(10)]
    made = texts(iter(names), pd.RangeIndex(10))
    assert made.dtype == TEXT
    assert made.tolist() == names
    assert texts(iter(()), pd.RangeIndex(0)).empty


@pytest.mark.parametrize("kinds", [(TEXT, object), (object, TEXT)])
def test_when_texts_are_looked_up_then_their_place_among_others_is_told(kinds: tuple[object, object]) -> None:
    cells, among = (pd.Series(list(letters), dtype=kind) for letters, kind in zip(("aäzb", "äba"), kinds, strict=True))
    assert places(cells.iloc[::-1], among).tolist() == [1, -1, 0, 2]
    assert places(cells.iloc[:0], among).tolist() == []
    assert places(cells, among.iloc[:0]).tolist() == [-1] * 4


def test_when_ids_differ_then_a_row_takes_little_more_than_its_bytes() -> None:
    names = texts((f"{number:064d}" for number in range(1_000)), pd.RangeIndex(1_000))
    assert names.memory_usage(index=False, deep=True) < 80 * 1_000


@pytest.mark.spark
@pytest.mark.parametrize("at_once", [1, 2, 10])
def test_when_rows_go_to_spark_and_come_back_then_they_are_the_same(
    spark: Any, rows: pd.DataFrame, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrow, "SLICE", at_once)
    there = typed(spark, rows, DDL)
    assert (
        there.schema.simpleString() == "struct<scenario_id:string,reason:string,n_rows:bigint,wave:int,seconds:double>"
    )
    assert [tuple(row) for row in there.collect()] == ROWS
    back = to_driver(there).astype({"wave": COUNT})
    pd.testing.assert_frame_equal(back, rows)


@pytest.mark.spark
def test_when_cells_are_objects_then_they_go_to_spark_like_typed_ones(spark: Any, rows: pd.DataFrame) -> None:
    assert typed(spark, rows.astype(object), DDL).collect() == typed(spark, rows, DDL).collect()


@pytest.mark.spark
def test_when_there_are_no_rows_then_the_columns_are_there_all_the_same(spark: Any, rows: pd.DataFrame) -> None:
    there = typed(spark, rows.iloc[:0], DDL)
    assert to_driver(there).columns.tolist() == rows.columns.tolist()
    assert to_driver(there)["scenario_id"].dtype == TEXT
