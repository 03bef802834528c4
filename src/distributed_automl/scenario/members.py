"""What a model is made of, fitted candidates and a calibration: mixed into one prediction, taken apart into parts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distributed_automl.errors import ModelError
from distributed_automl.scenario.class_calibration import ClassCalibration
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.disagreement import spread_of
from distributed_automl.scenario.estimators import FITTED
from distributed_automl.scenario.estimators._base import Fitted, Parts
from distributed_automl.scenario.intervals import Calibration
from distributed_automl.scenario.shift import Shift

AnyCalibration = Calibration | ClassCalibration


def clip(predicted: FloatArray, lower: float | None) -> FloatArray:
    """Return predictions that are not below the target's lower bound."""
    return predicted if lower is None else np.maximum(predicted, lower)


class Mixed(NamedTuple):
    """What a mixture predicts.

    Attributes:
        mean: of the members, weighted, shape (n_rows,); of classes (n_rows, n_classes).
        spread: how far the members lie apart, of the same shape; see `spread_of`.
    """

    mean: FloatArray
    spread: FloatArray


def mix(
    members: Sequence[Fitted], weights: Sequence[float], design: Design, *, history: IntArray, rows: IntArray
) -> Mixed:
    """Return what fitted members predict together."""
    lower = design.samples.problem.target_min
    return mixture_of([clip(member.predict(design, history, rows), lower) for member in members], weights)


def mixture_of(predictions: Sequence[FloatArray], weights: Sequence[float]) -> Mixed:
    """Return the mixture of predictions of equal shape."""
    mean = weighted_mean(predictions, weights)
    return Mixed(mean, spread_of(predictions, weights, mean))


def as_served(predicted: Mixed, shift: Shift | None, lower: float | None) -> Mixed:
    """Return a mixture brought to the quantile that the objective is best served by, and not below `lower`."""
    mean = predicted.mean if shift is None else shift.apply(predicted.mean)
    return Mixed(clip(mean, lower), predicted.spread)


def member_parts(member: Fitted) -> Parts:
    """Return a fitted candidate as parts that know whose they are."""
    return {"candidate": member.candidate, "parts": member.to_parts()}


def member_from(parts: Parts) -> Fitted:
    """Rebuild a fitted candidate from `member_parts`."""
    name = parts["candidate"]
    if name not in FITTED:
        raise ModelError(f"the model has a member '{name}', but this version knows only {sorted(FITTED)}")
    return FITTED[name].from_parts(parts["parts"])


def calibration_parts(calibration: AnyCalibration) -> Parts:
    """Return a calibration as parts that know of what it is: "intervals" or "classes"."""
    return {"kind": calibration.kind, "parts": calibration.to_parts()}


def calibration_from(parts: Parts) -> AnyCalibration:
    """Rebuild a calibration from `calibration_parts`."""
    if parts["kind"] == ClassCalibration.kind:
        return ClassCalibration.from_parts(parts["parts"])
    return Calibration.from_parts(parts["parts"])


def require_format(parts: Parts, expected: str) -> None:
    """Raise ModelError unless the parts are of the expected format."""
    if parts.get("format") != expected:
        raise ModelError(f"expected a model of format '{expected}', found '{parts.get('format')}'")


def weighted_mean(predictions: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    """Mix predictions of equal shape, in the order given (floating-point sums depend on it)."""
    total = np.zeros_like(predictions[0])
    for predicted, weight in zip(predictions, weights, strict=True):
        total = total + weight * predicted
    return total
