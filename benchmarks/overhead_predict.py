"""What Spark, Kedro and MLflow cost over a bare process pool that predicts the same samples with the same models.

    .venv/bin/python benchmarks/overhead_predict.py [--scenarios 5000] [--series 25]

5,000 made scenarios of 25 series, eight days ahead: a million samples. Both read history and models from parquet and
write the predictions there, with as many processes as there are cores. Training is not counted; the start of the JVM is
listed apart. The predictions must be the same, bit for bit.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from made_panel import FIRST_DAY, N_DAYS, PROBLEM, catalog, panel, parameters, write_table
from project_runs import jvm_seconds, kedro_run, prepare, print_table

HORIZON = 8
ORIGIN = (FIRST_DAY + pd.Timedelta(days=N_DAYS - 1)).date()
BATCH = 50
"""Scenarios that a process of the bare pool is handed at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=5_000)
    parser.add_argument("--series", type=int, default=25)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        problem = PROBLEM | {"horizon": HORIZON}
        for name, future in (("master_df", False), ("master_df_predict", True)):
            write_table(frames(arguments.scenarios, arguments.series, future=future), root / name)
        conf = prepare(root, parameters(problem=problem), catalog(root))
        kedro_run(conf, "--pipelines=train", "--from-inputs=master_df")
        kedro_run(conf, "--pipelines=promote")
        jvm = jvm_seconds()
        program = kedro_run(conf, "--pipelines=predict", "--from-inputs=master_df_predict")
        bare = predict_bare(root, problem)
        theirs = read_sorted(next((root / "data/07_model_output/demand/predictions").glob("*/*")))
        ours = read_sorted(root / "bare.parquet")
    rows = [
        ["bare process pool", bare, 1.0],
        ["kedro run --pipelines=predict, without the JVM's start", program - jvm, (program - jvm) / bare],
        ["start of the JVM", jvm, jvm / bare],
    ]
    print_table(["", "seconds", "ratio"], rows)
    same = ours["sample_id"].equals(theirs["sample_id"]) and ours["predicted_value"].equals(theirs["predicted_value"])
    print_table(["", ""], [["samples", len(theirs)], ["predictions are the same bits", same]])


def frames(n_scenarios: int, n_series: int, *, future: bool) -> Iterator[pd.DataFrame]:
    """Yield the rows of some stores at a time, up to the origin, or with the horizon after it."""
    items = [f"item-{number:02d}" for number in range(n_series)]
    for first in range(0, n_scenarios, BATCH):
        stores = [f"store-{number:05d}" for number in range(first, min(first + BATCH, n_scenarios))]
        rows = panel(stores, items, seed=first, n_days=N_DAYS + HORIZON)
        is_future = rows["date"] > ORIGIN
        yield rows.assign(units=rows["units"].where(~is_future, np.nan)) if future else rows[~is_future]


def predict_bare(root: Path, problem: dict) -> float:
    """Predict with a process pool, from parquet to parquet; return the seconds."""
    started = time.perf_counter()
    fits = pd.concat(
        pd.read_parquet(sign.parent, columns=["scenario_id", "run_id", "model", "model_digest", "pool_digest"])
        for sign in (root / "data/06_models/demand/fits").glob("*/*/_SUCCESS")
    ).set_index("scenario_id")
    pools = fits[fits.index.str.startswith("__pooled__")].set_index("model_digest", drop=False)
    rows = pd.read_parquet(root / "master_df_predict").drop(columns="scenario_bucket")
    scenarios = [(name, frame, fits.loc[name], pools) for name, frame in rows.groupby("store")]
    batches = [scenarios[first : first + BATCH] for first in range(0, len(scenarios), BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=pin, initargs=(problem,)) as workers:
        predicted = list(workers.map(predict_batch, batches))
    pd.concat(predicted).drop(columns="reason").to_parquet(root / "bare.parquet")
    return time.perf_counter() - started


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
