"""One tiny made-up scenario: whoever fits it shows that he can fit at all, and to which bits."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from distributed_automl.errors import RunError
from distributed_automl.fleet.limits import OnStage, run_limited
from distributed_automl.parameters import AutoML, Limits, Problem

N_DAYS = 70
PROBLEM = Problem(
    name="canary",
    scenario_keys=("shop",),
    timestamp="day",
    frequency="D",
    season=7,
    horizon=7,
    target="units",
    known_in_advance=("promotion",),
    levels=(0.8,),
)
AUTOML: dict[str, Any] = {
    "candidates": ["ridge", "lightgbm"],
    "tuning": {"n_trials": 1},
    "validation": {"n_folds": 2, "min_train_periods": 28},
}
LIMITS = Limits(seconds=60.0, memory_mb=2_048)


def canary_frame() -> pd.DataFrame:
    """Return the canary's rows: a week's rhythm, a promotion now and then, and a trend."""
    day = np.arange(N_DAYS)
    promotion = (day * 5 % 11 < 3).astype(np.float64)
    units = 20.0 + day % 7 + 0.1 * day + 6.0 * promotion + (day * 7919 % 13) / 3.0
    days = pd.date_range("2024-01-01", periods=N_DAYS)
    return pd.DataFrame({"shop": "canary", "day": days, "units": units, "promotion": promotion})


def fit_canary() -> str:
    """Fit the canary as a worker fits a scenario, in a child of this process, and return its model's digest.

    Raises:
        RunError: there is no model; says why.
    """
    from distributed_automl.scenario.attempt import preload

    preload()
    finished = run_limited(fit_canary_here, LIMITS)
    if finished.stopped is not None:
        raise RunError(str(finished.stopped))
    return str(finished.result)


def fit_canary_here(on_stage: OnStage) -> str:
    """Fit the canary in this process; see `fit_canary`."""
    from distributed_automl.scenario.attempt import attempt_fit
    from distributed_automl.scenario.fit import definitions_of

    frame, automl = canary_frame(), AutoML(**AUTOML)
    definitions = definitions_of(frame, PROBLEM, automl)
    fit = partial(attempt_fit, scenario_id="canary", definitions=definitions, on_stage=on_stage)
    row = fit(frame, PROBLEM, automl)
    if row["status"] != "fitted":
        raise RunError(f"{row['status']} in stage '{row['stage']}': {row['error_type']}: {row['message']}")
    return str(row["model_digest"])
