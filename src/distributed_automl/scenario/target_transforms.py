"""What a regressor learns instead of the raw target: a log, a multiple of the recent level, a seasonal difference.

A transform that looks back is relative to what is known a gap before each row: the gap is the horizon, or less where a
model serves only the first steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.history import same_phase, series_starts

LEVEL_FLOOR_SHARE = 0.1
"""A level is never below this share of the mean absolute target learned from, so that zeros do not explode."""

N_PHASES = 4
"""Values at the same phase of the season whose mean a difference is taken from."""


@dataclass(frozen=True)
class TargetTransform:
    """A pair of functions of (values, reference), inverse to each other.

    Attributes:
        forward: target -> what is learned.
        inverse: what is predicted -> target.
        reference: in REFERENCES; None if the functions do not look at it.
    """

    forward: Callable[[FloatArray, FloatArray], FloatArray]
    inverse: Callable[[FloatArray, FloatArray], FloatArray]
    reference: str | None = None


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
    "level": TargetTransform(lambda y, level: y / level, lambda z, level: z * level, "level"),
    "log_level": TargetTransform(
        lambda y, level: signed_log1p(y / level), lambda z, level: signed_expm1(z) * level, "level"
    ),
    "difference": TargetTransform(lambda y, before: y - before, lambda z, before: z + before, "season_before"),
}
"""Name of a transform -> transform."""


@dataclass(frozen=True)
class FittedTransform:
    """A target transform with what it learned.

    Attributes:
        name: in TARGET_TRANSFORMS.
        gap: periods before a row that its reference ends.
        fallback: reference of a row whose series has no history yet.
        floor: the smallest level.
    """

    name: str
    gap: int
    fallback: float = 1.0
    floor: float = 1.0

    @property
    def looks_back(self) -> bool:
        """Whether what is learned is relative to anything that was known a gap before."""
        return TARGET_TRANSFORMS[self.name].reference is not None

    @property
    def uses_level(self) -> bool:
        """Whether what is learned is relative to the recent level."""
        return TARGET_TRANSFORMS[self.name].reference == "level"

    def forward(self, y: FloatArray, reference: FloatArray) -> FloatArray:
        """Transform known targets, shape (n_rows,), next to their `reference`."""
        return TARGET_TRANSFORMS[self.name].forward(y, reference)

    def inverse(self, z: FloatArray, reference: FloatArray) -> FloatArray:
        """Turn predictions, shape (n_rows,), back into the target's units."""
        return TARGET_TRANSFORMS[self.name].inverse(z, reference)

    def reference(self, samples: Samples, known: FloatArray, rows: IntArray) -> FloatArray:
        """Return what some rows are relative to, finite; ones where the transform does not use it."""
        name = TARGET_TRANSFORMS[self.name].reference
        if name is None:
            return np.ones(len(rows))
        found = REFERENCES[name](samples, known, rows, self.gap)
        reference = np.where(np.isnan(found), self.fallback, found)
        return np.maximum(reference, self.floor) if name == "level" else reference

    def to_parts(self) -> dict[str, Any]:
        """Return plain values."""
        return dict(vars(self))

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(**parts)


def learn_transform(name: str, samples: Samples, rows: IntArray, *, gap: int | None = None) -> FittedTransform:
    """Learn a transform's constants from the known target of some rows.

    Args:
        name: in TARGET_TRANSFORMS.
        samples: canonical rows.
        rows: positions to learn from.
        gap: periods before a row of which nothing may be known; None: the horizon.

    Raises:
        ValueError: the name is unknown, or the transform needs a past and the problem has none.
    """
    if name not in applicable_transforms(samples):
        task = samples.problem.task
        raise ValueError(f"no target transform '{name}' for task '{task}'; valid are {applicable_transforms(samples)}")
    y = samples.y[rows]
    size = float(np.mean(np.abs(y))) or 1.0
    fallback = size if TARGET_TRANSFORMS[name].reference != "season_before" else float(np.mean(y))
    return FittedTransform(name, samples.problem.horizon if gap is None else gap, fallback, LEVEL_FLOOR_SHARE * size)


def applicable_transforms(samples: Samples) -> list[str]:
    """Return the names of the transforms that make sense: a reference needs a past."""
    is_forecasting = samples.problem.is_forecasting
    return [name for name, transform in TARGET_TRANSFORMS.items() if is_forecasting or transform.reference is None]


def recent_level(samples: Samples, known: FloatArray, rows: IntArray, gap: int) -> FloatArray:
    """Return the mean absolute target over the periods that end a gap before each row, in its own series.

    The window is max(28, 4 seasons) periods, or what there is of it. Since it ends a gap earlier, the level is known
    at prediction time at every step up to the gap.

    Args:
        samples: canonical rows of a forecasting problem.
        known: target of all samples, shape (n_samples,); NaN where it is unknown or may not be looked at.
        rows: positions asked for.
        gap: periods from the end of the window to the row.

    Returns:
        Shape (n_rows,); NaN where the window holds no known target.
    """
    window = max(28, 4 * samples.season)
    end = rows - gap + 1
    start = np.maximum(end - window, series_starts(samples)[rows])
    is_known = np.isfinite(known)
    total = _window_sums(np.where(is_known, np.abs(known), 0.0), start, end)
    count = _window_sums(is_known.astype(np.float64), start, end)
    level: FloatArray = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
    return level


def season_before(samples: Samples, known: FloatArray, rows: IntArray, gap: int) -> FloatArray:
    """Return the mean of the last N_PHASES known targets at each row's phase of the season, a gap or more before it.

    The last one alone would do, but its own noise would double that of what is learned. Arguments as `recent_level`.

    Returns:
        Shape (n_rows,); NaN where there is none.
    """
    values = same_phase(samples, known, rows, N_PHASES, before=rows - gap + 1)
    n_found = np.isfinite(values).sum(axis=1)
    totals = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
    means: FloatArray = np.divide(totals, n_found, out=np.full(len(rows), np.nan), where=n_found > 0)
    return means


REFERENCES: dict[str, Callable[[Samples, FloatArray, IntArray, int], FloatArray]] = {
    "level": recent_level,
    "season_before": season_before,
}
"""What a transform may be relative to -> function of (samples, known target, rows, gap)."""


def _window_sums(values: FloatArray, start: IntArray, end: IntArray) -> FloatArray:
    """Sum `values[start:end]` per window: summed apart, so that no window's value depends on another's."""
    bounds = np.column_stack([start, np.maximum(end, start)]).ravel()
    sums: FloatArray = np.add.reduceat(np.r_[values, 0.0], bounds)[::2]
    sums[end <= start] = 0.0  # reduceat gives an empty window a value
    return sums
