import numpy as np
import pandas as pd
import pytest

from distributed_automl.scenario.encoding import LARGEST, MAX_INDICATORS, Encoding, learn_encoding

X = pd.DataFrame(
    {
        "price": [1.0, np.nan, 3.0, 10.0],
        "colour": np.array(["red", "blue", "red", None], dtype=object),
        "empty": np.nan,
        "unused": "x",
    }
)
COLUMNS = ["price", "colour", "empty"]


def test_when_encoded_then_categories_are_codes_by_frequency_and_numbers_stay() -> None:
    encoded = learn_encoding(X, COLUMNS).codes(X)
    np.testing.assert_array_equal(encoded[:, 0], [1.0, np.nan, 3.0, 10.0])
    np.testing.assert_array_equal(encoded[:, 1], [1.0, 2.0, 1.0, 0.0])
    assert np.isnan(encoded[:, 2]).all()


def test_when_a_category_was_never_seen_then_it_has_a_code_of_its_own() -> None:
    fresh = X.assign(colour=np.array(["green", "red", None, np.nan], dtype=object))
    np.testing.assert_array_equal(learn_encoding(X, COLUMNS).codes(fresh)[:, 1], [3.0, 1.0, 0.0, 0.0])


def test_when_imputed_then_the_median_of_the_learned_rows_stands_in() -> None:
    encoding = learn_encoding(X.iloc[:3], COLUMNS)
    np.testing.assert_array_equal(encoding.imputed(X)[:, 0], [1.0, 2.0, 3.0, 10.0])
    np.testing.assert_array_equal(encoding.imputed(X)[:, 2], 0.0)


def test_when_indicators_are_made_then_missing_and_unseen_are_all_zero() -> None:
    fresh = X.assign(colour=np.array(["red", "blue", None, "green"], dtype=object))
    encoded = learn_encoding(X, ["colour", "price"]).indicators(fresh)
    np.testing.assert_array_equal(encoded[:, :2], [[1, 0], [0, 1], [0, 0], [0, 0]])
    assert encoded.shape == (4, 3)


def test_when_there_are_very_many_categories_then_only_the_frequent_get_indicators() -> None:
    many = pd.DataFrame({"id": [f"c{i:03d}" for i in range(100)] + ["c099"]})
    encoded = learn_encoding(many, ["id"]).indicators(many)
    assert encoded.shape == (101, MAX_INDICATORS)
    assert encoded[[99, 100], 0].tolist() == [1.0, 1.0]


def test_when_rows_come_in_another_order_then_the_same_is_learned() -> None:
    assert learn_encoding(X.iloc[::-1], COLUMNS) == learn_encoding(X, COLUMNS)


def test_when_values_are_huge_or_infinite_then_they_survive_float32() -> None:
    wild = X.assign(price=[np.inf, -np.inf, 1e300, 1.0])
    encoded = learn_encoding(X, COLUMNS).codes(wild)
    np.testing.assert_array_equal(encoded[:, 0], [LARGEST, -LARGEST, LARGEST, 1.0])
    assert np.isfinite(encoded[:, 0].astype(np.float32)).all()


def test_when_parts_are_taken_then_the_encoding_comes_back() -> None:
    encoding = learn_encoding(X, COLUMNS)
    assert Encoding.from_parts(encoding.to_parts()) == encoding


def test_when_a_column_is_absent_then_the_error_names_it_and_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"\['prize'\] are not in the design; it has \['price', 'colour'"):
        learn_encoding(X, ["prize"])


def test_when_no_column_is_asked_for_then_the_matrix_is_empty() -> None:
    encoding = learn_encoding(X, [])
    assert encoding.imputed(X).shape == (4, 0)
    assert encoding.indicators(X).shape == (4, 0)
