"""Run the project from a benchmark: its pipelines in a process of their own, on a data folder of their own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = "benchmark"


def prepare(folder: Path, parameters: str = "") -> Path:
    """Copy the project's configuration and add an environment that writes only into `folder`; return the copy."""
    conf = folder / "conf"
    shutil.copytree(PROJECT / "conf", conf, dirs_exist_ok=True)
    (conf / ENVIRONMENT).mkdir(exist_ok=True)
    (conf / ENVIRONMENT / "globals.yml").write_text(f"data_root: {folder / 'data'}\n")
    (conf / ENVIRONMENT / "mlflow.yml").write_text(yaml.safe_dump(_tracking_in(folder)))
    if parameters:
        (conf / ENVIRONMENT / "parameters.yml").write_text(parameters)
    return conf


def _tracking_in(folder: Path) -> dict:
    """Return base's mlflow.yml with database and artifacts in `folder`; an environment replaces whole blocks."""
    tracking = yaml.safe_load((PROJECT / "conf" / "base" / "mlflow.yml").read_text())
    tracking["server"]["mlflow_tracking_uri"] = f"sqlite:///{folder / 'mlflow.db'}"
    tracking["tracking"]["experiment"]["create_experiment_kwargs"]["artifact_location"] = str(folder / "mlartifacts")
    return tracking


def kedro_run(conf: Path, *arguments: str) -> float:
    """Run `kedro run` with some arguments and return its wall time in seconds.

    Raises:
        subprocess.CalledProcessError: the run ended in an error; its output is in the terminal.
    """
    command = [str(Path(sys.executable).with_name("kedro")), "run", f"--env={ENVIRONMENT}", f"--conf-source={conf}"]
    started = time.perf_counter()
    subprocess.run([*command, *arguments], cwd=PROJECT, check=True)
    return time.perf_counter() - started


def jvm_seconds() -> float:
    """Return how long a process needs to start Spark and do nothing."""
    code = "from pyspark.sql import SparkSession as S; S.builder.master('local[2]').getOrCreate().range(1).count()"
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
    return time.perf_counter() - started


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a Markdown table, numbers with three digits."""
    texts = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row] for row in rows]
    lines = [list(header), *texts]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(others, widths[1:], strict=True))]
        sys.stdout.write("| " + " | ".join(cells) + " |\n")
