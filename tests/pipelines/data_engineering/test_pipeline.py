from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.parameters import Engineering, Problem
from distributed_automl.pipelines.data_engineering import (
    create_actuals_pipeline,
    create_pipeline,
    create_prediction_pipeline,
    create_training_pipeline,
)
from distributed_automl.pipelines.data_engineering.nodes import MASTER_DF
from distributed_automl.pipelines.data_engineering.streams import STREAMS
from distributed_automl.resolvers import RESOLVERS

CONF = Path(__file__).parents[3] / "conf"
SETTINGS = {"params:engineering", "params:problem"}


pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")  # Kedro's own use of omegaconf


@pytest.fixture
def configuration(monkeypatch: pytest.MonkeyPatch) -> OmegaConfigLoader:
    monkeypatch.chdir(CONF.parent)
    return OmegaConfigLoader(str(CONF), base_env="base", default_run_env="base", custom_resolvers=RESOLVERS)


def test_when_a_side_is_built_then_it_has_its_own_table_and_the_other_has_not() -> None:
    assert create_training_pipeline().outputs() == {"master_df"}
    assert create_prediction_pipeline().outputs() == {"master_df_predict"}
    assert create_actuals_pipeline().outputs() == {"actuals"}
    assert create_pipeline().outputs() == {"master_df", "master_df_predict", "actuals"}


def test_when_a_side_is_built_then_its_free_inputs_are_the_streams_and_two_parameter_blocks() -> None:
    assert create_training_pipeline().inputs() == {*STREAMS, *SETTINGS}
    assert create_prediction_pipeline().inputs() == {*STREAMS, *SETTINGS}
    assert create_actuals_pipeline().inputs() == {"transactions", "products", *SETTINGS}


def test_when_sides_are_joined_then_what_they_share_is_there_once() -> None:
    joined = create_training_pipeline() + create_prediction_pipeline() + create_actuals_pipeline()
    assert {node.name for node in joined.nodes} == {node.name for node in create_pipeline().nodes}
    assert len(joined.nodes) == len(create_pipeline().nodes)


def test_when_a_tag_picks_a_side_then_it_is_the_whole_side() -> None:
    whole = create_pipeline()
    assert whole.only_nodes_with_tags("train").nodes == create_training_pipeline().nodes
    assert whole.only_nodes_with_tags("predict").nodes == create_prediction_pipeline().nodes
    assert whole.only_nodes_with_tags("evaluate").nodes == create_actuals_pipeline().nodes


@pytest.mark.spark
def test_when_the_engineering_runs_then_no_job_starts_before_its_tables_are_asked_for(
    spark: SparkSession, engineer: Callable[[str], DataFrame]
) -> None:
    tracker = spark.sparkContext.statusTracker()
    before = max(tracker.getJobIdsForGroup(), default=-1)
    frames = [engineer(name) for name in ("master_df", "master_df_predict", "actuals")]
    assert max(tracker.getJobIdsForGroup(), default=-1) == before
    assert all(frame.count() for frame in frames)
    assert max(tracker.getJobIdsForGroup()) > before


def test_when_base_is_read_then_its_problem_fits_master_df(configuration: OmegaConfigLoader) -> None:
    parameters: dict[str, Any] = configuration["parameters"]
    problem = Problem(**parameters["problem"])
    Engineering(**parameters["engineering"])
    meanings = {column.name: column.meaning.split(":")[0] for column in MASTER_DF.columns}
    assert problem.roles == ("product_category", "date", "units")
    assert list(problem.known_in_advance) == [name for name, role in meanings.items() if role == "known"]
    assert list(problem.static) == [name for name, role in meanings.items() if role == "static"]
    assert [name for name, role in meanings.items() if role == "observed"] == ["revenue_cents"]


def test_when_base_is_read_then_every_block_of_parameters_is_there(configuration: OmegaConfigLoader) -> None:
    blocks = {"problem", "engineering", "automl", "plan", "run", "prediction", "tracking"}
    assert set(configuration["parameters"]) >= blocks


def test_when_base_is_read_then_streams_and_tables_are_entries_below_the_roots(
    configuration: OmegaConfigLoader,
) -> None:
    entries = configuration["catalog"]
    for name in STREAMS:
        assert Path(entries[name]["filepath"]).name == f"{name}.parquet"
    primary = CONF.parent / "data/03_primary/demand"
    for name in ("master_df", "master_df_predict", "actuals"):
        assert Path(entries[name]["filepath"]) == primary / name
    assert entries["master_df"]["versioned"] is True


def test_when_base_is_read_then_kedro_can_make_its_entries(configuration: OmegaConfigLoader) -> None:
    names = {*STREAMS, "master_df", "master_df_predict", "actuals"}
    entries = {name: entry for name, entry in configuration["catalog"].items() if name in names}
    catalog = DataCatalog.from_config(entries)
    versioned = {"master_df": "BucketedDataset", "master_df_predict": "CompleteDataset", "actuals": "CompleteDataset"}
    assert {type(catalog[name]).__name__ for name in names - set(versioned)} == {"SparkDatasetV2"}
    assert {name: type(catalog[name]).__name__ for name in versioned} == versioned
    assert entries["master_df"]["by"] == configuration["parameters"]["problem"]["scenario_keys"]


@pytest.mark.parametrize(("origin", "fault"), [("2017-02-30", "day is out of range"), ("3 December", "should match")])
def test_when_the_origin_is_no_day_then_the_parameters_say_so(origin: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Engineering(origin=origin)
