"""The forecasting panels: M5's store-departments, Dominick's orange juice, M4's hourly series, the bundled data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from benchmarks.accuracy.measures import OWA, WAPE, WRMSSE
from benchmarks.accuracy.panel import Panel, Part
from benchmarks.project_runs import PROJECT, kedro_run, prepare, read_master

ORIGINS = ("2017-09-10", "2017-10-08", "2017-11-05", "2017-12-03")
M5_LAST_TRAINING_DAY = 1913
OJ_LAST_TRAINING_WEEK = 152


def m5_store_dept(data: Path, cache: Path) -> Panel:
    """M5 (Walmart), level 9: daily sales of 70 store-departments, 28 days ahead."""
    folder = require(data / "m5_store_dept")
    rows = pd.read_parquet(folder / "sales.parquet")
    calendar = pd.read_parquet(folder / "calendar.parquet")
    events = ["event_name_1", "event_type_1", "event_name_2", "event_type_2"]
    rows = rows.merge(calendar[["d", *events, "snap_CA", "snap_TX", "snap_WI"]], on="d")
    rows["snap"] = sum(rows[f"snap_{state}"].where(rows["state_id"] == state, 0) for state in ("CA", "TX", "WI"))
    rows = rows.merge(weekly_prices(folder), on=["store_id", "dept_id", "wm_yr_wk"], how="left")
    rows["day"] = rows["d"].str.removeprefix("d_").astype(int)
    known = [*events, "snap", "mean_price", "n_items", "share_on_cut"]
    problem = {
        "name": "m5_store_dept",
        "task": "forecasting",
        "scenario_keys": ("store_id", "dept_id"),
        "timestamp": "date",
        "frequency": "D",
        "season": 7,
        "horizon": 28,
        "target": "sales",
        "target_min": 0.0,
        "known_in_advance": tuple(known),
        "static": ("state_id", "cat_id"),
        "objective": "rmse",
    }
    columns = ["store_id", "dept_id", "date", "sales", "state_id", "cat_id", *known]
    weights = pd.read_csv(folder / "weights_validation.csv").rename(columns={"scale_mse": "scale"})
    is_future = rows["day"] > M5_LAST_TRAINING_DAY
    part = cut("m5_store_dept", rows[columns].astype({"sales": float}), is_future, problem)
    actuals = part.actuals.merge(weights, on=["store_id", "dept_id"])
    known_text = "calendar events, SNAP days of the state, mean price, items on sale and share of them on a price cut"
    return Panel("m5_store_dept", WRMSSE, known_text, [replaced(part, with_series(actuals, part))])


def weekly_prices(folder: Path) -> pd.DataFrame:
    """Return mean price, number of items and the share of them cheaper than in any of their last eight weeks."""
    prices = pd.read_parquet(folder / "sell_prices.parquet").sort_values(["store_id", "item_id", "wm_yr_wk"])
    earlier = prices.groupby(["store_id", "item_id"], sort=False)["sell_price"]
    recent = pd.concat([earlier.shift(weeks) for weeks in range(1, 9)], axis=1).max(axis=1)
    prices = prices.assign(on_cut=(prices["sell_price"] < recent).astype(float), dept_id=prices["item_id"].str[:-4])
    return (
        prices.groupby(["store_id", "dept_id", "wm_yr_wk"])
        .agg(mean_price=("sell_price", "mean"), n_items=("sell_price", "size"), share_on_cut=("on_cut", "mean"))
        .reset_index()
    )


def dominicks_oj(data: Path, cache: Path) -> Panel:
    """Dominick's orange juice: weekly units of 11 brands in 83 stores, 8 weeks ahead; weeks are missing."""
    rows, attributes = orange_juice(data)
    prices = [f"price{number}" for number in range(1, 12)]
    known = [*prices, "own_price", "deal", "feat"]
    problem = {
        "name": "dominicks_oj",
        "task": "forecasting",
        "scenario_keys": ("store",),
        "series_keys": ("brand",),
        "timestamp": "week",
        "frequency": 1,
        "missing_rows": "null",
        "horizon": 8,
        "target": "units",
        "target_min": 0.0,
        "known_in_advance": tuple(known),
        "static": tuple(attributes),
        "objective": "wape",
    }
    part = cut("dominicks_oj", rows, rows["week"] > OJ_LAST_TRAINING_WEEK, problem)
    return Panel("dominicks_oj", WAPE, "prices of all eleven brands, the own one, deal, feature", [part])


def orange_juice(data: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return Dominick's rows with `units`, `own_price` and the stores' attributes, and the attributes' names."""
    folder = require(data / "dominicks_oj")
    sales = pd.read_parquet(folder / "sales.parquet")
    stores = pd.read_parquet(folder / "stores.parquet").rename(columns=str.lower).astype({"store": "int32"})
    prices = sales[[f"price{number}" for number in range(1, 12)]]
    sales["own_price"] = prices.to_numpy()[np.arange(len(sales)), sales["brand"] - 1]
    sales["units"] = np.exp(sales["logmove"]).round()
    sales = sales.astype({"deal": float}).drop(columns=["logmove", "constant", "profit"])
    return sales.merge(stores, on="store", how="left"), [name for name in stores if name != "store"]


def m4_hourly(data: Path, cache: Path) -> Panel:
    """M4 competition, hourly: 414 series of their own, no calendar, 48 hours ahead."""
    folder = require(data / "m4_hourly")
    train, test = (pd.read_parquet(folder / f"hourly_{name}.parquet") for name in ("train", "test"))
    last = train.groupby("unique_id")["t"].max()
    test = test.assign(t=test["t"] + test["unique_id"].map(last))
    problem = {
        "name": "m4_hourly",
        "task": "forecasting",
        "scenario_keys": ("unique_id",),
        "timestamp": "t",
        "frequency": 1,
        "season": 24,
        "horizon": 48,
        "target": "y",
        "objective": "mase",
    }
    rows = pd.concat([train, test], ignore_index=True)
    part = cut("m4_hourly", rows, rows["t"] > rows["unique_id"].map(last), problem)
    change = train.sort_values("t").groupby("unique_id")["y"].diff(24).abs()
    scale = change.groupby(train["unique_id"]).mean().rename("scale")
    actuals = with_series(part.actuals, part).join(scale, on="unique_id")
    return Panel("m4_hourly", OWA, "nothing", [replaced(part, actuals)])


def bundled(data: Path, cache: Path) -> Panel:
    """The bundled grocery data through the program's own engineering, at four origins; made once per cache folder."""
    problem = bundled_problem()
    known = ", ".join(problem["known_in_advance"])
    parts = [bundled_part(cache / "bundled" / origin, origin, problem) for origin in ORIGINS]
    return Panel("bundled", WAPE, known.replace("_", " "), parts)


def bundled_problem() -> dict[str, Any]:
    """Return the `problem` block of the program's own configuration."""
    block = yaml.safe_load((PROJECT / "conf/base/parameters.yml").read_text())["problem"]
    return {name: tuple(value) if isinstance(value, list) else value for name, value in block.items()} | {
        "name": "demand"
    }


def bundled_part(folder: Path, origin: str, problem: Mapping[str, Any]) -> Part:
    """Engineer one origin unless `folder` has it already."""
    primary = folder / "data/03_primary/demand"
    if not (folder / "done").exists():
        conf = prepare(folder)
        kedro_run(conf, "--pipelines=data_engineering", f"--params=engineering.origin={origin}")
        (folder / "done").touch()
    train = read_master(primary)
    asked, actuals = (pd.read_parquet(primary / name) for name in ("master_df_predict", "actuals"))
    train, asked, actuals = (frame.assign(date=pd.to_datetime(frame["date"])) for frame in (train, asked, actuals))
    return Part(origin, train, asked, actuals.rename(columns={"units": "actual"}), problem)


def cut(name: str, rows: pd.DataFrame, is_future: pd.Series, problem: Mapping[str, Any]) -> Part:
    """Cut rows into training rows, rows asked for (their targets nulled) and actuals."""
    target = problem["target"]
    asked = rows.assign(**{target: rows[target].mask(is_future)})
    keys = [*problem["scenario_keys"], *problem.get("series_keys", ()), problem["timestamp"]]
    actuals = rows.loc[is_future, [*keys, target]].rename(columns={target: "actual"})
    return Part(name, rows[~is_future].reset_index(drop=True), asked, actuals.reset_index(drop=True), problem)


def with_series(actuals: pd.DataFrame, part: Part) -> pd.DataFrame:
    """Add the column `series`, which names each row's series."""
    return actuals.assign(series=actuals[part.row_keys[:-1]].astype(str).agg("/".join, axis=1))


def replaced(part: Part, actuals: pd.DataFrame) -> Part:
    """Return the part with other actuals."""
    return Part(part.name, part.train, part.asked, actuals, part.problem)


def require(folder: Path) -> Path:
    """Return the folder.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there")
    return folder
