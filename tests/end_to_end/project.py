"""A copy of the project to run: the user's environments in its `conf`, all results below its own folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

SOURCE = Path(__file__).resolve().parents[2]
KEDRO = str(Path(sys.executable).with_name("kedro"))
SPARK_VARIABLES = ("SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")
"""What another Spark of this process may have left in the environment."""

QUICK = {
    "candidates": ["ridge", "seasonal_mean", "pooled"],
    "tuning": {"n_trials": 1},
    "validation": {"n_folds": 2, "min_train_periods": 28},
}
DEMAND = {
    "task": "forecasting",
    "scenario_keys": ["store_id"],
    "timestamp": "date",
    "frequency": "D",
    "horizon": 7,
    "target": "units",
    "known_in_advance": ["promotion"],
    "static": ["state"],
    "levels": [0.8],
}


@dataclass(frozen=True)
class Project:
    """A Kedro project with the user's environments.

    Attributes:
        root: its folder.
    """

    root: Path

    @classmethod
    def copied_to(cls, root: Path) -> "Project":
        """Copy what makes a Kedro project: its file, its configuration and its sources."""
        root.mkdir(parents=True)
        shutil.copy(SOURCE / "pyproject.toml", root)
        shutil.copytree(SOURCE / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
        shutil.copytree(SOURCE / "src", root / "src", ignore=shutil.ignore_patterns("*.egg-info"))
        (root / "conf" / "local").mkdir()
        return cls(root)

    def add_environment(
        self,
        name: str,
        problem: Mapping[str, Any] = DEMAND,
        *,
        tables: Mapping[str, Path],
        results: str | None = None,
        **blocks: Mapping[str, Any],
    ) -> "Results":
        """Write the three files of a user's environment, and return where its results go.

        Args:
            name: of the environment.
            problem: the block `problem`, but for its name.
            tables: catalog entry -> where the table is.
            results: name of the folder of results; None: the environment's name.
            blocks: other blocks of parameters; `automl` is made quick unless it is here.
        """
        folder = self.root / "conf" / name
        folder.mkdir()
        entry = {"type": "spark.SparkDatasetV2", "file_format": "parquet"}
        catalog = {table: {**entry, "filepath": str(path)} for table, path in tables.items()}
        parameters = {"problem": {"name": "mine", **problem}, "automl": QUICK, **blocks}
        data_root = self.root / "results" / (results or name)
        settings = {"problem_name": "mine", "data_root": str(data_root)}
        for file, content in (("catalog", catalog), ("parameters", parameters), ("globals", settings)):
            (folder / f"{file}.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return Results(data_root)

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start `kedro run` in a process group of its own."""
        return subprocess.Popen(
            [KEDRO, "run", *arguments],
            cwd=self.root,
            env=clean_environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def kedro_run(self, *arguments: str, **variables: str) -> "Ended":
        """Run `kedro run` to its end."""
        process = self.start(*arguments, **variables)
        output, _ = process.communicate(timeout=300)
        return Ended(process.returncode, output)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    output: str

    def require_success(self) -> None:
        """Fail with the command's output unless it went well."""
        assert self.exit_code == 0, self.output[-6000:]


@dataclass(frozen=True)
class Results:
    """What the pipelines left under one `data_root`."""

    data_root: Path

    def folders(self, table: str) -> list[Path]:
        """Return the committed folders of a ledger, oldest run first."""
        return sorted(sign.parent for sign in self.data_root.glob(f"*/mine/{table}/*/*/_SUCCESS"))

    def runs(self, table: str) -> list[str]:
        """Return the runs that left something in a ledger, oldest first."""
        return sorted({folder.parent.name for folder in self.folders(table)})

    def read(self, table: str, run_id: str | None = None) -> pd.DataFrame:
        """Read a ledger, or what one run saved there."""
        folders = [folder for folder in self.folders(table) if run_id in (None, folder.parent.name)]
        return pd.concat([pd.read_parquet(folder) for folder in folders], ignore_index=True)

    def latest(self, table: str) -> pd.DataFrame:
        """Read what the latest run saved in a ledger."""
        return self.read(table, self.runs(table)[-1])

    def training(self) -> pd.DataFrame:
        """Return the latest training results by scenario; fails if a scenario is there twice."""
        return self.latest("training_results").set_index("scenario_id", verify_integrity=True).sort_index()

    def predictions(self) -> pd.DataFrame:
        """Return the latest predictions by sample; fails if a sample is there twice."""
        return self.latest("predictions").set_index("sample_id", verify_integrity=True).sort_index()


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process' environment without what is Spark's, and with some variables."""
    kept = {name: value for name, value in os.environ.items() if name not in (*SPARK_VARIABLES, "PYTHONPATH")}
    return {**kept, "DO_NOT_TRACK": "true", **variables}


def write_table(frame: pd.DataFrame, path: Path, n_files: int = 1) -> Path:
    """Write a table as the user would have it: a parquet file, or a folder of several."""
    if n_files == 1:
        frame.to_parquet(path, index=False, coerce_timestamps="us")
        return path
    path.mkdir()
    for number in range(n_files):
        frame.iloc[number::n_files].to_parquet(path / f"{number}.parquet", index=False, coerce_timestamps="us")
    return path


def run_here(root: str, env: str, pipeline: str, from_inputs: Sequence[str], params: Mapping[str, Any]) -> None:
    """Run one pipeline in this process; for a process that runs many, one Spark session after all of them."""
    import mlflow
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(root)
    try:
        with KedroSession.create(project_path=root, env=env, runtime_params=dict(params)) as session:
            session.run(pipeline_names=[pipeline], from_inputs=list(from_inputs) or None)
    finally:
        while mlflow.active_run():
            mlflow.end_run()


def command_here(root: str, arguments: Sequence[str]) -> Ended:
    """Run one of the project's own commands in this process; an error that is not ours is raised."""
    from click.testing import CliRunner
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(root)
    from distributed_automl.cli import cli

    done = CliRunner().invoke(cli, list(arguments))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ended(done.exit_code, done.output)


def prepare_process(root: str) -> None:
    """Make a new process one that was started in the project's folder."""
    os.chdir(root)
    environment = clean_environment()
    os.environ.clear()
    os.environ.update(environment)
