import pandas as pd
import plotly.graph_objects as go
import pytest

from distributed_automl.parameters import Problem
from distributed_automl.reporting import figures
from distributed_automl.reporting.figures import (
    draw_accuracy,
    draw_candidates,
    draw_fleet_forecast,
    draw_training_cost,
)
from distributed_automl.reporting.summary import list_scenarios


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
    scores: pd.DataFrame, evaluation: pd.DataFrame
) -> None:
    drawn = traces(draw_accuracy(list_scenarios(scores, evaluation)))
    assert set(drawn) == {"better (1)", "worse (1)"}
    assert list(drawn["better (1)"].y) == [0.1]


def test_when_an_error_is_off_the_axis_then_its_label_still_tells_it(scores: pd.DataFrame) -> None:
    perfect = traces(draw_accuracy(list_scenarios(scores, pd.DataFrame())))["better (2)"]
    assert list(perfect.text) == ["c", "a"]
    assert perfect.y[0] == 0.01
    assert list(perfect.customdata[0]) == [0.8, 0.0]


def test_when_a_name_looks_like_markup_then_it_is_escaped(scores: pd.DataFrame) -> None:
    named = scores.assign(scenario_id=scores["scenario_id"].replace("a", "<b>a</b>"))
    drawn = traces(draw_accuracy(list_scenarios(named, pd.DataFrame())))
    assert "&lt;b&gt;a&lt;/b&gt;" in drawn["better (2)"].text


def test_when_there_are_more_scenarios_than_dots_then_the_largest_are_drawn(
    scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MAX_DOTS", 2)
    figure = draw_accuracy(list_scenarios(scores, pd.DataFrame()))  # of a and b 100 units were sold, of c 50
    drawn = traces(figure)
    assert {name: list(trace.text) for name, trace in drawn.items()} == {"better (1)": ["a"], "worse (1)": ["b"]}
    assert figure.layout.title.text.endswith("the 2 largest of 3")


def test_when_candidates_are_drawn_then_the_largest_share_is_on_top(candidates: pd.DataFrame) -> None:
    (bars,) = draw_candidates(candidates).data
    assert list(bars.y) == ["ridge", "lightgbm"]


@pytest.mark.parametrize("draw", [draw_accuracy, draw_candidates, draw_training_cost])
def test_when_there_is_nothing_to_draw_then_the_plot_says_so(
    draw, scores: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    lost = scores[scores["status"] == "failed"]
    tables = {
        draw_accuracy: list_scenarios(lost, pd.DataFrame()),
        draw_candidates: candidates.iloc[:0],
        draw_training_cost: lost,
    }
    figure = draw(tables[draw])
    assert len(figure.data) == 0
    assert len(figure.layout.annotations[0].text) > 10


def test_when_saved_as_json_then_a_figure_comes_back(scores: pd.DataFrame) -> None:
    figure = draw_training_cost(scores)
    assert go.Figure(__import__("json").loads(figure.to_json())) == figure


@pytest.mark.parametrize(("seconds", "ends"), [([2.0, 4.0], 4.0), ([0.2], 0.2), ([0.0, 0.0], 0.01)])
def test_when_the_cost_is_drawn_then_bars_from_zero_to_the_slowest_count_every_fit(
    seconds: list[float], ends: float
) -> None:
    (bars,) = draw_training_cost(pd.DataFrame({"status": "fitted", "fit_seconds": [*seconds, float("nan")]})).data
    assert sum(bars.y) == len(seconds)
    assert (bars.customdata[0][0], bars.customdata[-1][1]) == (0.0, ends)
