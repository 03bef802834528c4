"""Run the project from a benchmark: its pipelines in a process of their own, on a data folder of their own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import yaml

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = "benchmark"


def prepare(folder: Path, parameters: str = "", catalog: str = "", *, data: str = "data") -> Path:
    """Copy the project's configuration and add an environment that writes only into `folder`; return the copy.

    Args:
        folder: of the benchmark.
        parameters: blocks that the environment has of its own.
        catalog: entries that it has of its own.
        data: the folder inside that is `data_root`.
    """
    conf = folder / "conf"
    shutil.copytree(PROJECT / "conf", conf, dirs_exist_ok=True)
    (conf / ENVIRONMENT).mkdir(exist_ok=True)
    (conf / ENVIRONMENT / "globals.yml").write_text(f"data_root: {folder / data}\n")
    (conf / ENVIRONMENT / "mlflow.yml").write_text(yaml.safe_dump(_tracking_in(folder)))
    if parameters:
        (conf / ENVIRONMENT / "parameters.yml").write_text(parameters)
    if catalog:
        (conf / ENVIRONMENT / "catalog.yml").write_text(catalog)
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
    return watched_run(conf, *arguments).seconds


@dataclass(frozen=True)
class Usage:
    """What a run took.

    Attributes:
        seconds: wall time.
        cpu_seconds: of the run and all that it started; what the machine does beside does not count.
        driver_mb: largest resident memory of the driver's Python.
        jvm_mb: largest resident memory of the JVM, whose heap grows to its limit before it is cleaned.
    """

    seconds: float
    cpu_seconds: float
    driver_mb: float
    jvm_mb: float


def watched_run(conf: Path, *arguments: str) -> Usage:
    """Run `kedro run` with some arguments and return what it took.

    Raises:
        subprocess.CalledProcessError: the run ended in an error; its output is in the terminal.
    """
    kedro = str(Path(sys.executable).with_name("kedro"))
    return watched([kedro, "run", f"--env={ENVIRONMENT}", f"--conf-source={conf}", *arguments])


def watched(command: Sequence[str]) -> Usage:
    """Run a command in the project's folder and return what it took.

    Raises:
        subprocess.CalledProcessError: the command ended in an error; its output is in the terminal.
    """
    started, cpu, driver, jvm = time.perf_counter(), 0.0, 0.0, 0.0
    process = subprocess.Popen(command, cwd=PROJECT)
    root = psutil.Process(process.pid)
    while process.poll() is None:
        taken = list(_family(root))
        cpu = max(cpu, sum(one.cpu_seconds for one in taken))
        driver = max([driver, *(one.resident_mb for one in taken if one.pid == root.pid)])
        jvm = max([jvm, *(one.resident_mb for one in taken if one.name == "java")])
        time.sleep(POLL_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(time.perf_counter() - started, cpu, driver, jvm)


POLL_SECONDS = 0.5


@dataclass(frozen=True)
class _Taken:
    pid: int
    name: str
    cpu_seconds: float
    resident_mb: float


def _family(root: psutil.Process) -> Iterator[_Taken]:
    """Yield what each living process of a run has taken so far, with its children that ended."""
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
            cpu = times.user + times.system + times.children_user + times.children_system
            yield _Taken(process.pid, process.name(), cpu, process.memory_info().rss / 1024**2)
        except psutil.NoSuchProcess:
            continue


def newest_version(folder: Path) -> Path:
    """Return the newest version of a versioned entry."""
    return max(folder.glob("*/*"))


def read_master(primary: Path) -> pd.DataFrame:
    """Read the newest version of `master_df` as the fleet sees it: without the part that each row lies in."""
    return pd.read_parquet(newest_version(primary / "master_df")).drop(columns="scenario_bucket", errors="ignore")


def read_fits(data: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of all fits of scenarios, oldest run first."""
    folders = sorted(sign.parent for sign in (data / "06_models/demand/fits").glob("*/*/_SUCCESS"))
    fits = pd.concat([pd.read_parquet(folder, columns=list(columns)) for folder in folders], ignore_index=True)
    return fits[~fits["scenario_id"].str.startswith("__pooled__")]


@dataclass(frozen=True)
class Start:
    """What the start of Spark takes: seconds of wall time, and CPU-seconds of the JVM."""

    seconds: float
    cpu_seconds: float


START = """
import time, psutil
from pyspark.sql import SparkSession
started = time.perf_counter()
SparkSession.builder.master("local[2]").getOrCreate().range(1).count()
seconds = time.perf_counter() - started
times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
print(seconds, sum(one.user + one.system for one in times))
"""


def jvm_start() -> Start:
    """Return what a process takes to start Spark and do nothing; importing pyspark is not counted."""
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    told = subprocess.run([sys.executable, "-c", START], check=True, env=environment, capture_output=True, text=True)
    return Start(*map(float, told.stdout.split()[-2:]))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a Markdown table, numbers with three digits."""
    texts = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row] for row in rows]
    lines = [list(header), *texts]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(others, widths[1:], strict=True))]
        sys.stdout.write("| " + " | ".join(cells) + " |\n")
