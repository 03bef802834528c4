"""The pipelines: their names, their slices, and what they cost to import."""

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from distributed_automl.pipeline_registry import register_pipelines
from distributed_automl.resolvers import RESOLVERS

CONF = Path(__file__).parents[1] / "conf"
pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")  # Kedro's own use of omegaconf

LEDGERS = {"fits_before", "plans_before", "champions_before", "champions"}


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Pipeline]:
    return register_pipelines()


def free_inputs(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.inputs() if not name.startswith("params:")}


def names(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Entries that are there before a run."""
    monkeypatch.chdir(CONF.parent)
    loader = OmegaConfigLoader(str(CONF), base_env="base", default_run_env="base", custom_resolvers=RESOLVERS)
    entries = loader["catalog"].items()
    return {name for name, entry in entries if entry["type"] != "MemoryDataset" or "data" in entry}


def test_when_registered_then_every_pipeline_is_there(pipelines: dict[str, Pipeline]) -> None:
    named = {"data_engineering", "train", "promote", "predict", "evaluate", "report", "track", "__default__"}
    assert set(pipelines) == named | {"plan", "portfolio"}


def test_when_training_starts_from_one_s_own_table_then_nothing_else_is_needed(pipelines: dict[str, Pipeline]) -> None:
    assert free_inputs(pipelines["train"].from_inputs("master_df")) == {"master_df"} | LEDGERS & {
        "fits_before",
        "plans_before",
    } | {"portfolio", "master_df_version"}


def test_when_a_plan_is_made_then_it_is_made_as_training_makes_it_and_nothing_is_fitted(
    pipelines: dict[str, Pipeline],
) -> None:
    ahead = next(node for node in pipelines["plan"].nodes if node.name == "plan_ahead")
    training = next(node for node in pipelines["train"].nodes if node.name == "make_plan")
    assert (ahead.func, ahead.inputs) == (training.func, training.inputs)
    assert pipelines["plan"].all_outputs().isdisjoint({"plan", "runs", "fits", "pooled_fits", "training_results"})
    own = pipelines["plan"].from_inputs("master_df")
    assert free_inputs(own) == free_inputs(pipelines["train"].from_inputs("master_df"))
    assert "next_plan" not in pipelines["__default__"].all_outputs()


def test_when_a_portfolio_is_made_from_one_s_own_table_then_nothing_else_is_needed(
    pipelines: dict[str, Pipeline],
) -> None:
    own = pipelines["portfolio"].from_inputs("master_df")
    assert free_inputs(own) == {"master_df"}
    assert own.outputs() == {"portfolio"}
    assert "portfolio" not in pipelines["__default__"].all_outputs()  # made on purpose, and frozen until then


def test_when_predicting_starts_from_one_s_own_table_then_nothing_else_is_needed(
    pipelines: dict[str, Pipeline],
) -> None:
    assert free_inputs(pipelines["predict"].from_inputs("master_df_predict")) == {
        "master_df_predict",
        "master_df_predict_version",
        "champions",
        "fits_before",
    }


def test_when_promoting_then_what_was_trained_what_predicts_and_what_is_there_is_needed(
    pipelines: dict[str, Pipeline],
) -> None:
    wanted = {"training_results", "champions_before", "fits_before", "failures_tolerated"}
    assert free_inputs(pipelines["promote"]) == wanted


def test_when_all_is_run_then_predicting_waits_for_the_champions(pipelines: dict[str, Pipeline]) -> None:
    order = [node.name for node in pipelines["__default__"].nodes]
    wanted = ["make_plan", "fit_pools", "fit_scenarios", "collect", "promote", "predict", "check_predictions"]
    assert [name for name in order if name in wanted] == wanted


def test_when_too_much_failed_then_the_run_ends_after_tracking_and_before_promotion(
    pipelines: dict[str, Pipeline],
) -> None:
    everything = pipelines["__default__"]
    before, after = everything.to_nodes("require_few_failures"), everything.from_nodes("require_few_failures")
    assert {"collect", "track_training"} <= names(before)
    assert {"promote", "predict", "check_predictions", "evaluate_scenarios", "write_report"} <= names(after)
    assert pipelines["train"].nodes[-1].name == "require_few_failures"


@pytest.mark.parametrize(
    "name", ["data_engineering", "plan", "portfolio", "train", "promote", "predict", "evaluate", "report", "track"]
)
def test_when_a_pipeline_is_run_then_its_inputs_are_in_the_catalog(
    pipelines: dict[str, Pipeline], name: str, catalog: set[str]
) -> None:
    assert free_inputs(pipelines[name]) <= catalog


def test_when_a_tag_is_run_then_its_inputs_are_in_the_catalog(
    pipelines: dict[str, Pipeline], catalog: set[str]
) -> None:
    everything = pipelines["__default__"]
    tags = {tag for node in everything.nodes for tag in node.tags}
    assert tags == {"train", "promote", "predict", "evaluate", "report", "track"}
    for tag in tags:
        assert free_inputs(everything.only_nodes_with_tags(tag)) <= catalog, tag


def test_when_training_then_nothing_of_predicting_is_built(pipelines: dict[str, Pipeline]) -> None:
    assert "master_df_predict" not in pipelines["train"].datasets()
    assert "master_df" not in pipelines["predict"].datasets()


def test_when_the_registry_is_imported_then_no_modelling_library_is() -> None:
    program = (
        "import sys; from distributed_automl.pipeline_registry import register_pipelines; register_pipelines()\n"
        "found = {'featuretools', 'lightgbm', 'sklearn', 'optuna'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True)
    assert done.returncode == 0, done.stderr
