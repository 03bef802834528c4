"""One cluster, the project in the environment `cluster` as it is shipped, and a run here to compare with."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.cluster.machines import Cluster, wait_until
from tests.end_to_end.project import DEMAND, QUICK, SOURCE, Ended, Project, Results, write_table
from tests.scenario.panels import demand_frame, with_future

from distributed_automl.java import ensure_java

STORES = ["007", "../oslo", "größe 日本", "a/bergen"]
SLICE = ("--pipelines=train,promote,predict", "--from-inputs=master_df,master_df_predict")
N_WORKERS = 2
TO_BE_LOST, TO_BE_LOST_NEXT = "worker-1", "worker-2"
RUN_SECONDS = 900.0


@dataclass(frozen=True)
class Left:
    """What a run left.

    Attributes:
        output: what it said.
        results: its tables.
    """

    output: str
    results: Results

    def fits(self) -> pd.DataFrame:
        """Return the fits, models too; fails if one is there twice."""
        return self.results.read("fits").set_index("scenario_id", verify_integrity=True).sort_index()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="session")
def tables(folder: Path) -> dict[str, Path]:
    master = pd.concat([demand_frame(store, seed=number) for number, store in enumerate(STORES)], ignore_index=True)
    asked = pd.concat([with_future(frame) for _, frame in master.groupby("store_id")], ignore_index=True)
    return {
        "master_df": write_table(master, folder / "master.parquet"),
        "master_df_predict": write_table(asked, folder / "asked.parquet"),
    }


@pytest.fixture(scope="session")
def project(folder: Path, tables: dict[str, Path]) -> Project:
    """The project whose environment `cluster` has the user's tables and problem, and is otherwise as shipped."""
    project = Project.copied_to(folder / "project")
    entry = {"type": "spark.SparkDatasetV2", "file_format": "parquet"}
    catalog = {name: {**entry, "filepath": path.as_uri()} for name, path in tables.items()}
    parameters = {"problem": {"name": "mine", **DEMAND}, "automl": QUICK}
    for file, content in (("catalog", catalog), ("parameters", parameters)):
        (project.root / "conf" / "cluster" / f"{file}.yml").write_text(yaml.safe_dump(content, allow_unicode=True))
    settings = project.root / "conf" / "cluster" / "globals.yml"
    settings.write_text(f"{settings.read_text()}\nproblem_name: mine\n")
    return project


@pytest.fixture(scope="session")
def here(project: Project, tables: dict[str, Path]) -> Left:
    """A run in one process of this machine."""
    results = project.add_environment("here", tables=tables, run={"engine": "local"})
    ended = end(project.start("--env=here", *SLICE))
    ended.require_success()
    return Left(ended.output, results)


@pytest.fixture(scope="session")
def cluster(folder: Path) -> Iterator[Cluster]:
    """A standalone master with two workers."""
    ensure_java()
    cluster = Cluster(folder / "machines", SOURCE / "src")
    try:
        cluster.start(N_WORKERS)
        yield cluster
    finally:
        cluster.stop()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def start(project: Project, folder: Path) -> Start:
    """Return a function that starts a run in the environment `cluster`: what its data is called, and variables."""

    def start(data: str, **variables: str) -> "subprocess.Popen[str]":
        return project.start(
            "--env=cluster",
            *SLICE,
            SPARK_LOCAL_IP="127.0.0.1",
            DISTRIBUTED_AUTOML_DATA=(folder / data).as_uri(),
            MLFLOW_TRACKING_URI=f"sqlite:///{folder / data}.db",
            **variables,
        )

    return start


def end(process: "subprocess.Popen[str]") -> Ended:
    output, _ = process.communicate(timeout=RUN_SECONDS)
    return Ended(process.returncode, output)


@pytest.fixture(scope="session")
def standalone(folder: Path, cluster: Cluster, start: Start) -> Left:
    """A run on the standalone cluster that loses a worker while that fits a scenario."""
    process = start("standalone", SPARK_MASTER=cluster.url)
    return ended_without(TO_BE_LOST, cluster, process, Results(folder / "standalone"))


@pytest.fixture(scope="session")
def connected(folder: Path, cluster: Cluster, start: Start) -> Left:
    """A run over Spark Connect, on the same cluster after the lost worker has been replaced, whose own is lost too."""
    cluster.add_worker(TO_BE_LOST_NEXT)
    process = start("connected", SPARK_REMOTE=cluster.serve_connect())
    return ended_without(TO_BE_LOST_NEXT, cluster, process, Results(folder / "connected"))


def ended_without(worker: str, cluster: Cluster, process: "subprocess.Popen[str]", results: Results) -> Left:
    """Take a worker away while it fits a scenario, and return what the run leaves all the same."""

    def fits_scenarios() -> bool:
        assert process.poll() is None, end(process).output[-6000:]
        return len(results.folders("fits")) == 1 and cluster.is_fitting(worker)

    try:
        wait_until(fits_scenarios, "a fit of a scenario, after the pool's", RUN_SECONDS)
        cluster.lose(worker)
        ended = end(process)
    finally:
        process.kill()
    ended.require_success()
    return Left(ended.output, results)
