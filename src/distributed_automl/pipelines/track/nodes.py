"""Nodes that log to MLflow what is in the catalog."""

import pandas as pd

from distributed_automl.monitoring.evaluation import fleet_figures
from distributed_automl.parameters import Problem, Tracking
from distributed_automl.reporting import figures
from distributed_automl.reporting.page import plots_page
from distributed_automl.reporting.summary import list_scenarios
from distributed_automl.reporting.training import (
    distributions,
    expand,
    group_reasons,
    rank_candidates,
    training_figures,
)
from distributed_automl.tracking.children import choose_children
from distributed_automl.tracking.run import Record, log_record


def track_training(training_results: pd.DataFrame, problem: Problem, tracking: Tracking) -> bool:
    """Log the fleet's training: metrics, distributions, tables, plots, and a child run per notable scenario."""
    expanded = expand(training_results)
    candidates, scenarios = rank_candidates(expanded), list_scenarios(training_results, pd.DataFrame())
    plots = {
        "accuracy": figures.draw_accuracy(scenarios),
        "candidates": figures.draw_candidates(candidates),
        "cost": figures.draw_training_cost(training_results),
    }
    shares = {f"candidate.{name}.share": share for name, share in candidates.set_index("candidate")["share"].items()}
    log_record(
        Record(
            metrics=training_figures(expanded) | distributions(expanded) | shares,
            tables={
                "scenarios.json": scenarios,
                "candidates.json": candidates,
                "without_model.json": group_reasons(expanded),
            },
            pages={"plots.html": plots_page(f"{problem.name}: training", plots)},
            tags={"problem": problem.name, "run_id": ", ".join(training_results["run_id"].unique())},
            children=choose_children(expanded, problem.objective, tracking.max_child_runs),
        )
    )
    return True


def track_evaluation(evaluation: pd.DataFrame, problem: Problem) -> None:
    """Log what the predictions were worth, pooled over the fleet."""
    pooled = fleet_figures(evaluation, problem.levels)
    log_record(Record(metrics={f"evaluation.{name}": value for name, value in pooled.items()}))
