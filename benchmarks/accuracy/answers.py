"""One method's answer to one panel: asked in a process of its own, kept in a folder, read again."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.accuracy.methods import METHODS
from benchmarks.accuracy.panel import Panel
from benchmarks.project_runs import PROJECT


@dataclass(frozen=True)
class Answer:
    """What a method said of a panel at a budget, and what that cost.

    Attributes:
        method: its name.
        budget: its name.
        predictions: one frame per part of the panel.
        costs: cpu_seconds, peak_mb, model_bytes, and what else a method tells.
        run: of the benchmark that measured it.
        details: one row per scenario, of the program alone.
    """

    method: str
    budget: str
    predictions: list[pd.DataFrame]
    costs: Mapping[str, Any]
    run: str
    details: pd.DataFrame | None = None


def export(panel: Panel, folder: Path) -> Path:
    """Write what every method may see: training rows, rows asked for and the problem, but no actuals."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in panel.parts:
        (folder / part.name).mkdir(parents=True)
        part.train.to_parquet(folder / part.name / "train.parquet", index=False)
        part.asked.to_parquet(folder / part.name / "asked.parquet", index=False)
        (folder / part.name / "problem.json").write_text(json.dumps(dict(part.problem)))
    return folder


def ask(method: str, budget: str, exported: Path, output: Path, *, environments: Path, run: str) -> None:
    """Let a method answer in a process of its own and keep what it says in `output`.

    Raises:
        subprocess.CalledProcessError: it ended in an error; its output is in the file `log`.
    """
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    command = [METHODS[method].python(environments), METHODS[method].script, exported, budget, output]
    started = time.perf_counter()
    with (output / "log").open("w") as log:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        subprocess.run([*map(str, command)], check=True, stdout=log, stderr=subprocess.STDOUT, env=environment)
    measured = {"run": run, "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "wall_seconds": time.perf_counter() - started}
    (output / "measured.json").write_text(json.dumps(measured))


def kept(method: str, budget: str, panel: Panel, output: Path) -> Answer:
    """Read an answer that is in its folder."""
    predictions = [pd.read_parquet(output / f"{part.name}.parquet") for part in panel.parts]
    costs, measured = (json.loads((output / f"{name}.json").read_text()) for name in ("costs", "measured"))
    files = [output / f"scenarios-{part.name}.parquet" for part in panel.parts]
    details = pd.concat(map(pd.read_parquet, files), ignore_index=True) if files[0].exists() else None
    return Answer(method, budget, predictions, costs, measured["run"], details)
