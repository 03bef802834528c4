"""What parameters refuse: columns whose roles contradict each other, an auction without a budget."""

from typing import Any

import pytest
from pydantic import ValidationError

from distributed_automl.parameters import Auction, AutoML, Plan, Problem

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
        ({"known_in_advance": ["rooms", "rooms"]}, "`known_in_advance` names 'rooms' more than once"),
        ({"scenario_keys": ["scenario_id"]}, "key 'scenario_id' is called like a column of `predictions`"),
        ({"series_keys": ["Lower_95"]}, "key 'Lower_95' is called like a column of `predictions`"),
        ({"levels": [0.8, 0.95, 0.8]}, "`levels` has 80% more than once"),
        ({"levels": [0.95, 0.9500000001]}, "`levels` has 95% more than once"),
    ],
)
def test_when_roles_contradict_each_other_then_the_column_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        problem(**fields)


@pytest.mark.parametrize("bound", [float("nan"), float("inf")])
def test_when_a_number_is_not_finite_then_it_is_refused(bound: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        problem(target_min=bound)
    with pytest.raises(ValidationError, match="finite number"):
        AutoML.model_validate({"costs": {"margin_per_unit": bound}})


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


# --- the auction -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"enabled": True}, "needs one budget, either `core_hours` or `n_trials`; found neither"),
        ({"core_hours": 1.0, "n_trials": 1}, r"needs one budget, .*; found \['core_hours', 'n_trials'\]"),
        ({"core_hours": 0.0}, "greater than 0"),
        ({"n_trials": 0}, "greater than or equal to 1"),
        ({"max_trials": 1}, "greater than or equal to 2"),
        ({"max_trials": 257}, "less than or equal to 256"),
        ({"budget": 1}, "Extra inputs are not permitted"),
    ],
)
def test_when_an_auction_cannot_be_held_then_what_it_lacks_is_told(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Plan.model_validate({"auction": fields})


def test_when_an_auction_is_switched_off_then_its_budget_may_stay() -> None:
    assert Auction(core_hours=8.0).enabled is False
    assert Plan().auction == Auction()


def test_when_a_fit_is_given_trials_then_nothing_else_of_its_search_changes() -> None:
    automl = AutoML.model_validate({"seed": 3, "tuning": {"sampler": "random", "n_trials": 2}})
    given = automl.with_trials(9)
    assert given == AutoML.model_validate({"seed": 3, "tuning": {"sampler": "random", "n_trials": 9}})
    assert automl.with_trials(None) == automl


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"candidates": ["ridge", "lightgbm", "ridge"]}, "candidates\n.*'ridge' is listed twice"),
        ({"selection": {"methods": ["l1", "l1"], "min_votes": 2}}, "selection.methods\n.*'l1' is listed twice"),
    ],
)
def test_when_a_name_is_listed_twice_then_it_is_refused(block: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AutoML.model_validate(block)
