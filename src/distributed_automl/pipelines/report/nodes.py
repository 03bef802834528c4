"""Nodes that make what people look at."""

import pandas as pd
import plotly.graph_objects as go

from distributed_automl.monitoring.evaluation import fleet_figures
from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting import figures, page, summary, terminal, training


def summarize_fleet(training_results: pd.DataFrame, evaluation: pd.DataFrame, problem: Problem) -> pd.DataFrame:
    """Put the fleet's figures into one small table."""
    return summary.summarize(training_results, fleet_figures(evaluation, problem.levels))


def list_scenarios(training_results: pd.DataFrame, evaluation: pd.DataFrame) -> pd.DataFrame:
    """Set the scenarios side by side, the most errors avoided first."""
    return summary.list_scenarios(training_results, evaluation)


def rank_candidates(training_results: pd.DataFrame) -> pd.DataFrame:
    """Say which candidates predict."""
    return training.rank_candidates(training.expand(training_results))


def group_reasons(training_results: pd.DataFrame) -> pd.DataFrame:
    """Group the scenarios without a model by why."""
    return training.group_reasons(training.expand(training_results))


def draw_fleet_forecast(fleet_by_period: pd.DataFrame, problem: Problem) -> go.Figure:
    """Draw the fleet's total over time."""
    return figures.draw_fleet_forecast(fleet_by_period, problem)


def draw_accuracy(scenario_overview: pd.DataFrame) -> go.Figure:
    """Draw each scenario's error against the baseline's."""
    return figures.draw_accuracy(scenario_overview)


def draw_candidates(candidate_ranking: pd.DataFrame) -> go.Figure:
    """Draw each candidate's share of the models."""
    return figures.draw_candidates(candidate_ranking)


def draw_training_cost(training_results: pd.DataFrame) -> go.Figure:
    """Draw the seconds of the fits."""
    return figures.draw_training_cost(training_results)


def write_report(
    training_results: pd.DataFrame,
    evaluation: pd.DataFrame,
    *,
    fleet_by_period: pd.DataFrame,
    problem: Problem,
    reporting: Reporting,
) -> str:
    """Write the page."""
    pooled = fleet_figures(evaluation, problem.levels)
    content = page.content_of(training_results, evaluation, pooled=pooled, by_period=fleet_by_period, problem=problem)
    return page.write_page(content, problem, reporting)


def print_summary(
    fleet_summary: pd.DataFrame, missing_models: pd.DataFrame, *, report: str, problem: Problem, reporting: Reporting
) -> None:
    """Print what a person wants to know, once the report is written."""
    del report
    terminal.print_summary(fleet_summary, missing_models, problem, reporting)
