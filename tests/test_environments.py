"""The environments that ship with the project: where their runs are tracked, and where their data lies."""

from functools import partial
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as REGISTRY
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.io.core import DatasetError, Version

from distributed_automl.datasets.bucketed import BucketedDataset
from distributed_automl.datasets.complete import CompleteDataset
from distributed_automl.datasets.folders import Folders
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.datasets.portfolio import PortfolioDataset
from distributed_automl.datasets.unfinished import Unfinished
from distributed_automl.pipeline_registry import register_pipelines
from distributed_automl.resolvers import RESOLVERS

CONF = Path(__file__).parents[1] / "conf"
VARIABLES = {
    "DISTRIBUTED_AUTOML_DATA": "s3a://bucket/automl",
    "DISTRIBUTED_AUTOML_TEST_DATA": "/scratch",
    "MLFLOW_TRACKING_URI": "https://mlflow.example",
}

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")  # Kedro's own use of omegaconf


@pytest.mark.parametrize(
    ("environment", "uri", "experiment", "artifacts"),
    [
        ("cluster", "https://mlflow.example", "demand", None),
        ("databricks", "databricks", "/Shared/demand", None),
        ("test", "sqlite:////scratch/mlflow.db", "demand", "/scratch/mlartifacts"),
    ],
)
def test_when_an_environment_is_chosen_then_nothing_is_tracked_in_the_project(
    monkeypatch: pytest.MonkeyPatch, environment: str, uri: str, experiment: str, artifacts: str | None
) -> None:
    monkeypatch.chdir(CONF.parent)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    patterns = {"mlflow": ["mlflow*"]}
    loader = OmegaConfigLoader(
        str(CONF), env=environment, base_env="base", custom_resolvers=RESOLVERS, config_patterns=patterns
    )
    settings = loader["mlflow"]
    assert settings["server"] == {"mlflow_tracking_uri": uri}
    assert settings["tracking"]["experiment"]["name"] == experiment
    assert settings["tracking"]["experiment"].get("create_experiment_kwargs", {}).get("artifact_location") == artifacts
    base = OmegaConfigLoader(
        str(CONF), env="base", base_env="base", custom_resolvers=RESOLVERS, config_patterns=patterns
    )
    for block in ("run", "params"):
        assert settings["tracking"][block] == base["mlflow"]["tracking"][block]


def test_when_two_runs_save_at_once_then_no_table_of_spark_is_written_where_the_other_reads_or_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(CONF.parent)
    loader = OmegaConfigLoader(str(CONF), env="base", base_env="base", custom_resolvers=RESOLVERS)
    saved = {name for pipeline in register_pipelines().values() for name in pipeline.all_outputs()}
    tables = ("spark.", "distributed_automl.datasets.complete.", "distributed_automl.datasets.bucketed.")
    in_place = [
        name
        for name, entry in loader["catalog"].items()
        if name in saved and entry["type"].startswith(tables) and not entry.get("versioned")
    ]
    assert in_place == []


class Bucket(MemoryFileSystem):
    """An object store, in memory: what fsspec's real ones offer, under their names."""

    protocol = ("s3", "s3a", "abfs", "abfss", "hdfs")
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(f"memory://{path.split('://', 1)[-1]}")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fsspec find a store in memory where it would look for S3, Azure or HDFS."""
    monkeypatch.setattr(Bucket, "store", {})
    monkeypatch.setattr(Bucket, "pseudo_dirs", [""])
    for protocol in Bucket.protocol:
        monkeypatch.setitem(REGISTRY, protocol, Bucket)


@pytest.mark.parametrize("root", ["s3a://bucket/automl", "abfss://box@account.example/automl", "hdfs://host/automl"])
def test_when_the_data_root_is_a_uri_then_every_entry_lies_below_it_and_nothing_in_the_project(
    monkeypatch: pytest.MonkeyPatch, bucket: None, root: str
) -> None:
    monkeypatch.chdir(CONF.parent)
    monkeypatch.setenv("DISTRIBUTED_AUTOML_DATA", root)
    loader = OmegaConfigLoader(str(CONF), env="cluster", base_env="base", custom_resolvers=RESOLVERS)
    entries = {name: entry for name, entry in loader["catalog"].items() if "filepath" in entry}
    ours = {name: entry for name, entry in entries.items() if entry["filepath"].startswith(f"{root}/")}
    streams = {"transactions", "products", "promotions", "campaigns", "campaign_descriptions", "coupons"}
    assert set(entries) - set(ours) == streams  # the bundled data, which `demo_root` moves
    catalog = DataCatalog.from_config(ours)
    for name in ours:
        assert catalog.get(name) is not None  # no entry refuses it, or makes a path of this machine of it


def test_when_the_root_is_a_bucket_then_a_portfolio_and_a_ledger_s_folders_live_there(bucket: None) -> None:
    root = "s3a://bucket/automl"
    portfolio = PortfolioDataset(filepath=f"{root}/portfolio.json", version=Version(None, "2026-01-01T00.00.00.000Z"))
    portfolio.save({"costs": [1.5]})
    assert PortfolioDataset(filepath=f"{root}/portfolio.json", version=Version(None, None)).load() == {"costs": [1.5]}
    ledger = LedgerDataset(filepath=f"{root}/fits", table="fits")
    with ledger.store.writing("run/0000-abc", ledger.as_of):
        assert ledger.listed() == []
        ledger.store.commit("run/0000-abc")
    assert ledger.listed() == ["run/0000-abc"]
    assert ledger.folders() == [f"{root}/fits/run/0000-abc"]  # as Spark reads it, by Hadoop's name of the store
    ledger.store.delete("run/0000-abc")
    assert not ledger.exists()


def test_when_a_table_is_half_written_in_a_bucket_then_its_latest_version_is_the_one_before(bucket: None) -> None:
    root, (whole, half) = "s3a://bucket/automl/table", ("2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z")
    Bucket().touch(f"bucket/automl/table/{whole}/table/_SUCCESS")
    Bucket().touch(f"bucket/automl/table/{half}/table/_temporary/0/part-0.parquet")
    for make in (CompleteDataset, partial(BucketedDataset, by=["k"])):
        assert make(filepath=root, version=Version(None, None)).resolve_load_version() == whole
        with pytest.raises(DatasetError, match=f"found no _SUCCESS in '.*bucket/automl/table/{half}/table'"):
            make(filepath=root, version=Version(half, None)).load()


def test_when_a_job_writes_to_a_bucket_then_its_finished_tasks_can_be_counted(bucket: None) -> None:
    files, folder = Folders("s3a://bucket/automl/fits").located("run/0000-abc")
    with files.open(f"{folder}/_temporary/0/task_0/part-00000-1.snappy.parquet", "wb") as file:
        pd.DataFrame({"status": ["fitted", "failed"]}).to_parquet(file)
    assert Unfinished(files, folder).count() == (2, 1)
