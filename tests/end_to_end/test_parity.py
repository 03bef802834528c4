"""The same rows give the same models and predictions to the last bit, whoever fits them, and beside whomever."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.end_to_end.conftest import ODD_STORES, Own, Run
from tests.end_to_end.project import Project

pytestmark = [pytest.mark.spark, pytest.mark.slow]

ALONE = "../oslo"
CONNECTED = ["../oslo", "7"]


@dataclass(frozen=True)
class Found:
    """What a run on the user's table left: training_results by scenario, and predictions by sample."""

    training: pd.DataFrame
    predictions: pd.DataFrame


@pytest.fixture(scope="module")
def local(project: Project, run: Run, master_file: Path, asked_file: Path) -> Found:
    tables = {"master_df": master_file, "master_df_predict": asked_file}
    return carry_out("in_process", project, run, tables, {"engine": "local"})


@pytest.fixture(scope="module")
def alone(project: Project, run: Run, master_file: Path, asked_file: Path) -> Found:
    tables = {"master_df": master_file, "master_df_predict": asked_file}
    return carry_out("alone", project, run, tables, {"scenarios": [ALONE]})


def carry_out(env: str, project: Project, run: Run, tables: dict[str, Path], how: dict[str, Any]) -> Found:
    results = project.add_environment(env, tables=tables, run=how)
    run(env, "train", "master_df")
    run(env, "promote")
    run(env, "predict", "master_df_predict")
    return Found(results.training(), results.predictions())


def require_same(found: pd.DataFrame, wanted: pd.DataFrame, scenarios: list[str]) -> None:
    """Fail unless two runs tell the same of some scenarios; without nulls beside them, counts are read as integers."""
    pd.testing.assert_frame_equal(fits_of(found, scenarios), fits_of(wanted, scenarios), check_dtype=False)


def fits_of(training: pd.DataFrame, scenarios: list[str]) -> pd.DataFrame:
    """Return what must not depend on who fitted: all but identities, seconds and memory."""
    differing = ["run_id", "fit_run_id", "fitted_at", "fit_seconds", "peak_memory_mb", "leaderboard"]
    maps = {name: training[name].map(as_text) for name in ("metrics", "kpis")}
    return training.assign(**maps).drop(columns=differing).loc[scenarios]


def as_text(cells: Any) -> str | None:
    """Return a map with every bit of its numbers."""
    return None if cells is None else repr(sorted((name, float(value).hex()) for name, value in dict(cells).items()))


def predictions_of(predictions: pd.DataFrame, scenarios: list[str]) -> pd.DataFrame:
    mine = predictions[predictions["scenario_id"].isin(scenarios)]
    return mine.drop(columns=["prediction_run_id", "fit_run_id"])


def test_when_fitted_in_one_process_then_models_and_metrics_are_those_of_spark(own: Own, local: Found) -> None:
    everyone = list(own.training.index)
    assert list(local.training.index) == everyone
    assert local.training["peak_memory_mb"].isna().all()  # of a child's process, so there was none
    require_same(local.training, own.training, everyone)
    assert local.training.loc[ODD_STORES, "model_digest"].notna().all()


def test_when_predicted_in_one_process_then_predictions_are_those_of_spark(own: Own, local: Found) -> None:
    pd.testing.assert_frame_equal(
        local.predictions.drop(columns=["prediction_run_id", "fit_run_id"]),
        own.predictions.drop(columns=["prediction_run_id", "fit_run_id"]),
        check_exact=True,
    )


def test_when_a_scenario_is_fitted_alone_then_its_model_is_the_one_among_many(own: Own, alone: Found) -> None:
    assert list(alone.training.index) == [ALONE]
    require_same(alone.training, own.training, [ALONE])


def test_when_a_scenario_is_fitted_alone_then_its_predictions_are_those_among_many(own: Own, alone: Found) -> None:
    found = predictions_of(alone.predictions, [ALONE])
    assert set(found["rung"]) == {"champion"}
    pd.testing.assert_frame_equal(found, predictions_of(own.predictions, [ALONE]), check_exact=True)


def test_when_fitted_over_spark_connect_from_a_table_in_parts_then_models_are_those_of_classic_spark(
    project: Project, own: Own, master_in_parts: Path
) -> None:
    results = project.add_environment("connect", tables={"master_df": master_in_parts}, run={"scenarios": CONNECTED})
    arguments = ("--env=connect", "--pipelines=train", "--from-inputs=master_df")
    project.kedro_run(*arguments, SPARK_REMOTE="local[2]").require_success()
    training = results.training()
    assert sorted(training.index) == sorted(CONNECTED)
    require_same(training, own.training, CONNECTED)
    assert results.latest("plan")["scenario_bucket"].nunique() > 1
