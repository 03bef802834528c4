"""One copy of the project, one process that runs most of its pipelines, and the user's table."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.end_to_end.project import Ended, Project, Results, command_here, prepare_process, run_here, write_table
from tests.scenario.panels import demand_frame, with_future

ODD_STORES = ["007", "7", "../oslo", "a/bergen", "two  words", "größe 日本"]
CONSTANT, SINGLE, UNSEEN, STRANGER = "constant", "single", "unseen", "stranger"

Run = Callable[..., None]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.copied_to(tmp_path_factory.mktemp("end_to_end") / "project")


@pytest.fixture(scope="session")
def process(project: Project) -> Iterator[ProcessPoolExecutor]:
    """A process that all tests share: Spark starts once."""
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), initializer=prepare_process, initargs=(str(project.root),)
    ) as process:
        yield process


@pytest.fixture(scope="session")
def run(project: Project, process: ProcessPoolExecutor) -> Run:
    """Return a function that runs a pipeline in the shared process."""

    def run_one(env: str, pipeline: str, *from_inputs: str, **params: Any) -> None:
        process.submit(run_here, str(project.root), env, pipeline, from_inputs, params).result(timeout=300)

    return run_one


@pytest.fixture(scope="session")
def command(project: Project, process: ProcessPoolExecutor) -> Callable[..., Ended]:
    """Return a function that runs a command of the project, e.g. `fleet plan`, in the shared process."""
    return lambda *arguments: process.submit(command_here, str(project.root), arguments).result(timeout=300)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the user's tables, outside the project."""
    return tmp_path_factory.mktemp("tables")


@dataclass(frozen=True)
class Own:
    """A user's own table, trained on and predicted from.

    Attributes:
        master: the frame that was trained on.
        asked: the frame that was predicted from.
        results: where everything went.
        training: training_results of the first run.
        fits: fits of the first run, by scenario.
        predictions: of the first models.
    """

    master: pd.DataFrame
    asked: pd.DataFrame
    results: Results
    training: pd.DataFrame
    fits: pd.DataFrame
    predictions: pd.DataFrame


@pytest.fixture(scope="session")
def master() -> pd.DataFrame:
    """Six stores with odd names, one that always sells the same, and one with a single day."""
    stores = [demand_frame(store, seed=number, level=20.0 + number) for number, store in enumerate(ODD_STORES)]
    constant = demand_frame(CONSTANT, seed=10).assign(units=3.0)
    return pd.concat([*stores, constant, demand_frame(SINGLE, seed=11).tail(1)], ignore_index=True)


@pytest.fixture(scope="session")
def asked(master: pd.DataFrame) -> pd.DataFrame:
    """Their next week, that of a store which opened after training, and that of one of which nothing is known."""
    frames = [with_future(frame) for _, frame in master.groupby("store_id", sort=False)]
    frames.append(with_future(demand_frame(UNSEEN, seed=12)))
    frames.append(with_future(demand_frame(STRANGER, seed=13)).tail(7))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def master_file(master: pd.DataFrame, tables: Path) -> Path:
    return write_table(master, tables / "master.parquet")


@pytest.fixture(scope="session")
def master_in_parts(master: pd.DataFrame, tables: Path) -> Path:
    """The same table as a folder for each two stores."""
    folder = tables / "master_in_parts"
    for part, rows in master.groupby(master["store_id"].astype("category").cat.codes // 2):
        (folder / f"scenario_bucket={part}").mkdir(parents=True)
        write_table(rows, folder / f"scenario_bucket={part}" / "rows.parquet")
    return folder


@pytest.fixture(scope="session")
def asked_file(asked: pd.DataFrame, tables: Path) -> Path:
    return write_table(asked, tables / "asked.parquet")


@pytest.fixture(scope="session")
def own(
    project: Project, run: Run, master: pd.DataFrame, asked: pd.DataFrame, master_file: Path, asked_file: Path
) -> Own:
    """The way of the documentation: train with the command, promote, predict."""
    results = project.add_environment("mine", tables={"master_df": master_file, "master_df_predict": asked_file})
    project.kedro_run("--env=mine", "--pipelines=train", "--from-inputs=master_df").require_success()
    run("mine", "promote")
    run("mine", "predict", "master_df_predict")
    fits = results.read("fits").set_index("scenario_id", verify_integrity=True).sort_index()
    return Own(master, asked, results, results.training(), fits, results.predictions())
