import pandas as pd
import pytest

from distributed_automl.reporting import summary
from distributed_automl.reporting.summary import Figures, list_scenarios, most_notable, summarize


def test_when_actuals_are_there_then_scenarios_are_judged_on_them(
    scores: pd.DataFrame, evaluation: pd.DataFrame
) -> None:
    listed = list_scenarios(scores, evaluation).set_index("scenario_id")
    assert sorted(listed.index) == ["a", "b", "c", "d", "e", "f", "x"]
    assert listed.index[0] == "a"
    assert listed.loc["a", ["errors_avoided", "judged_on"]].tolist() == [20.0, "actuals"]
    assert listed.loc["d", ["errors_avoided", "status"]].tolist() == [-10.0, "skipped"]
    assert listed.loc["x", "status"] == "not planned"
    assert listed["judged_on"].count() == 2


def test_when_nothing_is_evaluated_then_scenarios_are_judged_on_holdouts(scores: pd.DataFrame) -> None:
    listed = list_scenarios(scores, pd.DataFrame()).set_index("scenario_id")
    assert listed["errors_avoided"].dropna().to_dict() == {"c": 40.0, "a": 10.0, "b": -10.0}
    assert listed.loc["b", "actual_sum"] == pytest.approx(100.0)
    assert listed.loc["c", "judged_on"] == "holdout"


@pytest.mark.parametrize(("most", "kept"), [(6, "cabdef"), (5, "cadef"), (4, "cdef"), (3, "def")])
def test_when_a_fleet_is_too_large_to_list_then_those_without_a_score_come_first(
    scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, most: int, kept: str
) -> None:
    listed = list_scenarios(scores, pd.DataFrame())
    n_unknown = int(listed["errors_avoided"].isna().sum())
    assert (n_unknown, len(listed)) == (3, 6)
    monkeypatch.setattr(summary, "MAX_LISTED", most)
    assert "".join(most_notable(listed)["scenario_id"]) == kept


def test_when_an_evaluation_counts_then_figures_come_from_it(scores: pd.DataFrame) -> None:
    figures = Figures(summarize(scores, {}, {"n_scenarios_judged": 2.0, "wape": 0.25, "coverage_80": 0.5}))
    assert figures.judged_on == "evaluation"
    assert figures.judged("wape") == 0.25
    assert figures.coverages() == {"80": 0.5}


def test_when_no_evaluation_counts_then_figures_come_from_the_holdout(scores: pd.DataFrame) -> None:
    figures = Figures(summarize(scores, {}, {"n_scenarios_judged": 0.0, "wape": float("nan")}))
    assert figures.judged("wape") == pytest.approx(0.16)
    assert figures.count("training.n_fitted") == 2
    assert figures.count("no such figure") == 0


def test_when_written_and_read_as_csv_then_figures_are_the_same(scores: pd.DataFrame, tmp_path) -> None:
    summary = summarize(scores, {}, {})
    summary.to_csv(tmp_path / "summary.csv", index=False)
    assert Figures(pd.read_csv(tmp_path / "summary.csv"))["holdout.wape"] == Figures(summary)["holdout.wape"]
