"""Results to tables, plots, one page, and the last words on the terminal."""

from kedro.pipeline import Node, Pipeline, node

from distributed_automl.pipelines.report import nodes


def create_pipeline() -> Pipeline:
    """Return ``report``: it reads ``training_results``, ``evaluation`` and ``fleet_by_period``."""
    return Pipeline([*_tables(), *_plots(), *_page()], tags=["report"])


def _tables() -> list[Node]:
    results, scores = "training_results", "training_scores"
    return [
        node(nodes.read_scores, results, scores, name="read_scores"),
        node(
            nodes.summarize_fleet,
            [results, scores, "evaluation", "params:problem"],
            "fleet_summary",
            name="summarize_fleet",
        ),
        node(nodes.list_scenarios, [scores, "evaluation"], "scenario_overview", name="list_scenarios"),
        node(nodes.rank_candidates, results, "candidate_ranking", name="rank_candidates"),
        node(nodes.group_reasons, scores, "missing_models", name="group_reasons"),
    ]


def _plots() -> list[Node]:
    return [
        node(
            nodes.draw_fleet_forecast,
            ["fleet_by_period", "params:problem"],
            "fleet_forecast_plot",
            name="draw_fleet_forecast",
        ),
        node(nodes.draw_accuracy, "scenario_overview", "accuracy_plot", name="draw_accuracy"),
        node(nodes.draw_candidates, "candidate_ranking", "candidates_plot", name="draw_candidates"),
        node(nodes.draw_training_cost, "training_scores", "training_cost_plot", name="draw_training_cost"),
    ]


def _page() -> list[Node]:
    shared = {"problem": "params:problem", "reporting": "params:reporting"}
    tables = ("fleet_summary", "scenario_overview", "candidate_ranking", "missing_models", "fleet_by_period")
    plots = ("fleet_forecast_plot", "accuracy_plot", "training_cost_plot")
    shown = {name: name for name in ("training_scores", *tables, *plots)}
    words = {name: name for name in ("fleet_summary", "missing_models", "report")}
    return [
        node(nodes.write_report, shown | shared, "report", name="write_report"),
        node(nodes.print_summary, words | shared, None, name="print_summary"),
    ]
