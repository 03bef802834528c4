"""Business KPIs, worked out by hand."""

import numpy as np
import pytest

from distributed_automl.parameters import Costs
from distributed_automl.scenario.kpis import KPIS, kpis
from distributed_automl.scenario.metrics import Outcome

COSTS = Costs(margin_per_unit=2.0, price_per_unit=5.0, holding_per_unit=0.5)


def _outcome(y_true: list[float], y_pred: list[float]) -> Outcome:
    return Outcome(np.array(y_true), np.array(y_pred), costs=COSTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("units_short", 3.0),  # 4 - 2 and 1 - 0
        ("units_over", 4.0),  # 2 - 1 and 8 - 5
        ("lost_revenue", 15.0),
        ("lost_margin", 6.0),
        ("holding_cost", 2.0),
        ("total_cost", 8.0),
    ],
)
def test_when_errors_are_known_then_the_kpi_is_as_worked_out(name: str, expected: float) -> None:
    outcome = _outcome([1.0, 4.0, 2.0, 5.0, 1.0], [2.0, 2.0, 2.0, 8.0, 0.0])
    assert kpis(outcome)[name] == pytest.approx(expected)


def test_when_predictions_are_perfect_then_nothing_is_lost() -> None:
    assert kpis(_outcome([1.0, 2.0], [1.0, 2.0])) == dict.fromkeys(KPIS, 0.0)


def test_when_outcomes_are_joined_then_their_kpis_add_up() -> None:
    first, second = _outcome([1.0, 4.0], [2.0, 2.0]), _outcome([5.0], [8.0])
    joined = kpis(_outcome([1.0, 4.0, 5.0], [2.0, 2.0, 8.0]))
    assert joined == pytest.approx({name: kpis(first)[name] + kpis(second)[name] for name in KPIS})


def test_when_being_short_costs_more_than_being_over_then_the_total_cost_prefers_too_much() -> None:
    assert kpis(_outcome([10.0], [11.0]))["total_cost"] < kpis(_outcome([10.0], [9.0]))["total_cost"]
