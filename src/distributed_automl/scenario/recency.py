"""How much a training row counts by its age: the world changes, and last week tells more about it than last year."""

from typing import Any

import numpy as np
import optuna

from distributed_automl.scenario.calendar import int64_of
from distributed_automl.scenario.design import FloatArray, IntArray, Samples

HALF_LIFE_SHARES = (1 / 3,)
"""Half-lives that are searched, as shares of the history."""


def recency_weights(samples: Samples, rows: IntArray, half_life: int | None) -> FloatArray | None:
    """Return weights that halve with every half-life of a row's age, 1 on average; None if all rows count alike.

    Args:
        samples: canonical rows of a forecasting problem, unless `half_life` is None.
        rows: positions to learn from; the youngest of them has age 0.
        half_life: periods, positive; None: all rows count alike.

    Returns:
        Shape (n_rows,), positive.
    """
    if half_life is None:
        return None
    periods = np.unique(int64_of(samples.timestamps), return_inverse=True)[1][rows]
    weights = 0.5 ** ((periods.max() - periods) / half_life)
    relative: FloatArray = weights / weights.mean()
    return relative


def default_recency(samples: Samples) -> dict[str, Any]:
    """Return the hyper-parameter that weighs all rows alike; nothing in tabular tasks, whose rows have no age."""
    return {"half_life": None} if samples.problem.is_forecasting else {}


def suggest_recency(trial: optuna.Trial, samples: Samples) -> dict[str, Any]:
    """Draw a half-life: none, or a share of the history; nothing in tabular tasks."""
    if not samples.problem.is_forecasting:
        return {}
    half_lives = [half_life_of(samples, share) for share in HALF_LIFE_SHARES]
    return {"half_life": trial.suggest_categorical("half_life", [None, *half_lives])}


def half_life_of(samples: Samples, share: float) -> int:
    """Return the half-life that is a share of the history, in periods, at least 1."""
    return max(round(share * samples.timestamps.nunique()), 1)


def share_of_history(samples: Samples, half_life: int) -> float:
    """Return the searched share of the history that a half-life comes nearest to."""
    return min(HALF_LIFE_SHARES, key=lambda share: abs(half_life_of(samples, share) - half_life))
