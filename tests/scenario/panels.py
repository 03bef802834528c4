"""Small hand-made panels in the user's form, with problems that fit them."""

import numpy as np
import pandas as pd

from distributed_automl.parameters import AutoML, Problem, Tuning, Validation

HORIZON = 7
QUICK = AutoML(
    candidates=("ridge", "lightgbm", "seasonal_mean", "pooled"),
    tuning=Tuning(n_trials=2),
    validation=Validation(n_folds=2, min_train_periods=28),
)


def demand_problem(**changes: object) -> Problem:
    """Daily units per store, one week ahead."""
    settings: dict[str, object] = {
        "scenario_keys": ("store_id",),
        "timestamp": "date",
        "frequency": "D",
        "horizon": HORIZON,
        "target": "units",
        "target_min": 0.0,
        "known_in_advance": ("promotion",),
        "static": ("state",),
    }
    return Problem.model_validate(settings | changes)


def demand_frame(store_id: str = "001", n_days: int = 120, seed: int = 0, level: float = 20.0) -> pd.DataFrame:
    """History of one store: a weekly pattern, promotions that lift sales, and visitors, an observed feature."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=n_days, freq="D")
    promotion = (rng.random(n_days) < 0.2).astype(float)
    pattern = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(n_days) / 7)
    units = rng.poisson(level * pattern * (1.0 + 0.8 * promotion)).astype(float)
    return pd.DataFrame(
        {
            "store_id": store_id,
            "date": dates,
            "units": units,
            "promotion": promotion,
            "visitors": units * 3.0 + rng.normal(0.0, 2.0, n_days),
            "state": "TX",
        }
    )


def with_future(frame: pd.DataFrame, n_days: int = HORIZON) -> pd.DataFrame:
    """Append rows to be predicted: known features filled, target and observed features null."""
    last = frame.iloc[-1]
    future = pd.DataFrame(
        {
            "store_id": last["store_id"],
            "date": pd.date_range(last["date"], periods=n_days + 1, freq="D")[1:],
            "units": np.nan,
            "promotion": 0.0,
            "visitors": np.nan,
            "state": last["state"],
        }
    )
    return pd.concat([frame, future], ignore_index=True)


def house_problem(**changes: object) -> Problem:
    """A tabular regression: the price of a house, per market."""
    settings: dict[str, object] = {
        "task": "regression",
        "scenario_keys": ("market",),
        "target": "price",
        "sample_id": "house_id",
        "objective": "rmse",
    }
    return Problem.model_validate(settings | changes)


def house_frame(market: str = "north", n_rows: int = 160, seed: int = 0, n_asked: int = 0) -> pd.DataFrame:
    """Houses of one market; the last `n_asked` have no price yet."""
    rng = np.random.default_rng(seed)
    area, rooms = rng.uniform(40, 200, n_rows), rng.integers(1, 7, n_rows)
    quarter = rng.choice(["harbour", "hill", "park"], n_rows)
    premium = pd.Series(quarter).map({"harbour": 50.0, "hill": 20.0, "park": 0.0}).to_numpy()
    price = 3.0 * area + 10.0 * rooms + premium + rng.normal(0.0, 5.0, n_rows)
    price[n_rows - n_asked :] = np.nan
    ids = [f"{market}-{number:04d}" for number in range(n_rows)]
    return pd.DataFrame(
        {"market": market, "house_id": ids, "area": area, "rooms": rooms, "quarter": quarter, "price": price}
    )


def flower_problem(**changes: object) -> Problem:
    """A classification: the species of a flower, per garden."""
    settings: dict[str, object] = {
        "task": "classification",
        "scenario_keys": ("garden",),
        "target": "species",
        "sample_id": "flower_id",
    }
    return Problem.model_validate(settings | changes)


def flower_frame(garden: str = "north", n_rows: int = 160, seed: int = 0, n_asked: int = 0) -> pd.DataFrame:
    """Flowers of one garden, three species of which one is rare; the last `n_asked` are not named yet."""
    rng = np.random.default_rng(seed)
    species = rng.choice(np.array(["rose", "tulip", "aster"], dtype=object), n_rows, p=[0.5, 0.4, 0.1])
    centre = pd.Series(species).map({"rose": 0.0, "tulip": 2.0, "aster": 4.0}).to_numpy()
    soil = np.where(rng.random(n_rows) < 0.8, pd.Series(species).map({"rose": "clay"}).fillna("sand"), "peat")
    frame = {
        "garden": garden,
        "flower_id": [f"{garden}-{number:04d}" for number in range(n_rows)],
        "petal": centre + rng.normal(0.0, 0.7, n_rows),
        "stem": rng.normal(10.0, 2.0, n_rows),
        "soil": soil.astype(object),
        "species": species,
    }
    flowers = pd.DataFrame(frame)
    flowers.loc[n_rows - n_asked :, "species"] = None
    return flowers
