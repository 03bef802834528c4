import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy import answers, methods
from benchmarks.accuracy.answers import Answer, ask, export, kept
from benchmarks.accuracy.forecasting_panels import cut
from benchmarks.accuracy.measures import WAPE, owa, relative_log_loss, relative_rmse, wape, wrmsse
from benchmarks.accuracy.methods import PROGRAM, Method
from benchmarks.accuracy.page import draw_curve, write_page
from benchmarks.accuracy.panel import Panel, answered
from benchmarks.accuracy.tables import duels, front, statement, summary
from benchmarks.accuracy.tabular_panels import CLASSIFICATIONS, REGRESSIONS, tabular_classification, tabular_regression


def two_stores(n_days: int = 6, n_future: int = 2) -> Panel:
    """Days 1..n_days, the last n_future asked for. Store a sells the day's number, store b ten times that."""
    days = np.arange(1, n_days + 1)
    rows = pd.concat(
        pd.DataFrame({"store": store, "day": days, "units": scale * days.astype(float)})
        for store, scale in (("a", 1.0), ("b", 10.0))
    )
    problem = {
        "name": "stores",
        "task": "forecasting",
        "scenario_keys": ("store",),
        "timestamp": "day",
        "frequency": 1,
        "season": 2,
        "horizon": n_future,
        "target": "units",
        "objective": "wape",
    }
    part = cut("stores", rows.reset_index(drop=True), rows["day"].gt(n_days - n_future).reset_index(drop=True), problem)
    return Panel("stores", WAPE, "nothing", [part])


def answer(method: str, budget: str, shift: Sequence[float], cpu_seconds: float, panel: Panel) -> Answer:
    """Predictions that miss store a by the first shift and store b by the second."""
    actuals = panel.parts[0].actuals
    values = actuals["actual"] + np.where(actuals["store"] == "a", *shift)
    costs = {"cpu_seconds": cpu_seconds, "peak_mb": 100.0, "model_bytes": 4_000}
    frame = actuals[["store", "day"]].assign(predicted_value=values, lower_80=values - 1.0, upper_80=values + 1.0)
    return Answer(method, budget, [frame], costs, "now")


def test_when_wape_is_measured_then_it_is_that_of_all_rows_together() -> None:
    rows = pd.DataFrame({"actual": [10.0, 0.0, 30.0], "predicted_value": [12.0, 3.0, 25.0]})
    assert wape(rows) == pytest.approx((2 + 3 + 5) / 40)


def test_when_wrmsse_is_measured_then_each_series_counts_by_its_weight() -> None:
    rows = pd.DataFrame(
        {
            "series": ["a", "a", "b"],
            "actual": [1.0, 2.0, 5.0],
            "predicted_value": [4.0, 6.0, 5.5],
            "weight": [0.25, 0.25, 0.75],
            "scale": [2.0, 2.0, 0.25],
        }
    )
    assert wrmsse(rows) == pytest.approx(0.25 * np.sqrt((9 + 16) / 2 / 2.0) + 0.75 * np.sqrt(0.25 / 0.25))


def test_when_owa_is_measured_then_it_is_the_mean_of_smape_and_mase_over_the_naives() -> None:
    rows = pd.DataFrame(
        {"series": ["a", "b"], "actual": [1.0, 3.0], "predicted_value": [3.0, 3.0], "scale": [4.0, 1.0]}
    )
    smape, mase = 200 * (2 / 4 + 0) / 2, (2 / 4 + 0) / 2
    assert owa(rows) == pytest.approx((smape / 18.383 + mase / 2.395) / 2)


def test_when_tabular_rows_are_measured_then_the_constant_answer_scores_one() -> None:
    numbers = pd.DataFrame({"actual": [1.0, 3.0], "predicted_value": [2.0, 2.0], "scale": [2.0, 2.0]})
    assert relative_rmse(numbers) == pytest.approx(1.0)
    assert relative_rmse(numbers.assign(predicted_value=[1.5, 2.5])) == pytest.approx(0.5)
    shares = json.dumps({"x": 0.5, "y": 0.5})
    classes = pd.DataFrame({"actual": ["x", "y"], "probabilities": [shares, shares], "scale": [shares, shares]})
    assert relative_log_loss(classes) == pytest.approx(1.0)
    surer = [json.dumps({"x": 0.75, "y": 0.25}), json.dumps({"x": 0.25, "y": 0.75})]
    assert relative_log_loss(classes.assign(probabilities=surer)) == pytest.approx(np.log(0.75) / np.log(0.5))


def test_when_a_panel_is_cut_then_no_row_asked_for_shows_its_target_and_none_is_trained_on() -> None:
    part = two_stores().parts[0]
    assert part.train["day"].max() == 4
    assert part.asked.loc[part.asked["day"] > 4, "units"].isna().all()
    assert part.asked.loc[part.asked["day"] <= 4, "units"].notna().all()
    assert part.actuals["actual"].tolist() == [5.0, 6.0, 50.0, 60.0]


@pytest.mark.parametrize(
    ("load", "tables"), [(tabular_regression, REGRESSIONS), (tabular_classification, CLASSIFICATIONS)]
)
def test_when_tables_are_cut_then_training_rows_and_rows_asked_for_are_disjoint(load, tables, tmp_path: Path) -> None:
    panel = load(tmp_path, tmp_path)
    assert [part.name for part in panel.parts] == list(tables)
    for part in panel.parts:
        assert not set(part.train["row_id"]) & set(part.asked["row_id"])
        assert set(part.asked["row_id"]) == set(part.actuals["row_id"])
        assert part.asked[part.problem["target"]].isna().all()
        assert part.train[part.problem["target"]].notna().all()


def test_when_the_shared_data_is_not_there_then_a_panel_is_skipped_with_a_line(tmp_path: Path, capsys) -> None:
    command.main(["--panels", "m4_hourly", "--data", str(tmp_path), "--cache", str(tmp_path)])
    assert capsys.readouterr().out.startswith("m4_hourly: skipped: ")


def test_when_a_row_asked_for_has_no_prediction_then_it_is_an_error() -> None:
    panel = two_stores()
    frame = answer("peer", "small", (0.0, 0.0), 1.0, panel).predictions[0]
    with pytest.raises(ValueError, match="4 rows asked for, 3 predictions, 1 without one"):
        answered(panel.parts[0], frame.iloc[1:])


def test_when_answers_are_summed_up_then_shares_and_coverage_are_those_worked_out_by_hand() -> None:
    panel = two_stores()
    naive = answer("seasonal_naive", "small", (2.0, -20.0), 1.0, panel)
    peer = answer("auto_ets", "small", (1.0, 30.0), 5.0, panel)
    table = summary(panel, [naive, peer], run="now").set_index("method")
    assert table.loc["seasonal_naive", "score"] == pytest.approx(44 / 121)
    assert table.loc["auto_ets", "score"] == pytest.approx(62 / 121)
    assert table.loc["auto_ets", "beats_naive"] == 0.5
    assert table.loc["auto_ets", "coverage_80"] == 0.5
    assert np.isnan(table.loc["auto_ets", "coverage_95"])
    assert table.loc["auto_ets", "cpu_per_scenario"] == 2.5
    assert table.loc["auto_ets", "model_kb"] == 2.0
    assert table["not_dominated"].to_dict() == {"seasonal_naive": True, "auto_ets": False}
    assert set(table["measured"]) == {"this run"}


def test_when_points_are_equal_then_neither_dominates_the_other() -> None:
    table = pd.DataFrame({"score": [0.5, 0.5, 0.4, 0.5], "cpu_seconds": [1.0, 1.0, 3.0, 2.0]})
    assert front(table) == [True, True, True, False]


def test_when_a_peer_is_as_good_for_less_then_the_statement_names_it() -> None:
    table = pd.DataFrame(
        {
            "method": [PROGRAM, PROGRAM, "auto_ets"],
            "budget": ["small", "large", "small"],
            "score": [0.5, 0.3, 0.5],
            "cpu_seconds": [2.0, 9.0, 1.0],
        }
    )
    said = statement(table)
    assert "at the small budget dominated by auto_ets (small)" in said
    assert "at the large budget not dominated by any peer" in said


def test_when_the_program_meets_a_peer_then_one_percent_worse_is_level() -> None:
    panel = two_stores()
    ours, theirs = (
        answer(name, "small", shift, 1.0, panel) for name, shift in ((PROGRAM, (1.005, 12)), ("p", (1, 10)))
    )
    assert duels(panel, [ours, theirs])["small budget"].tolist() == ["1 of 2"]


def test_when_a_panel_is_exported_then_no_actual_is_in_the_folder(tmp_path: Path) -> None:
    panel = two_stores()
    export(panel, tmp_path)
    assert {file.name for file in (tmp_path / "stores").iterdir()} == {"train.parquet", "asked.parquet", "problem.json"}
    asked = pd.read_parquet(tmp_path / "stores/asked.parquet")
    assert asked.loc[asked["day"] > 4, "units"].isna().all()


def test_when_a_peer_answers_in_its_process_then_predictions_and_costs_are_kept(tmp_path: Path, monkeypatch) -> None:
    here = Method(methods.HERE / "peers/seasonal_naive.py", None, methods.ANY_TASK, "")
    monkeypatch.setitem(answers.METHODS, "seasonal_naive", here)
    panel = two_stores()
    ask(
        "seasonal_naive", "small", export(panel, tmp_path / "panel"), tmp_path / "out", environments=tmp_path, run="now"
    )
    found = kept("seasonal_naive", "small", panel, tmp_path / "out")
    assert found.predictions[0]["predicted_value"].tolist() == [3.0, 4.0, 30.0, 40.0]
    assert found.costs["cpu_seconds"] > 0
    assert 20 < found.costs["peak_mb"] < 2_000
    assert panel.evaluate(found.predictions) == pytest.approx(44 / 121)


def test_when_a_page_is_written_twice_then_its_plot_is_the_same(tmp_path: Path) -> None:
    panel = two_stores()
    given = [answer("seasonal_naive", "small", (2, 20), 1.0, panel), answer(PROGRAM, "small", (1, 1), 5.0, panel)]
    table = summary(panel, given, run="now")
    text = write_page(panel, table, given, tmp_path).read_text()
    assert f"| {PROGRAM} | small | 0.033 | 5.0 | 2.50 |" in text
    assert "| seasonal_naive | small | 2 of 2 |" in text
    first = (tmp_path / "accuracy-stores.svg").read_bytes()
    assert draw_curve(panel, table, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == first


def test_when_methods_are_listed_then_each_has_its_script_and_its_requirements() -> None:
    for method in methods.METHODS.values():
        assert method.script.exists()
        assert method.environment is None or (methods.HERE / f"peers/{method.environment}.txt").exists()
    assert methods.METHODS[PROGRAM].python(Path("unused")) == Path(sys.executable)


def test_when_answers_are_kept_then_only_the_chosen_method_is_measured_again(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    panel = two_stores()
    here = Method(methods.HERE / "peers/seasonal_naive.py", None, methods.ANY_TASK, "", ("small",))
    monkeypatch.setattr(command, "METHODS", {"seasonal_naive": here, "other": here})
    monkeypatch.setitem(answers.METHODS, "seasonal_naive", here)
    monkeypatch.setitem(answers.METHODS, "other", here)
    monkeypatch.setitem(command.PANELS, "stores", None)
    monkeypatch.setattr(command, "load", lambda *_: panel)
    folders = ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "docs"), "--panels", "stores"]
    command.main([*folders, "--methods", "seasonal_naive"])
    assert "other" not in capsys.readouterr().out
    command.main([*folders, "--methods", "other", "--keep"])
    assert "stores: other, small budget" in (printed := capsys.readouterr().out)
    assert "stores: seasonal_naive, small budget" not in printed
    assert "| seasonal_naive | small | 0.364 |" in printed
    command.main([*folders, "--resume"])
    assert "small budget\n" not in (printed := capsys.readouterr().out)
    assert printed.count("| small | 0.364 |") == 2
