"""One scenario 200 times as dear as the median: how long the fleet takes, over the best possible packing.

    .venv/bin/python benchmarks/skew.py [--scenarios 200] [--seconds 1] [--times 200]

The waves are the program's: planned by recorded costs, one Spark task a core, in children of the workers, each wave
saved before the next. Only the fits are made: they sleep, so that costs are exact, and what else the machine does does
not count. The wall time is that of all waves, from the first one's Spark job to the last one's rows on disk: the start
of the workers' Python and its imports are in it, the start of the JVM is not. No packing can be faster than the
costliest scenario, nor than all of them shared evenly by the cores.
"""

import argparse
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from made_panel import parameters, small_scenarios, write_table
from project_runs import PROJECT, print_table

RUN_ID = "20260101T000000Z-000000"
GIANT = "store-000000"
PAGE = PROJECT / "docs" / "benchmarks" / "skew.md"
HEADER = ["scenarios", "costliest over median", "cores", "waves", "wall seconds", "best packing", "ratio", "as planned"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.0, help="of the median scenario")
    parser.add_argument("--times", type=float, default=200.0)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = run_waves(Path(folder), arguments.scenarios, arguments.seconds, arguments.times)
    print_table(HEADER, [row])
    arguments.page.write_text(page_of(row))


def run_waves(root: Path, n_scenarios: int, seconds: float, times: float) -> list[object]:
    """Plan and run the waves; return a row of HEADER."""
    from distributed_automl.fleet.fingerprint import measure
    from distributed_automl.fleet.plan import FIT, place
    from distributed_automl.fleet.progress import Progress
    from distributed_automl.fleet.session import n_cores
    from distributed_automl.fleet.setup import Setup
    from distributed_automl.fleet.train import fit_scenarios
    from distributed_automl.fleet.waves import Packing, wall_seconds
    from distributed_automl.parameters import AutoML, Plan, Problem, Run
    from distributed_automl.tables import PLAN

    write_table(small_scenarios(n_scenarios + 1), root / "master_df")
    spark = start_spark()
    cores = n_cores(spark)
    blocks = yaml.safe_load(parameters())
    setup = Setup(Problem(**blocks["problem"]), AutoML(**blocks["automl"]), Plan(), Run())
    master = spark.read.parquet(str(root / "master_df"))
    sizes = measure(master, setup.problem)
    costs = np.where(sizes["scenario_id"] == GIANT, times * seconds, seconds)
    planned = place(sizes.assign(estimated_seconds=costs, action=FIT, run_id=RUN_ID), setup.plan, cores)
    ledgers = {name: ledger(root, name) for name in ("plan", "fits")}
    ledgers["plan"].save(planned.assign(fingerprint="f", core_fingerprint="c").reindex(columns=PLAN.names))
    attempt = partial(sleep, seconds={False: seconds, True: times * seconds})
    started = time.perf_counter()
    nothing = ledgers["fits"].load()
    for wave in fit_scenarios(master, ledgers["plan"].load(), nothing, setup, Progress(), attempt=attempt):
        ledgers["fits"].save(wave)
    wall = time.perf_counter() - started
    if ledgers["fits"].load().count() != n_scenarios + 1:
        raise ValueError("scenarios were lost")
    best = max(costs.max(), costs.sum() / cores)
    packing = Packing(planned["wave"].to_numpy(dtype=int), planned["bucket"].to_numpy(dtype=int))
    told = float(wall_seconds(costs, packing, cores) / best)
    return [len(sizes), times, cores, packing.n_waves, wall, float(best), float(wall / best), told]


def sleep(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any, *, seconds: dict[bool, float]) -> dict[str, object]:
    """Take a scenario's time, and make the row that a fit would."""
    from distributed_automl.tables import FITS

    taken = seconds[order.scenario_id == GIANT]
    time.sleep(taken)
    return dict.fromkeys(FITS.names) | {
        "scenario_id": order.scenario_id,
        "status": "fitted",
        "n_samples": len(frame),
        "fit_seconds": taken,
        "model": b"model",
        "model_bytes": 5,
    }


def ledger(root: Path, name: str) -> Any:
    """Open a ledger as a run of the program would."""
    from distributed_automl.datasets.ledger import LedgerDataset

    opened = LedgerDataset(filepath=str(root / name), table=name)
    opened.run_id = RUN_ID
    return opened


def start_spark() -> Any:
    """Start a session on all cores, with the settings of base that bear on waves."""
    from pyspark.sql import SparkSession

    from distributed_automl.java import ensure_java

    ensure_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = yaml.safe_load((PROJECT / "conf/base/spark.yml").read_text())
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, str(value).lower() if isinstance(value, bool) else value)
    return builder.getOrCreate()


def page_of(row: list[object]) -> str:
    """Return the page that is kept."""
    cells = " | ".join(f"{value:,.2f}" if isinstance(value, float) else str(value) for value in row)
    return (
        "# One scenario far larger than the rest\n\n"
        "`benchmarks/skew.py`: made fits that sleep, in the program's own waves. The best packing is the larger of the "
        "costliest fit and the\nsum of all over the cores; `as planned` is what packing alone would cost over it. The "
        "start of the workers' Python and its\nimports are in the wall time, the start of the JVM is not.\n\n"
        "| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER) + f"\n| {cells} |\n"
    )


if __name__ == "__main__":
    main()
