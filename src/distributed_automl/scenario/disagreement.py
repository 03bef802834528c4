"""How far the members of a mixture lie apart on a row, and what that may add to the scale of its error.

What an ensemble's members disagree on can tell of the error of their mean, though not its size (Lakshminarayanan,
Pritzel and Blundell 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles", section 2.4).
Whether it does, and how much, is left to residuals: here a rough measure is kept within a range.
"""

from collections.abc import Sequence

import numpy as np

from distributed_automl.scenario.design import FloatArray

MOST = 2.0
"""How many times the usual spread counts at most; one divided by it is what it counts at least."""


def spread_of(predictions: Sequence[FloatArray], weights: Sequence[float], mean: FloatArray) -> FloatArray:
    """Return the weighted mean distance of the members' predictions from their mean, in units of the target.

    Args:
        predictions: one array per member, all of one shape.
        weights: of the members; they sum to one.
        mean: the weighted mean of the predictions.

    Returns:
        Of that shape; 0 for a single member, and where members differ by no more than rounding.
    """
    spread = np.zeros_like(mean)
    for predicted, weight in zip(predictions, weights, strict=True):
        spread = spread + weight * np.abs(predicted - mean)
    return np.where(spread > _ROUNDING * np.abs(mean), spread, 0.0)


_ROUNDING = 1e-9
"""Share of a prediction by which rounding may move it."""


def doubt_of(spread: FloatArray, usual: float, power: float) -> FloatArray:
    """Return by what the scale of each row's error is multiplied, shape (n,), positive; 1 where no spread is usual.

    Args:
        spread: of the members on each row, in scales of its error, shape (n,).
        usual: its mean over the rows that were learned from, not negative.
        power: by which errors grow with it; 0: not at all.
    """
    if power == 0.0 or not usual > 0.0:
        return np.ones_like(spread)
    doubt: FloatArray = np.clip(spread / usual, 1.0 / MOST, MOST) ** power
    return doubt
