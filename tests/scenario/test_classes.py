"""Labels, codes, and the decision for a class."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from tests.scenario.estimators.designs import classification_design

from distributed_automl.errors import TableError
from distributed_automl.scenario.classes import (
    balancing_weights,
    class_codes,
    classes_of,
    decide,
    decision_weights,
    label_of,
    over_classes,
)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("b", "b"), (True, "true"), (np.bool_(False), "false"), (7, "7"), (7.0, "7"), (np.float64(-2.0), "-2"),
        (2.5, "2.5"), (Decimal("1.50"), "1.50"), (pd.Timestamp("2020-01-01"), "2020-01-01 00:00:00"),
    ],
)  # fmt: skip
def test_when_a_class_is_named_then_it_is_text(value: object, label: str) -> None:
    assert label_of(value) == label


@pytest.mark.parametrize(
    ("column", "classes"),
    [
        (pd.Series(["b", None, "a", "b"]), ("a", "b")),
        (pd.Series([10, 9, 10]), ("10", "9")),
        (pd.Series([10.0, np.nan, 9.0]), ("10", "9")),
        (pd.Series([10, None, 9], dtype="Int64"), ("10", "9")),
        (pd.Series([True, None, False], dtype=object), ("false", "true")),
        (pd.Series([None, None], dtype=object), ()),
    ],
)
def test_when_a_column_is_read_then_its_classes_are_sorted_as_text(column: pd.Series, classes: tuple[str, ...]) -> None:
    assert classes_of(column) == classes


def test_when_rows_are_coded_then_null_is_nan_and_a_stranger_infinite() -> None:
    codes = class_codes(pd.Series(["b", None, "a", "c"]), ("a", "b"))
    np.testing.assert_array_equal(codes, [1.0, np.nan, 0.0, np.inf])


def test_when_the_target_holds_lists_then_the_error_names_it() -> None:
    with pytest.raises(TableError, match="target 'kind' must hold single values"):
        classes_of(pd.Series([["a"], ["b"]], name="kind"))


def test_when_classes_are_as_learned_then_one_row_more_says_nothing() -> None:
    found = over_classes(np.array([[1.0, 0.0]]), ("a", "b"), ("a", "b"), 9)
    np.testing.assert_allclose(found, [[9.5 / 10, 0.5 / 10]])


def test_when_other_classes_are_wanted_then_they_share_what_belongs_to_the_rest() -> None:
    found = over_classes(np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]]), ("a", "b", "c"), ("b", "c", "d"), 9)
    # four classes in all: b has 2.7 + 0.25, c has 1.8 + 0.25 and d 0.25 of the 10 rows, together 5.25
    np.testing.assert_allclose(found, [[2.95 / 5.25, 2.05 / 5.25, 0.25 / 5.25], [1 / 3, 1 / 3, 1 / 3]])


def test_when_nothing_was_learned_then_all_wanted_classes_are_equally_probable() -> None:
    assert over_classes(np.empty((1, 0)), (), ("a", "b"), 0).tolist() == [[0.5, 0.5]]
    assert over_classes(np.empty((1, 0)), (), (), 0).shape == (1, 0)


def test_when_classes_are_balanced_then_each_has_the_same_total() -> None:
    np.testing.assert_allclose(balancing_weights(np.array([6.0, 3.0, 0.0])), [4.5 / 6, 4.5 / 3, 1.0])


def test_when_a_miss_costs_more_then_it_is_decided_for_at_less_probability() -> None:
    probabilities = np.array([[0.8, 0.2], [0.9, 0.1]])
    assert decide(probabilities, np.array([1.0, 1.0])).tolist() == [0, 0]
    # expected cost of saying 0 is 5 * 0.2 = 1.0, of saying 1 it is 0.8; of the second row 0.5 and 0.9
    assert decide(probabilities, np.array([1.0, 5.0])).tolist() == [1, 0]
    assert decide(np.empty((2, 0)), np.empty(0)).tolist() == [-1, -1]


def test_when_there_are_costs_then_they_decide_and_else_the_frequencies_if_classes_count_alike() -> None:
    rows = np.arange(120)
    plain = classification_design().samples
    counts = np.bincount(plain.y.astype(int))
    balanced = classification_design(class_weight="balanced").samples
    both = classification_design(class_weight="balanced", class_costs={"low": 4.0}).samples
    assert decision_weights(plain, rows).tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(decision_weights(balanced, rows), 40.0 / counts)
    assert decision_weights(both, rows).tolist() == [1.0, 4.0, 1.0]
