import pandas as pd
import plotly.graph_objects as go
import pytest

from distributed_automl.parameters import Problem
from distributed_automl.reporting.figures import (
    draw_accuracy,
    draw_candidates,
    draw_fleet_forecast,
    draw_training_cost,
)
from distributed_automl.reporting.summary import list_scenarios
from distributed_automl.reporting.training import expand, rank_candidates


def traces(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_when_the_horizon_is_drawn_then_forecast_baseline_and_actual_stand_there(
    by_period: pd.DataFrame, problem: Problem
) -> None:
    drawn = traces(draw_fleet_forecast(by_period, problem))
    assert list(drawn["Actual"].y) == [90.0, 95.0, 100.0, 100.0]
    assert list(drawn["Forecast"].y) == [105.0, 110.0]
    assert list(drawn["Baseline"].x) == ["2020-01-03T00:00:00", "2020-01-04T00:00:00"]


def test_when_periods_are_integers_then_they_stay_numbers(by_period: pd.DataFrame, problem: Problem) -> None:
    drawn = traces(draw_fleet_forecast(by_period.assign(timestamp=[1, 2, 3, 4]), problem))
    assert list(drawn["Forecast"].x) == [3, 4]


def test_when_scenarios_are_drawn_then_better_and_worse_are_told_apart(
    training_results: pd.DataFrame, evaluation: pd.DataFrame
) -> None:
    drawn = traces(draw_accuracy(list_scenarios(training_results, evaluation)))
    assert set(drawn) == {"better (1)", "worse (1)"}
    assert list(drawn["better (1)"].y) == [0.1]


def test_when_an_error_is_off_the_axis_then_its_label_still_tells_it(training_results: pd.DataFrame) -> None:
    perfect = traces(draw_accuracy(list_scenarios(training_results, pd.DataFrame())))["better (2)"]
    assert list(perfect.text) == ["c", "a"]
    assert perfect.y[0] == 0.01
    assert list(perfect.customdata[0]) == [0.8, 0.0]


def test_when_a_name_looks_like_markup_then_it_is_escaped(training_results: pd.DataFrame) -> None:
    named = training_results.assign(scenario_id=training_results["scenario_id"].replace("a", "<b>a</b>"))
    drawn = traces(draw_accuracy(list_scenarios(named, pd.DataFrame())))
    assert "&lt;b&gt;a&lt;/b&gt;" in drawn["better (2)"].text


def test_when_candidates_are_drawn_then_the_largest_share_is_on_top(training_results: pd.DataFrame) -> None:
    (bars,) = draw_candidates(rank_candidates(expand(training_results))).data
    assert list(bars.y) == ["ridge", "lightgbm"]


@pytest.mark.parametrize("draw", [draw_accuracy, draw_candidates, draw_training_cost])
def test_when_there_is_nothing_to_draw_then_the_plot_says_so(draw, training_results: pd.DataFrame) -> None:
    lost = training_results[training_results["status"] == "failed"]
    tables = {
        draw_accuracy: list_scenarios(lost, pd.DataFrame()),
        draw_candidates: rank_candidates(expand(lost)),
        draw_training_cost: lost,
    }
    figure = draw(tables[draw])
    assert len(figure.data) == 0
    assert len(figure.layout.annotations[0].text) > 10


def test_when_saved_as_json_then_a_figure_comes_back(training_results: pd.DataFrame) -> None:
    figure = draw_training_cost(training_results)
    assert go.Figure(__import__("json").loads(figure.to_json())) == figure
