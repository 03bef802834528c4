"""Predictions moved to the quantile of the target that the objective is best served by.

Where a unit short costs u and a unit over costs o, the cheapest prediction is the quantile u / (u + o) of what may
come, and not its mean (the newsvendor's critical ratio: Arrow, Harris and Marschak 1951, "Optimal inventory policy").
Most candidates predict a mean or a median. What lies between it and the quantile is learned from out-of-fold residuals:
one number, times a scale that may grow with the prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distributed_automl.parameters import Costs
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.error_scale import error_scale, floor_of

POWERS = (0.0, 0.5, 1.0)
"""How the scale may grow with the prediction: not at all, like a count's standard deviation, in proportion."""
EXTREME = 0.99
"""Quantile that is aimed at where one kind of error costs nothing."""
PINBALL_OBJECTIVES = frozenset({"total_cost", "pinball"})
"""Objectives that weigh units short against units over."""


@dataclass(frozen=True)
class Shift:
    """What is added to a prediction p: offset * max(|p|, floor) ** power.

    Attributes:
        offset: in scales; positive is upward.
        power: one of POWERS.
        floor: positive, in units of the target.
    """

    offset: float
    power: float
    floor: float

    def apply(self, predicted: FloatArray) -> FloatArray:
        """Return shifted predictions, shape (n,), not yet clipped to `target_min`."""
        return predicted + self.offset * error_scale(predicted, self.power, self.floor)

    def to_parts(self) -> dict[str, Any]:
        """Return plain values."""
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(**parts)


def target_quantile(objective: str, costs: Costs) -> float | None:
    """Return the quantile of the target that serves an objective best; None if it is none in particular.

    A KPI of one side alone (`lost_margin`, `units_over`) has no such quantile: it is served best by absurd predictions.
    """
    short, over = costs.margin_per_unit, costs.holding_per_unit
    if objective not in PINBALL_OBJECTIVES or short + over == 0:
        return None
    return min(max(short / (short + over), 1.0 - EXTREME), EXTREME)


def learn_shift(y_true: FloatArray, predicted: FloatArray, quantile: float) -> Shift:
    """Return the shift with the least pinball loss.

    For one power it is a weighted quantile of the scaled residuals: the loss of a row is its scale times the loss of
    the scaled residual.

    Args:
        y_true: shape (n,), at least one row.
        predicted: out of fold, shape (n,).
        quantile: between 0 and 1.
    """
    floor = floor_of(predicted)
    powers = POWERS if (predicted >= 0).all() else POWERS[:1]
    residuals = y_true - predicted
    shifts = [Shift(_best_offset(residuals, predicted, quantile, (power, floor)), power, floor) for power in powers]
    losses = [pinball_loss(y_true - one.apply(predicted), quantile) for one in shifts]
    return shifts[int(np.argmin(losses))]


def pinball_loss(residuals: FloatArray, quantile: float) -> float:
    """Return the mean of quantile * residual where it is positive, (1 - quantile) * -residual where it is not."""
    return float(np.maximum(quantile * residuals, (quantile - 1.0) * residuals).mean())


def cross_shifted(y_true: FloatArray, predicted: FloatArray, quantile: float, parts: Sequence[slice]) -> FloatArray:
    """Shift each part by what the others teach, so that what is judged was not learned from. Shape (n,)."""
    shifted = np.array(predicted)
    for part in parts:
        others = np.ones(len(predicted), dtype=np.bool_)
        others[part] = len(parts) == 1  # a single part has nothing but itself to learn from
        shifted[part] = learn_shift(y_true[others], predicted[others], quantile).apply(predicted[part])
    return shifted


def _best_offset(residuals: FloatArray, predicted: FloatArray, quantile: float, shape: tuple[float, float]) -> float:
    scale = error_scale(predicted, *shape)
    order = np.argsort(residuals / scale, kind="stable")
    share = np.cumsum(scale[order]) / scale.sum()
    place = order[min(int(np.searchsorted(share, quantile)), len(order) - 1)]
    return float(residuals[place] / scale[place])
