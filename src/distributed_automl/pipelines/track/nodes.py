"""Nodes that log to MLflow what is in the catalog."""

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.monitoring.evaluation import fleet_figures
from distributed_automl.parameters import Problem, Tracking
from distributed_automl.reporting import figures
from distributed_automl.reporting.page import plots_page
from distributed_automl.reporting.scores import (
    NARROW_COLUMNS,
    rank_candidates,
    read_details,
    read_distributions,
    read_scores,
)
from distributed_automl.reporting.summary import list_scenarios, most_notable
from distributed_automl.reporting.training import group_reasons, training_figures
from distributed_automl.tracking.children import children_of, choose_scenarios
from distributed_automl.tracking.run import Record, log_record


@pd.option_context("mode.copy_on_write", True)  # else each step copies a large fleet's scores
def track_training(training_results: DataFrame, problem: Problem, tracking: Tracking) -> bool:
    """Log the fleet's training: metrics, distributions, tables, plots, and a child run per notable scenario."""
    log_record(_record_of(training_results, problem, tracking))  # what it was made of is gone by then
    return True


def _record_of(training_results: DataFrame, problem: Problem, tracking: Tracking) -> Record:
    distributions, candidates = read_distributions(training_results), rank_candidates(training_results)
    scores = read_scores(training_results, also=[problem.objective])
    scenarios = list_scenarios(scores, pd.DataFrame())
    chosen = choose_scenarios(scores, problem.objective, tracking.max_child_runs)
    details = read_details(training_results, chosen["scenario_id"])
    plots = {
        "accuracy": figures.draw_accuracy(scenarios),
        "candidates": figures.draw_candidates(candidates),
        "cost": figures.draw_training_cost(scores),
    }
    shares = {f"candidate.{name}.share": share for name, share in candidates.set_index("candidate")["share"].items()}
    return Record(
        metrics=training_figures(scores) | distributions | shares,
        tables={
            "scenarios.json": most_notable(scenarios),
            "candidates.json": candidates,
            "without_model.json": group_reasons(scores),
        },
        pages={"plots.html": plots_page(f"{problem.name}: training", plots)},
        tags={"problem": problem.name, "run_id": ", ".join(scores["run_id"].unique())},
        children=children_of(chosen[list(NARROW_COLUMNS)].merge(details, on="scenario_id", how="left")),
    )


def track_evaluation(evaluation: pd.DataFrame, problem: Problem) -> None:
    """Log what the predictions were worth, pooled over the fleet."""
    pooled = fleet_figures(evaluation, problem.levels)
    log_record(Record(metrics={f"evaluation.{name}": value for name, value in pooled.items()}))
