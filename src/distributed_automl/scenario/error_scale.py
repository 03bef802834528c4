"""The scale of a prediction's error: a power of the prediction's size, which does not fall below a floor."""

import numpy as np

from distributed_automl.scenario.design import FloatArray

FLOOR_SHARE = 0.1
"""The scale of a small prediction is that of this share of the usual one."""
NEGLIGIBLE = 1e-100
"""Usual size at or below which predictions count as zero: errors in units of it could not be squared."""


def floor_of(predictions: FloatArray) -> float:
    """Return a tenth of the usual size of a prediction, so that a scale does not depend on the target's unit."""
    usual = float(np.abs(predictions).mean())
    return FLOOR_SHARE * usual if usual > NEGLIGIBLE else 1.0


def error_scale(predictions: FloatArray, power: float, floor: float) -> FloatArray:
    """Return the scale of each prediction's error, shape (n,), positive."""
    scale: FloatArray = np.maximum(np.abs(predictions), floor) ** power
    return scale
