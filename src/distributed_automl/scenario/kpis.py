"""Business KPIs: what the errors of a forecast cost, in units and in money."""

import numpy as np

from distributed_automl.scenario.outcome import ANY_TASK, Metric, Outcome


def units_short(outcome: Outcome) -> float:
    """Sum the units that were wanted and not predicted."""
    return float(np.maximum(-outcome.errors, 0.0).sum())


def units_over(outcome: Outcome) -> float:
    """Sum the units that were predicted and not wanted."""
    return float(np.maximum(outcome.errors, 0.0).sum())


def lost_revenue(outcome: Outcome) -> float:
    """Price the units short at what customers would have paid."""
    return units_short(outcome) * outcome.costs.price_per_unit


def lost_margin(outcome: Outcome) -> float:
    """Price the units short at the margin that they would have earned."""
    return units_short(outcome) * outcome.costs.margin_per_unit


def holding_cost(outcome: Outcome) -> float:
    """Price the units over at what it costs to hold one for a period."""
    return units_over(outcome) * outcome.costs.holding_per_unit


def total_cost(outcome: Outcome) -> float:
    """Add the margin lost on units short and the cost of holding units over."""
    return lost_margin(outcome) + holding_cost(outcome)


KPIS: dict[str, Metric] = {
    "units_short": Metric(units_short, ANY_TASK),
    "units_over": Metric(units_over, ANY_TASK),
    "lost_revenue": Metric(lost_revenue, ANY_TASK),
    "lost_margin": Metric(lost_margin, ANY_TASK),
    "holding_cost": Metric(holding_cost, ANY_TASK),
    "total_cost": Metric(total_cost, ANY_TASK),
}
"""Name -> KPI. A new one costs a function and a line here."""


def kpis(outcome: Outcome) -> dict[str, float]:
    """Compute every KPI. All are sums over the rows: KPIs of scenarios and folds may be added up."""
    return {name: kpi.function(outcome) for name, kpi in KPIS.items()}
