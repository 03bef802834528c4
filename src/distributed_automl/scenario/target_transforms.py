"""What a regressor learns instead of the raw target: a log, or a multiple of the series' recent level."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.history import series_starts

LEVEL_FLOOR_SHARE = 0.1
"""A level is never below this share of the mean absolute target learned from, so that zeros do not explode."""


@dataclass(frozen=True)
class TargetTransform:
    """A pair of functions of (values, level), inverse to each other.

    Attributes:
        forward: target -> what is learned.
        inverse: what is predicted -> target.
        uses_level: whether the functions look at the level.
    """

    forward: Callable[[FloatArray, FloatArray], FloatArray]
    inverse: Callable[[FloatArray, FloatArray], FloatArray]
    uses_level: bool = False


def signed_log1p(values: FloatArray) -> FloatArray:
    """Return log(1 + |v|) with the sign of v."""
    logs: FloatArray = np.copysign(np.log1p(np.abs(values)), values)
    return logs


def signed_expm1(logs: FloatArray) -> FloatArray:
    """Invert `signed_log1p`."""
    values: FloatArray = np.copysign(np.expm1(np.abs(logs)), logs)
    return values


TARGET_TRANSFORMS: dict[str, TargetTransform] = {
    "none": TargetTransform(lambda y, _: y, lambda z, _: z),
    "log1p": TargetTransform(lambda y, _: signed_log1p(y), lambda z, _: signed_expm1(z)),
    "level": TargetTransform(lambda y, level: y / level, lambda z, level: z * level, uses_level=True),
    "log_level": TargetTransform(
        lambda y, level: signed_log1p(y / level), lambda z, level: signed_expm1(z) * level, uses_level=True
    ),
}
"""Name of a transform -> transform."""


@dataclass(frozen=True)
class FittedTransform:
    """A target transform with what it learned.

    Attributes:
        name: in TARGET_TRANSFORMS.
        fallback: level of a row whose series has no history yet.
        floor: the smallest level.
    """

    name: str
    fallback: float = 1.0
    floor: float = 1.0

    def forward(self, samples: Samples, rows: IntArray) -> FloatArray:
        """Transform the known target of some rows."""
        return TARGET_TRANSFORMS[self.name].forward(samples.y[rows], self.level(samples, samples.y, rows))

    def inverse(self, z: FloatArray, samples: Samples, known: FloatArray, rows: IntArray) -> FloatArray:
        """Turn predictions for some rows back into the target's units.

        Args:
            z: shape (n_rows,).
            samples: canonical rows.
            known: target of all samples, NaN where it may not be looked at.
            rows: positions that `z` belongs to.
        """
        return TARGET_TRANSFORMS[self.name].inverse(z, self.level(samples, known, rows))

    def level(self, samples: Samples, known: FloatArray, rows: IntArray) -> FloatArray:
        """Return the level of some rows, positive; ones where the transform does not use it."""
        if not TARGET_TRANSFORMS[self.name].uses_level:
            return np.ones(len(rows))
        found = recent_level(samples, known, rows)
        return np.maximum(np.where(np.isnan(found), self.fallback, found), self.floor)

    def to_parts(self) -> dict[str, Any]:
        """Return plain values."""
        return {"name": self.name, "fallback": self.fallback, "floor": self.floor}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(**parts)


def learn_transform(name: str, samples: Samples, rows: IntArray) -> FittedTransform:
    """Learn a transform's constants from the known target of some rows.

    Raises:
        ValueError: the name is unknown, or the transform needs a past and the problem has none.
    """
    if name not in applicable_transforms(samples):
        task = samples.problem.task
        raise ValueError(f"no target transform '{name}' for task '{task}'; valid are {applicable_transforms(samples)}")
    mean = float(np.mean(np.abs(samples.y[rows])))
    fallback = mean if mean > 0.0 else 1.0
    return FittedTransform(name, fallback, LEVEL_FLOOR_SHARE * fallback)


def applicable_transforms(samples: Samples) -> list[str]:
    """Return the names of the transforms that make sense: a level needs a past."""
    is_forecasting = samples.problem.is_forecasting
    return [name for name, transform in TARGET_TRANSFORMS.items() if is_forecasting or not transform.uses_level]


def recent_level(samples: Samples, known: FloatArray, rows: IntArray) -> FloatArray:
    """Return the mean absolute target over the periods that end a horizon before each row, in its own series.

    The window is max(28, 4 seasons) periods, or what there is of it. Since it ends a horizon earlier, the level
    is known at prediction time at every step.

    Args:
        samples: canonical rows of a forecasting problem.
        known: target of all samples, shape (n_samples,); NaN where it is unknown or may not be looked at.
        rows: positions asked for.

    Returns:
        Shape (n_rows,); NaN where the window holds no known target.
    """
    window = max(28, 4 * samples.season)
    end = rows - samples.problem.horizon + 1
    start = np.maximum(end - window, series_starts(samples)[rows])
    is_known = np.isfinite(known)
    total = _window_sums(np.where(is_known, np.abs(known), 0.0), start, end)
    count = _window_sums(is_known.astype(np.float64), start, end)
    level: FloatArray = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
    return level


def _window_sums(values: FloatArray, start: IntArray, end: IntArray) -> FloatArray:
    """Sum `values[start:end]` per window: summed apart, so that no window's value depends on another's."""
    bounds = np.column_stack([start, np.maximum(end, start)]).ravel()
    sums: FloatArray = np.add.reduceat(np.r_[values, 0.0], bounds)[::2]
    sums[end <= start] = 0.0  # reduceat gives an empty window a value
    return sums
