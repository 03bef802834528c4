"""What a problem refuses: columns whose roles contradict each other."""

from typing import Any

import pytest
from pydantic import ValidationError

from distributed_automl.parameters import Problem

PROBLEM = {
    "task": "regression",
    "scenario_keys": ["market"],
    "sample_id": "offer",
    "target": "price",
    "static": ["district"],
    "known_in_advance": ["rooms"],
    "entities": {"district": ["district", "population"]},
    "pool_by": ["country"],
    "group": "building",
}


def problem(**fields: Any) -> Problem:
    return Problem.model_validate({**PROBLEM, **fields})


def test_when_every_column_has_one_role_then_the_problem_is_valid() -> None:
    assert problem().roles == ("market", "price", "offer")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"static": ["rooms"]}, "column 'rooms' is both in `known_in_advance` and in `static`"),
        ({"entities": {"district": ["district", "price"]}}, "entity 'district' names the target 'price'"),
        ({"pool_by": ["country", "price"]}, "`pool_by` names the target 'price'"),
        ({"group": "price"}, "`group` names the target 'price'"),
        ({"static": ["price"]}, "column 'price' in `static` is a key, the timestamp or the target"),
        ({"target": "offer"}, "column 'offer' has two roles"),
        ({"entities": {"district": []}}, "entity 'district' needs a key column"),
    ],
)
def test_when_roles_contradict_each_other_then_the_column_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        problem(**fields)
