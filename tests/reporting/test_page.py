import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from distributed_automl.monitoring.evaluation import fleet_figures
from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting.figures import draw_accuracy, draw_fleet_forecast, draw_training_cost
from distributed_automl.reporting.page import Content, plots_page, write_page
from distributed_automl.reporting.summary import Figures, list_scenarios, summarize
from distributed_automl.reporting.training import group_reasons

VOID = {"meta", "link", "br"}


class Nesting(HTMLParser):
    """Raises AssertionError unless tags close in the order in which they opened; collects the text of the body."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def write(
    scores: pd.DataFrame,
    distributions: dict[str, float],
    evaluation: pd.DataFrame,
    candidates: pd.DataFrame,
    by_period: pd.DataFrame,
    problem: Problem,
):
    def written(
        results: pd.DataFrame = scores,
        evaluated: pd.DataFrame = evaluation,
        periods: pd.DataFrame = by_period,
        problem: Problem = problem,
    ) -> str:
        summary = summarize(results, distributions, fleet_figures(evaluated, problem.levels))
        scenarios = list_scenarios(results, evaluated)
        content = Content(
            run_id="run",
            figures=Figures(summary),
            scenarios=scenarios,
            candidates=candidates,
            reasons=group_reasons(results),
            by_period=periods,
            plots={
                "forecast": draw_fleet_forecast(periods, problem),
                "accuracy": draw_accuracy(scenarios),
                "cost": draw_training_cost(results),
            },
        )
        return write_page(content, problem, Reporting(currency="USD"))

    return written


def text_of(html: str) -> str:
    parser = Nesting()
    parser.feed(html)
    assert parser.open == []
    return re.sub(r"\s+", " ", " ".join(parser.text))


def test_when_all_is_there_then_the_page_tells_the_figures(write) -> None:
    text = text_of(write())
    # errors 10 + 40 over 200, the baseline's 30 + 30 over 200
    assert "17% less error than the baseline: an error of 25.0% of units, against 30.0%, on what came true" in text
    assert "2 fitted, 1 reused, 2 skipped, 1 failed" in text
    assert "1 better, 0 equal, 1 worse" in text
    assert "1 USD" in text
    assert "6 predictions, 4 with a known actual. 2 still miss theirs" in text
    assert "only 3 periods, at least 56 are needed" in text


def test_when_opened_offline_then_nothing_is_fetched(write) -> None:
    html = write()
    assert not re.findall(r"<(?:script|img|iframe)[^>]+src=", html)
    assert re.findall(r"<link[^>]+href=\"(?!data:)", html) == []
    assert html.count("plotly.js v") == 1


def test_when_a_name_is_markup_then_it_is_shown_and_not_run(write, scores, evaluation) -> None:
    evil = "</script><script>alert(1)</script>"
    html = write(scores.replace({"scenario_id": {"a": evil}}), evaluation.replace("a", evil))
    assert evil not in html
    assert evil in text_of(html)


def test_when_nothing_is_evaluated_then_the_holdout_speaks(write, evaluation, by_period) -> None:
    text = text_of(write(evaluated=evaluation.iloc[:0], periods=by_period.iloc[:0]))
    assert "50% less error than the baseline: an error of 16.0% of units" in text
    assert "which no model had seen" in text
    assert "The whole fleet over time" not in text


def test_when_no_scenario_was_fitted_then_the_page_still_says_why(write, scores, evaluation, by_period):
    lost = scores[scores["status"].isin(["skipped", "failed"])]
    text = text_of(write(lost, evaluation.iloc[:0], by_period.iloc[:0]))
    assert "No scenario has been judged" in text
    assert "boom" in text


def test_when_there_is_one_scenario_then_the_page_is_whole(write, scores, evaluation) -> None:
    text = text_of(write(scores.iloc[:1], evaluation.iloc[:1]))
    assert "67% less error" in text
    assert "None: every planned scenario has one" in text


def test_when_the_task_is_tabular_then_time_is_left_out(write, by_period) -> None:
    tabular = Problem(task="regression", scenario_keys=("store",), sample_id="id", target="price", levels=(0.8,))
    text = text_of(write(periods=by_period.iloc[:0], problem=tabular))
    assert "of price" in text
    assert "over time" not in text


def test_when_the_models_are_worse_then_the_page_does_not_flatter(write, evaluation) -> None:
    assert "33% more error than the baseline" in text_of(write(evaluated=evaluation[evaluation["scenario_id"] == "d"]))


def test_when_plots_stand_alone_then_each_keeps_its_title(by_period, problem) -> None:
    from distributed_automl.reporting.figures import draw_fleet_forecast

    html = plots_page("plots", {"forecast": draw_fleet_forecast(by_period, problem)})
    assert "units: fleet total by period" in html
    assert html.count("plotly.js v") == 1
