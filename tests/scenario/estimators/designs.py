"""Designs built by hand: no validation, no synthesis, just rows and features."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import ROW_COL, SERIES_COL, Design, FloatArray, Kind, Samples

HORIZON = 14
SEASON = 7


def forecasting_problem(**changes: object) -> Problem:
    """A daily problem with a horizon of two weeks."""
    values: dict[str, object] = {
        "task": "forecasting",
        "scenario_keys": ("store",),
        "series_keys": ("dept",),
        "timestamp": "date",
        "frequency": "D",
        "horizon": HORIZON,
        "target": "units",
    }
    return Problem.model_validate(values | changes)


def forecasting_design(
    series: Sequence[Sequence[float] | FloatArray], *, season: int = SEASON, **changes: object
) -> Design:
    """One scenario whose series all end on the same day, with features that only look back a horizon."""
    problem = forecasting_problem(**changes)
    last = pd.Timestamp("2020-12-31")
    frames = [_series_frame(f"s{i}", np.asarray(y, dtype=np.float64), last) for i, y in enumerate(series)]
    frame = pd.concat(frames, ignore_index=True)
    frame[ROW_COL] = np.arange(len(frame))
    samples = Samples("store-1", problem, frame, {"colour": "categorical"}, season)
    return Design(samples, _features(frame, problem.horizon))


def _series_frame(name: str, y: FloatArray, last: pd.Timestamp) -> pd.DataFrame:
    dates = pd.date_range(end=last, periods=len(y), freq="D")
    return pd.DataFrame({SERIES_COL: name, "date": dates, "units": y, "store": "store-1", "dept": name})


def _features(frame: pd.DataFrame, horizon: int) -> pd.DataFrame:
    past = frame.groupby(SERIES_COL)["units"].shift(horizon)
    weekday = frame["date"].dt.dayofweek
    return pd.DataFrame(
        {
            "lag": past,
            "rolling": past.groupby(frame[SERIES_COL]).transform(lambda values: values.rolling(7).mean()),
            "weekday": weekday.astype(np.float64),
            "colour": np.array(["red", "green", None], dtype=object)[weekday.to_numpy() % 3],
            "empty": np.nan,
        }
    )


def regression_design(n_rows: int = 120, *, seed: int = 0, **changes: object) -> Design:
    """A tabular scenario: target = 3 a + (2 if b is "x"), with noise."""
    random = np.random.default_rng(seed)
    a = random.normal(size=n_rows)
    b = random.choice(np.array(["x", "y", "z"], dtype=object), n_rows)
    kinds: dict[str, Kind] = {"a": "numeric", "b": "categorical"}
    y = 10.0 + 3.0 * a + np.where(b == "x", 2.0, 0.0) + random.normal(scale=0.1, size=n_rows)
    X = pd.DataFrame({"a": a, "b": b, "empty": np.nan})
    values: dict[str, object] = {
        "task": "regression",
        "scenario_keys": ("market",),
        "sample_id": "id",
        "target": "price",
        "objective": "rmse",
    }
    problem = Problem.model_validate(values | changes)
    frame = X.drop(columns="empty")
    frame[SERIES_COL] = ""
    frame[ROW_COL] = np.arange(n_rows)
    frame["id"] = [f"r{i:05d}" for i in range(n_rows)]
    frame["market"] = "m"
    frame["price"] = y
    return Design(Samples("m", problem, frame, kinds), X)


def classification_design(n_rows: int = 120, *, seed: int = 0, **changes: object) -> Design:
    """A tabular scenario of three classes: "low" where a is small, "high" where it is large, "mid" where b is "x"."""
    design = regression_design(n_rows, seed=seed)
    random = np.random.default_rng(seed + 1)
    a, b = (design.X[name].to_numpy() for name in ("a", "b"))
    scores = np.column_stack([3.0 * a, -3.0 * a, np.where(b == "x", 2.0, -2.0)]) + random.gumbel(size=(n_rows, 3))
    values: dict[str, object] = {
        "task": "classification",
        "scenario_keys": ("market",),
        "sample_id": "id",
        "target": "price",
    }
    problem = Problem.model_validate(values | changes)
    frame = design.samples.frame.assign(price=scores.argmax(axis=1).astype(np.float64))
    return Design(Samples("m", problem, frame, design.samples.kinds, classes=("high", "low", "mid")), design.X)


def counts(n: int = 200, *, seed: int = 0, mean: float = 6.0) -> FloatArray:
    """Daily unit sales with a week's rhythm and zeros."""
    random = np.random.default_rng(seed)
    rhythm = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(n) / SEASON)
    return random.poisson(mean * rhythm).astype(np.float64)
