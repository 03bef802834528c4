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


CLASSES = {"task": "classification", "scenario_keys": ["clinic"], "sample_id": "patient", "target": "diagnosis"}


def test_when_the_target_is_a_class_then_objective_and_levels_have_other_defaults() -> None:
    plain = Problem.model_validate(CLASSES)
    assert (plain.objective, plain.levels, plain.class_weight, plain.class_costs) == ("log_loss", (), None, {})
    assert Problem.model_validate({**CLASSES, "objective": "roc_auc"}).objective == "roc_auc"
    assert (problem().objective, problem().levels) == ("wape", (0.8, 0.95))
    assert Problem.model_validate(plain.model_dump(mode="json")) == plain


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({**CLASSES, "levels": [0.8]}, "`levels` means nothing for task 'classification'"),
        ({**CLASSES, "target_min": 0.0}, "`target_min` means nothing for task 'classification'"),
        ({**PROBLEM, "class_weight": "balanced"}, "`class_weight` means nothing for task 'regression'"),
        ({**PROBLEM, "class_costs": {"ill": 2.0}}, "`class_costs` means nothing for task 'regression'"),
        ({**CLASSES, "class_costs": {"ill": 0.0}}, "greater than 0"),
        ({**CLASSES, "sample_id": None}, "task 'classification' needs `sample_id`"),
    ],
)
def test_when_a_field_means_nothing_for_the_task_then_it_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Problem.model_validate(fields)
