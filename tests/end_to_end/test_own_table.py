"""A user's own table: an environment folder with a catalog, parameters and globals, and nothing else."""

from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from tests.end_to_end.conftest import CONSTANT, ODD_STORES, SINGLE, STRANGER, UNSEEN, Own
from tests.end_to_end.project import Project

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_when_trained_then_there_is_one_row_for_each_scenario(own: Own) -> None:
    assert list(own.training.index) == sorted(own.master["store_id"].unique())
    status = own.training["status"].to_dict()
    assert status == {**dict.fromkeys(ODD_STORES, "fitted"), CONSTANT: "skipped", SINGLE: "skipped"}
    assert own.training["run_id"].nunique() == 1


def test_when_a_scenario_is_skipped_then_its_row_says_why(own: Own) -> None:
    reasons = own.training["reason"]
    assert reasons[CONSTANT] == "target 'units' is constant: 3 in all of 120 rows"
    assert "1" in reasons[SINGLE]
    skipped = own.training.loc[[CONSTANT, SINGLE]]
    assert skipped[["fit_run_id", "model_digest", "estimator"]].isna().all(axis=None)
    assert (skipped["error_type"] == "ScenarioSkipped").all()


def test_when_a_scenario_is_fitted_then_its_row_tells_how_good_it_is(own: Own) -> None:
    fitted = own.training.loc[ODD_STORES]
    assert all(0.0 < dict(metrics)["wape"] < 1.0 for metrics in fitted["metrics"])
    assert all("baseline_wape" in dict(metrics) for metrics in fitted["metrics"])
    assert fitted["model_digest"].nunique() == len(ODD_STORES)
    assert (fitted["n_samples"] == 120).all()


def test_when_promoted_then_every_model_is_a_champion(own: Own) -> None:
    champions = own.results.read("champions")
    assert sorted(champions["scenario_id"]) == sorted(ODD_STORES)
    assert set(champions["fit_run_id"]) == set(own.training["run_id"])
    assert set(champions["decision"]) == {"first"}


def test_when_predicted_then_every_row_asked_for_has_exactly_one_prediction(own: Own) -> None:
    wanted = own.asked.loc[own.asked["units"].isna(), ["store_id", "date"]]
    found = own.predictions[["store_id", "timestamp"]].set_axis(["store_id", "date"], axis=1)
    assert len(found) == len(wanted) == 10 * 7
    pd.testing.assert_frame_equal(ordered(found), ordered(wanted), check_dtype=False)
    assert (own.predictions["scenario_id"] == own.predictions["store_id"]).all()
    assert np.isfinite(own.predictions["predicted_value"]).all()
    assert (own.predictions["predicted_value"] >= 0).all()


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["store_id", "date"], ignore_index=True)


def test_when_a_scenario_has_no_model_then_a_lower_rung_answers_and_says_why(own: Own) -> None:
    rungs = own.predictions.groupby("scenario_id")["rung"].agg(set)
    assert all(rungs[store] == {"champion"} for store in ODD_STORES)
    others = own.predictions[own.predictions["scenario_id"].isin([CONSTANT, SINGLE, UNSEEN, STRANGER])]
    assert len(others) == 4 * 7
    assert set(others["rung"]) <= {"pooled", "baseline"}
    assert rungs[UNSEEN] == {"pooled"}
    assert others["reason"].str.len().gt(0).all()
    champions = own.predictions[own.predictions["rung"] == "champion"]
    assert champions["reason"].isna().all()


def test_when_a_store_s_name_could_be_a_number_then_it_keeps_its_leading_zero(own: Own) -> None:
    fits = own.fits.loc[["007", "7"], "model_digest"]
    assert fits["007"] != fits["7"]
    week = own.predictions.groupby("store_id")["predicted_value"].apply(list)
    assert week["007"] != week["7"]


def test_when_everything_is_written_then_no_scenario_is_a_path(own: Own, project: Project) -> None:
    tellings = {unquote(str(path.relative_to(project.root))) for path in below(project.root)}
    assert any("06_models/mine/fits" in told for told in tellings)
    words = ("oslo", "bergen", "two  words", "größe", CONSTANT, SINGLE, UNSEEN, STRANGER)
    results = [told for told in tellings if not told.startswith(("conf/", "src/"))]
    assert [told for told in results if any(word in told for word in words)] == []
    parts = {part.rpartition("=")[2] for told in results for part in told.split("/")}
    assert parts & {"007", "7"} == set()
    strays = [path for path in below(project.root.parent) if "oslo" in path.name or "bergen" in path.name]
    assert strays == []


def below(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))
