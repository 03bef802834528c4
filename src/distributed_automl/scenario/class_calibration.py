"""Calibration of probabilities on out-of-fold predictions: a temperature, and a bias per class where that helps.

The logarithms of the probabilities are divided by a temperature (Guo et al. 2017, "On calibration of modern neural
networks", section 4.2), and get a bias per class (Alexandari et al. 2020, "Maximum likelihood with bias-corrected
calibration is hard-to-beat at label shift adaptation", section 2.2; of two classes that is Platt's scaling). Which of
these, or none, is chosen by cross-validation over the folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from distributed_automl.scenario.classes import decide, softmax
from distributed_automl.scenario.classification_metrics import LEAST_PROBABILITY
from distributed_automl.scenario.design import FloatArray, IntArray

MAX_LOG_TEMPERATURE = 2.0
"""Size of the logarithm of the temperature at most: 0.14 to 7.4."""
MIN_IMPROVEMENT = 0.005
"""Share of the log loss by which a calibration has to be better than a simpler one."""


@dataclass(frozen=True)
class ClassCalibration:
    """What turns a model's probabilities into calibrated ones, and those into a decision.

    Attributes:
        classes: labels, sorted.
        decision: weight of each class's probability when one class is decided for.
        temperature: above 1 takes certainty away.
        biases: added to the logarithms of the probabilities, by class.
    """

    kind: ClassVar[str] = "classes"

    classes: tuple[str, ...]
    decision: tuple[float, ...]
    temperature: float = 1.0
    biases: tuple[float, ...] | None = None

    def calibrated(self, probabilities: FloatArray) -> FloatArray:
        """Calibrate probabilities, shape (n_rows, n_classes)."""
        if self.temperature == 1.0 and self.biases is None:
            return probabilities
        biases = np.zeros(len(self.classes)) if self.biases is None else np.array(self.biases)
        return _scaled(_logs(probabilities), np.r_[np.log(self.temperature), biases])

    def decided(self, probabilities: FloatArray) -> IntArray:
        """Return the code of the class to decide for, shape (n_rows,)."""
        return decide(probabilities, np.array(self.decision))

    def to_parts(self) -> dict[str, Any]:
        """Return everything that `from_parts` needs, as JSON values."""
        return {
            "classes": list(self.classes),
            "decision": list(self.decision),
            "temperature": self.temperature,
            "biases": None if self.biases is None else list(self.biases),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        biases = parts["biases"]
        return cls(
            classes=tuple(parts["classes"]),
            decision=tuple(parts["decision"]),
            temperature=parts["temperature"],
            biases=None if biases is None else tuple(biases),
        )


def calibrate_classes(
    probabilities: FloatArray, codes: IntArray, blocks: IntArray, *, classes: Sequence[str], decision: FloatArray
) -> ClassCalibration:
    """Choose a calibration by cross-validation over blocks of rows, and learn it from all of them.

    Args:
        probabilities: of rows that the model was not fitted on, shape (n_rows, n_classes).
        codes: their true classes, shape (n_rows,).
        blocks: number of the fold that each row was judged in, shape (n_rows,).
        classes: labels, sorted.
        decision: weight of each class's probability when one class is decided for, shape (n_classes,).
    """
    logs = _logs(probabilities)
    if len(np.unique(blocks)) == 1:
        blocks = np.arange(len(blocks)) % 2  # a single fold: every other row judges
    best, least = "none", np.inf
    for name, learn in CALIBRATIONS.items():
        loss = _cross_validated(learn, logs, codes, blocks)
        if loss < (1.0 - MIN_IMPROVEMENT) * least:
            best, least = name, loss
    parameters = CALIBRATIONS[best](logs, codes)
    biases = tuple(parameters[1:].tolist()) if parameters[1:].any() else None
    return ClassCalibration(tuple(classes), tuple(decision.tolist()), float(np.exp(parameters[0])), biases)


def _as_it_is(logs: FloatArray, codes: IntArray) -> FloatArray:
    return np.zeros(1 + logs.shape[1])


def _temperature(logs: FloatArray, codes: IntArray) -> FloatArray:
    return _learned(logs, codes, n_free=1)


def _temperature_and_biases(logs: FloatArray, codes: IntArray) -> FloatArray:
    return _learned(logs, codes, n_free=1 + logs.shape[1])


CALIBRATIONS: dict[str, Callable[[FloatArray, IntArray], FloatArray]] = {
    "none": _as_it_is,
    "temperature": _temperature,
    "temperature_and_biases": _temperature_and_biases,
}
"""Name -> function that learns the log of the temperature and the biases from logs of probabilities; simplest first."""


def _logs(probabilities: FloatArray) -> FloatArray:
    logs: FloatArray = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    return logs


def _scaled(logs: FloatArray, parameters: FloatArray) -> FloatArray:
    return softmax(logs / np.exp(parameters[0]) + parameters[1:])


def _loss(logs: FloatArray, codes: IntArray, parameters: FloatArray) -> tuple[float, FloatArray]:
    """Return the sum of the log loss, and its slope in the parameters."""
    probabilities = _scaled(logs, parameters)
    given = probabilities[np.arange(len(codes)), codes]
    excess = probabilities - (codes[:, np.newaxis] == np.arange(logs.shape[1]))
    slope = np.r_[-(excess * logs).sum() / np.exp(parameters[0]), excess.sum(axis=0)]
    return float(-np.log(np.maximum(given, LEAST_PROBABILITY)).sum()), slope


def _learned(logs: FloatArray, codes: IntArray, *, n_free: int) -> FloatArray:
    """Minimise the log loss and half of the squared parameters, a standard normal prior on the first `n_free`."""
    from scipy.optimize import minimize  # part of a second to import

    rest = np.zeros(1 + logs.shape[1] - n_free)

    def loss(free: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _loss(logs, codes, np.r_[free, rest])
        return value + 0.5 * float(np.square(free).sum()), slope[:n_free] + free

    bounds = [(-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE), *[(None, None)] * (n_free - 1)]
    found = minimize(loss, np.zeros(n_free), jac=True, method="L-BFGS-B", bounds=bounds)
    parameters: FloatArray = np.r_[found.x, rest]
    return parameters


def _cross_validated(
    learn: Callable[[FloatArray, IntArray], FloatArray], logs: FloatArray, codes: IntArray, blocks: IntArray
) -> float:
    total = 0.0
    for block in np.unique(blocks):
        judged = blocks == block
        total += _loss(logs[judged], codes[judged], learn(logs[~judged], codes[~judged]))[0]
    return total
