"""Prediction intervals from out-of-fold residuals: split conformal, with a scale that may grow with the prediction.

Residuals (actual minus prediction) of rows that a model was not fitted on are divided by a scale, and an interval is
the prediction plus two quantiles of them, times the scale of the row. With n exchangeable residuals the k-th smallest,
k = ceil((n + 1) * q), covers a new one with a probability of at least q (Lei et al. 2018, "Distribution-free predictive
inference for regression", section 2.2; scaled residuals are in section 5.2). Each tail gets half of what the level
leaves out, since the errors of counts are skewed: a day cannot sell less than nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.tables import interval_names

MIN_GROUP_RESIDUALS = 100
"""Residuals that a group of steps has at least; below that one group serves all steps."""
MAX_GROUPS = 4
_FLOOR_SHARE = 0.1


@dataclass(frozen=True)
class Calibration:
    """What turns a prediction into intervals.

    Attributes:
        levels: nominal coverages, ascending.
        power: the scale of a prediction p is max(|p|, floor) ** power.
        floor: size below which the scale does not fall, positive, in units of the target.
        last_steps: the last step of every group of steps but the last one, ascending.
        lower: of each group and level, how far the bound lies below the prediction, in scales; not negative.
        upper: the same above the prediction.
    """

    levels: tuple[float, ...]
    power: float
    floor: float
    last_steps: tuple[int, ...]
    lower: tuple[tuple[float, ...], ...]
    upper: tuple[tuple[float, ...], ...]

    def bounds(self, predicted: FloatArray, steps: IntArray, target_min: float | None = None) -> dict[str, FloatArray]:
        """Return the intervals of some predictions; an interval of a lower level lies inside those of higher ones.

        Args:
            predicted: shape (n,), finite.
            steps: periods after the origin, shape (n,); anything in tabular tasks.
            target_min: lower bound of the target; None: unbounded.

        Returns:
            Column name (see `interval_names`) -> bounds, shape (n,): lower <= predicted <= upper.
        """
        scale = _scale(predicted, self.power, self.floor)
        group = np.searchsorted(np.array(self.last_steps, dtype=np.int64), steps, side="left")
        least = -math.inf if target_min is None else target_min
        columns: dict[str, FloatArray] = {}
        for place, level in enumerate(self.levels):
            lower_name, upper_name = interval_names(level)
            below, above = (np.array(offsets)[group, place] * scale for offsets in (self.lower, self.upper))
            columns[lower_name] = np.minimum(np.maximum(predicted - below, least), predicted)
            columns[upper_name] = predicted + above
        return columns

    def to_parts(self) -> dict[str, Any]:
        """Return everything that `from_parts` needs, as JSON values."""
        return {
            "levels": list(self.levels),
            "power": self.power,
            "floor": self.floor,
            "last_steps": list(self.last_steps),
            "lower": [list(offsets) for offsets in self.lower],
            "upper": [list(offsets) for offsets in self.upper],
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(
            levels=tuple(parts["levels"]),
            power=float(parts["power"]),
            floor=float(parts["floor"]),
            last_steps=tuple(parts["last_steps"]),
            lower=tuple(tuple(offsets) for offsets in parts["lower"]),
            upper=tuple(tuple(offsets) for offsets in parts["upper"]),
        )


def calibrate(residuals: FloatArray, predictions: FloatArray, steps: IntArray, levels: Sequence[float]) -> Calibration:
    """Learn how far actuals stray from predictions.

    Args:
        residuals: actual minus prediction of rows that the model was not fitted on, shape (n,). NaN is left out.
        predictions: of the same rows, shape (n,).
        steps: periods after the origin of the same rows, shape (n,); all equal in tabular tasks.
        levels: nominal coverages between 0 and 1.

    Raises:
        ValueError: no finite residual.
    """
    known = np.isfinite(residuals) & np.isfinite(predictions)
    residuals, predictions, steps = residuals[known], predictions[known], steps[known]
    if len(residuals) == 0:
        raise ValueError("prediction intervals need at least one finite residual, found none")
    ordered = tuple(sorted(set(levels)))
    floor = _floor_of(predictions)
    power = _power_of(predictions)
    scaled = residuals / _scale(predictions, power, floor)
    last_steps = _groups_of(steps, ordered)
    group = np.searchsorted(np.array(last_steps, dtype=np.int64), steps, side="left")
    groups = [np.sort(scaled[group == number]) for number in range(len(last_steps) + 1)]
    return Calibration(
        levels=ordered,
        power=power,
        floor=floor,
        last_steps=last_steps,
        lower=tuple(tuple(_offset(-values[::-1], level) for level in ordered) for values in groups),
        upper=tuple(tuple(_offset(values, level) for level in ordered) for values in groups),
    )


def _floor_of(predictions: FloatArray) -> float:
    """Return a tenth of the usual size of a prediction, so that the intervals do not depend on the target's unit."""
    usual = float(np.abs(predictions).mean())
    return _FLOOR_SHARE * usual if usual > 0 else 1.0


def _scale(predictions: FloatArray, power: float, floor: float) -> FloatArray:
    """Return the scale of each prediction's error, shape (n,), positive."""
    return np.maximum(np.abs(predictions), floor) ** power


def _power_of(predictions: FloatArray) -> float:
    """Return how the scale grows with the prediction: like its root for amounts, not at all where signs differ.

    The root is a Poisson count's standard deviation, and lies between errors that do not grow with the level and errors
    in proportion to it. It looks at no residual, so that the residuals stay exchangeable: choosing the likeliest of the
    powers 0, 0.5 and 1 from 84 residuals cost up to a point of coverage on daily sales, for intervals 2% narrower.
    """
    return 0.5 if (predictions >= 0).all() else 0.0


def _groups_of(steps: IntArray, levels: Sequence[float]) -> tuple[int, ...]:
    """Cut the steps into groups with enough residuals each; return the last step of every group but the last one."""
    smallest = max(MIN_GROUP_RESIDUALS, *(math.ceil(2.0 / (1.0 - level)) for level in levels)) if levels else len(steps)
    n_groups = min(MAX_GROUPS, len(steps) // smallest, len(np.unique(steps)))
    last_steps: list[int] = []
    ordered = np.sort(steps)
    for number in range(1, n_groups):
        last = int(ordered[len(ordered) * number // n_groups - 1])
        n_own = int((ordered <= last).sum()) - int((ordered <= last_steps[-1]).sum() if last_steps else 0)
        if n_own >= smallest and int((ordered > last).sum()) >= smallest:
            last_steps.append(last)
    return tuple(last_steps)


def _offset(ordered: FloatArray, level: float) -> float:
    """Return the upper tail's quantile of ascending residuals, not negative.

    With fewer residuals than the level needs, the greatest one stands in: the bound is finite, and covers less than
    promised.
    """
    rank = math.ceil((len(ordered) + 1) * (1.0 + level) / 2.0)
    return max(float(ordered[min(rank, len(ordered)) - 1]), 0.0)
