"""The plainest tables that keep the contract, for tests that spoil them."""

from typing import Any

import numpy as np
import pandas as pd

from distributed_automl.parameters import AutoML, Problem, Validation
from distributed_automl.scenario.design import Kinds

AUTOML = AutoML(validation=Validation(min_train_periods=4, min_target_periods=2, min_samples=4))
KINDS: Kinds = {"price": "numeric", "stock": "numeric", "note": "categorical", "format": "categorical"}


def plain_problem(**changes: Any) -> Problem:
    settings: dict[str, Any] = {
        "scenario_keys": ("store",),
        "timestamp": "day",
        "frequency": "D",
        "horizon": 2,
        "target": "units",
        "known_in_advance": ("price",),
        "static": ("format",),
    }
    return Problem(**(settings | changes))


def tabular_problem(**changes: Any) -> Problem:
    settings: dict[str, Any] = {
        "task": "regression",
        "scenario_keys": ("store",),
        "target": "units",
        "sample_id": "id",
        "target_min": None,
    }
    return Problem(**(settings | changes))


def plain_frame(n: int = 12) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "store": "s1",
            "day": pd.date_range("2017-01-01", periods=n),
            "units": np.arange(n) % 5 + 1.0,
            "price": np.arange(n) + 0.5,
            "stock": np.arange(n) + 100,
            "note": [f"n{i}" for i in range(n)],
            "format": "big",
        }
    )


def with_columns(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return frame.assign(**columns)


def tabular_frame(n: int = 8) -> pd.DataFrame:
    return pd.DataFrame({"store": "s1", "id": np.arange(n)[::-1], "units": np.arange(n) * 1.5, "size": np.arange(n)})


def without_rows(frame: pd.DataFrame, *places: int) -> pd.DataFrame:
    return frame.drop(index=list(places))
