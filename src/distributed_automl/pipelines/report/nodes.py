"""Nodes that make what people look at."""

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame

from distributed_automl.monitoring.evaluation import fleet_figures
from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting import figures, page, scores, summary, terminal, training


def read_scores(training_results: DataFrame) -> pd.DataFrame:
    """Take from the results what fits the driver: numbers, one row per scenario."""
    return scores.read_scores(training_results)


def summarize_fleet(
    training_results: DataFrame, training_scores: pd.DataFrame, evaluation: pd.DataFrame, problem: Problem
) -> pd.DataFrame:
    """Put the fleet's figures into one small table."""
    distributions = scores.read_distributions(training_results)
    return summary.summarize(training_scores, distributions, fleet_figures(evaluation, problem.levels))


def list_scenarios(training_scores: pd.DataFrame, evaluation: pd.DataFrame) -> pd.DataFrame:
    """Set the scenarios side by side, the most errors avoided first."""
    return summary.list_scenarios(training_scores, evaluation)


def rank_candidates(training_results: DataFrame) -> pd.DataFrame:
    """Say which candidates predict."""
    return scores.rank_candidates(training_results)


def group_reasons(training_scores: pd.DataFrame) -> pd.DataFrame:
    """Group the scenarios without a model by why."""
    return training.group_reasons(training_scores)


def draw_fleet_forecast(fleet_by_period: pd.DataFrame, problem: Problem) -> go.Figure:
    """Draw the fleet's total over time."""
    return figures.draw_fleet_forecast(fleet_by_period, problem)


def draw_accuracy(scenario_overview: pd.DataFrame) -> go.Figure:
    """Draw each scenario's error against the baseline's."""
    return figures.draw_accuracy(scenario_overview)


def draw_candidates(candidate_ranking: pd.DataFrame) -> go.Figure:
    """Draw each candidate's share of the models."""
    return figures.draw_candidates(candidate_ranking)


def draw_training_cost(training_scores: pd.DataFrame) -> go.Figure:
    """Draw the seconds of the fits."""
    return figures.draw_training_cost(training_scores)


def write_report(
    training_scores: pd.DataFrame,
    *,
    fleet_summary: pd.DataFrame,
    scenario_overview: pd.DataFrame,
    candidate_ranking: pd.DataFrame,
    missing_models: pd.DataFrame,
    fleet_by_period: pd.DataFrame,
    fleet_forecast_plot: go.Figure,
    accuracy_plot: go.Figure,
    training_cost_plot: go.Figure,
    problem: Problem,
    reporting: Reporting,
) -> str:
    """Put tables and plots on one page."""
    content = page.Content(
        run_id=", ".join(training_scores["run_id"].astype(str).unique()),
        figures=summary.Figures(fleet_summary),
        scenarios=scenario_overview,
        candidates=candidate_ranking,
        reasons=missing_models,
        by_period=fleet_by_period,
        plots={"forecast": fleet_forecast_plot, "accuracy": accuracy_plot, "cost": training_cost_plot},
    )
    return page.write_page(content, problem, reporting)


def print_summary(
    fleet_summary: pd.DataFrame, missing_models: pd.DataFrame, *, report: str, problem: Problem, reporting: Reporting
) -> None:
    """Print what a person wants to know, once the report is written."""
    del report
    terminal.print_summary(fleet_summary, missing_models, problem, reporting)
