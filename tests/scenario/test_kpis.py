"""Business KPIs, worked out by hand."""

import numpy as np
import pytest

from distributed_automl.parameters import Costs
from distributed_automl.scenario.kpis import KPIS, kpis
from distributed_automl.scenario.outcome import Outcome

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
    assert kpis(outcome, "forecasting")[name] == pytest.approx(expected)


def test_when_predictions_are_perfect_then_nothing_is_lost() -> None:
    found = kpis(_outcome([1.0, 2.0], [1.0, 2.0]), "regression")
    assert found == dict.fromkeys((name for name, kpi in KPIS.items() if "regression" in kpi.tasks), 0.0)


def test_when_outcomes_are_joined_then_their_kpis_add_up() -> None:
    first, second = _outcome([1.0, 4.0], [2.0, 2.0]), _outcome([5.0], [8.0])
    joined = kpis(_outcome([1.0, 4.0, 5.0], [2.0, 2.0, 8.0]), "forecasting")
    one, two = (kpis(part, "forecasting") for part in (first, second))
    assert joined == pytest.approx({name: one[name] + two[name] for name in joined})


def test_when_being_short_costs_more_than_being_over_then_the_total_cost_prefers_too_much() -> None:
    too_much, too_little = (kpis(_outcome([10.0], [predicted]), "forecasting") for predicted in (11.0, 9.0))
    assert too_much["total_cost"] < too_little["total_cost"]
