"""Business KPIs: what the errors of a prediction cost, in units, rows and money."""

import numpy as np

from distributed_automl.scenario.outcome import CLASSES, NUMBERS, Metric, Outcome


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


def n_wrong(outcome: Outcome) -> float:
    """Count the rows that were put into a wrong class."""
    return float(outcome.is_wrong.sum())


def misclassification_cost(outcome: Outcome) -> float:
    """Price every row in a wrong class at what it costs to miss its true class."""
    if outcome.class_costs is None:
        return n_wrong(outcome)
    return float(outcome.class_costs[outcome.codes[outcome.is_wrong]].sum())


KPIS: dict[str, Metric] = {
    "units_short": Metric(units_short, NUMBERS),
    "units_over": Metric(units_over, NUMBERS),
    "lost_revenue": Metric(lost_revenue, NUMBERS),
    "lost_margin": Metric(lost_margin, NUMBERS),
    "holding_cost": Metric(holding_cost, NUMBERS),
    "total_cost": Metric(total_cost, NUMBERS),
    "n_wrong": Metric(n_wrong, CLASSES),
    "misclassification_cost": Metric(misclassification_cost, CLASSES),
}
"""Name -> KPI. A new one costs a function and a line here."""


def kpis(outcome: Outcome, task: str) -> dict[str, float]:
    """Compute every KPI of a task. All are sums over the rows: KPIs of scenarios and folds may be added up."""
    return {name: kpi.function(outcome) for name, kpi in KPIS.items() if task in kpi.tasks}
