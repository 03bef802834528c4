"""Names of scenarios, also odd ones."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.naming import scenario_id_of


def _problem(*keys: str) -> Problem:
    return Problem(scenario_keys=keys, timestamp="day", frequency="D", target="units")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a/b", "a/b"),
        ("..", ".."),
        ("  two  spaces ", "  two  spaces "),
        ("Öl & Käse 日本", "Öl & Käse 日本"),
        ("007", "007"),
        ("100%=x", "100%=x"),
        ("half a pair \ud83d", "half a pair ?"),
        (7, "7"),
        (np.int64(7), "7"),
        (True, "true"),
        (np.bool_(False), "false"),
        (dt.date(2017, 1, 2), "2017-01-02"),
        (dt.datetime(2017, 1, 2, 3, 4, 5), "2017-01-02 03:04:05"),
        (pd.Timestamp("2017-01-02 03:04:05.250"), "2017-01-02 03:04:05.25"),
        (np.datetime64("2017-01-02"), "2017-01-02 00:00:00"),
        (Decimal("1.50"), "1.50"),
        (Decimal("0E-3"), "0.000"),
        (1.5, "1.5"),
        (np.float32(0.25), "0.25"),
        (0.0, "0.0"),
        (1e7, "1.0E7"),
        (-1.25e-5, "-1.25E-5"),
    ],
)
def test_when_a_scenario_has_one_key_then_its_id_is_the_plain_text(value: object, expected: str) -> None:
    assert scenario_id_of({"store": value}, _problem("store")) == expected


def test_when_a_scenario_has_several_keys_then_its_id_is_escaped_pairs() -> None:
    problem = _problem("store", "a=b/c%")
    assert scenario_id_of({"store": "x/..=1%", "a=b/c%": 7}, problem) == "store=x%2F..%3D1%25/a%3Db%2Fc%25=7"


def test_when_keys_could_be_mistaken_for_others_then_their_ids_differ() -> None:
    problem = _problem("a", "b")
    pairs = [("1/b=2", "3"), ("1", "2/b=3"), ("1%2Fb=2", "3"), ("1", "2")]
    assert len({scenario_id_of({"a": a, "b": b}, problem) for a, b in pairs}) == len(pairs)


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT])
def test_when_a_scenario_key_is_null_then_the_error_names_it(value: object) -> None:
    with pytest.raises(TableError, match="scenario key 'store' must have a value"):
        scenario_id_of({"store": value}, _problem("store"))
