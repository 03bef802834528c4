"""What Spark, Kedro and MLflow cost over a bare process pool that predicts the same samples with the same models.

    .venv/bin/python benchmarks/overhead_predict.py [--scenarios 5000] [--series 25] [--rounds 1] [--folder FOLDER]

5,000 made scenarios of 25 series, eight days ahead: a million samples. Both read history and models from parquet and
write the predictions there, with as many processes as there are cores. Both are commands, timed from their start to
their end, one after the other, in as many rounds as are asked for; the median counts. Training is not counted; the
start of the JVM is listed apart. The predictions must be the same, bit for bit.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from made_panel import FIRST_DAY, N_DAYS, PROBLEM, catalog, panel, parameters, write_table
from project_runs import PROJECT, jvm_start, kedro_run, prepare, print_table, watched, watched_run
from two_ways import Ways, keep

HORIZON = 8
ORIGIN = (FIRST_DAY + pd.Timedelta(days=N_DAYS - 1)).date()
PREDICTED_PROBLEM = PROBLEM | {"horizon": HORIZON}
BATCH = 50
"""Scenarios that a process of the bare pool is handed at a time."""
PAGE = PROJECT / "docs" / "benchmarks" / "overhead-predict.md"
TITLE = """# What a prediction costs over a bare process pool

`benchmarks/overhead_predict.py`: made scenarios of many series, predicted by `kedro run --pipelines=predict` and by a
`ProcessPoolExecutor` that calls the same core with the same models, from parquet to parquet. Both are commands, timed
from their start to their end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=5_000)
    parser.add_argument("--series", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--folder", type=Path, help="keep tables and models there, and use what is there already")
    parser.add_argument("--bare", type=Path, help="folder of a benchmark under way: only predict there, without it")
    arguments = parser.parse_args()
    if arguments.bare:
        predict_bare(arguments.bare)
        return
    with tempfile.TemporaryDirectory() as folder:
        ways, told = compare(arguments.folder or Path(folder), arguments)
    print_table(*ways.table())
    print_table(["", ""], told)
    keep(arguments.page, TITLE, ways, told)


def compare(root: Path, arguments: argparse.Namespace) -> tuple[Ways, list[list[object]]]:
    """Predict both ways; return what they took, and what else is worth telling."""
    for name, future in (("master_df", False), ("master_df_predict", True)):
        if not (root / name).exists():
            write_table(frames(arguments.scenarios, arguments.series, future=future), root / name)
    conf = prepare(root, parameters(problem=PREDICTED_PROBLEM), catalog(root))
    kedro_run(conf, "--pipelines=train", "--from-inputs=master_df")
    kedro_run(conf, "--pipelines=promote")
    ways, same = Ways("kedro run --pipelines=predict"), True
    for _ in range(arguments.rounds):
        ways.program.append(watched_run(conf, "--pipelines=predict", "--from-inputs=master_df_predict"))
        ways.bare.append(watched([sys.executable, __file__, f"--bare={root}"]))
        ways.jvm.append(jvm_start())
        theirs = read_sorted(max((root / "data/07_model_output/demand/predictions").glob("*/*")))
        same = same and are_the_same(read_sorted(root / "bare.parquet"), theirs)
    return ways, [
        ["scenarios", arguments.scenarios],
        ["samples", len(theirs)],
        ["predictions are the same bits", same],
    ]


def are_the_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Return whether the same samples have the same predictions, to the last bit."""
    return all(ours[name].equals(theirs[name]) for name in ("sample_id", "predicted_value"))


def frames(n_scenarios: int, n_series: int, *, future: bool) -> Iterator[pd.DataFrame]:
    """Yield the rows of some stores at a time, up to the origin, or with the horizon after it."""
    items = [f"item-{number:02d}" for number in range(n_series)]
    for first in range(0, n_scenarios, BATCH):
        stores = [f"store-{number:05d}" for number in range(first, min(first + BATCH, n_scenarios))]
        rows = panel(stores, items, seed=first, n_days=N_DAYS + HORIZON)
        is_future = rows["date"] > ORIGIN
        yield rows.assign(units=rows["units"].where(~is_future, np.nan)) if future else rows[~is_future]


def predict_bare(root: Path) -> None:
    """Predict with a process pool, from parquet to parquet."""
    fits = pd.concat(
        pd.read_parquet(sign.parent, columns=["scenario_id", "run_id", "model", "model_digest", "pool_digest"])
        for sign in (root / "data/06_models/demand/fits").glob("*/*/_SUCCESS")
    ).set_index("scenario_id")
    pools = fits[fits.index.str.startswith("__pooled__")].set_index("model_digest", drop=False)
    rows = pd.read_parquet(root / "master_df_predict").drop(columns="scenario_bucket")
    scenarios = [(name, frame, fits.loc[name], pools) for name, frame in rows.groupby("store")]
    batches = [scenarios[first : first + BATCH] for first in range(0, len(scenarios), BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=pin, initargs=(PREDICTED_PROBLEM,)) as workers:
        predicted = list(workers.map(predict_batch, batches))
    pd.concat(predicted).drop(columns="reason").to_parquet(root / "bare.parquet")


STATE: dict = {}


def pin(problem: dict) -> None:
    """Keep a process of the pool to one core, and tell it the problem."""
    from threadpoolctl import threadpool_limits

    from distributed_automl.parameters import Problem

    threadpool_limits(limits=1)
    STATE["problem"] = Problem(**problem)


def predict_batch(scenarios: list) -> pd.DataFrame:
    """Predict some scenarios with their champions."""
    from distributed_automl.scenario.attempt import StoredModel, attempt_predict

    parts = []
    for name, frame, fit, pools in scenarios:
        champion = StoredModel(fit["model"], fit["model_digest"], fit["run_id"])
        known = fit["pool_digest"] in pools.index
        stored = pools.loc[fit["pool_digest"]] if known else None
        pool = None if stored is None else StoredModel(stored["model"], stored["model_digest"], stored["run_id"])
        rows = frame.reset_index(drop=True)
        parts.append(attempt_predict(rows, STATE["problem"], scenario_id=name, champion=champion, pool=pool))
    return pd.concat(parts)


def read_sorted(path: Path) -> pd.DataFrame:
    """Return predictions by sample."""
    found = pd.read_parquet(path, columns=["sample_id", "predicted_value"])
    return found.sort_values("sample_id", ignore_index=True)


if __name__ == "__main__":
    main()
