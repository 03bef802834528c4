"""Calibration of probabilities: what was distorted is set right, what was right stays."""

import numpy as np
import pytest

from distributed_automl.scenario.class_calibration import ClassCalibration, calibrate_classes
from distributed_automl.scenario.classes import softmax
from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.metrics import METRICS
from distributed_automl.scenario.outcome import Outcome
from distributed_automl.scenario.serialize import digest_of, pack, unpack

CLASSES = ("a", "b", "c")
BLOCKS = np.repeat([0, 1, 2], 500)


def drawn(seed: int = 0) -> tuple[FloatArray, IntArray]:
    """Logarithms of true probabilities, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=1.5, size=(1500, 3))
    truth = softmax(scores)
    codes = (truth.cumsum(axis=1) < rng.random((1500, 1))).sum(axis=1)
    return np.log(truth), codes


def learned(probabilities: FloatArray, codes: IntArray, blocks: IntArray = BLOCKS) -> ClassCalibration:
    return calibrate_classes(probabilities, codes, blocks, classes=CLASSES, decision=np.ones(3))


def test_when_probabilities_are_right_then_they_stay_to_the_bit() -> None:
    logs, codes = drawn()
    found = learned(np.exp(logs), codes)
    assert (found.temperature, found.biases) == (1.0, None)
    assert found.calibrated(np.exp(logs)).tobytes() == np.exp(logs).tobytes()


@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_when_a_model_is_too_sure_or_not_sure_enough_then_its_temperature_is_found(temperature: float) -> None:
    logs, codes = drawn()
    found = learned(softmax(logs * temperature), codes)
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.biases is None


def test_when_a_class_is_favoured_then_its_bias_is_taken_out() -> None:
    logs, codes = drawn()
    distorted = softmax(logs + np.array([1.5, 0.0, 0.0]))
    found = learned(distorted, codes)
    assert found.biases is not None
    assert found.biases[0] - np.mean(found.biases[1:]) == pytest.approx(-1.5, abs=0.2)
    later, true_codes = drawn(seed=1)
    before = softmax(later + np.array([1.5, 0.0, 0.0]))
    errors = [METRICS["calibration_error"].function(Outcome(true_codes.astype(float), values))
              for values in (before, found.calibrated(before))]  # fmt: skip
    assert errors[1] < 0.4 * errors[0]


def test_when_there_is_one_fold_then_every_other_row_judges() -> None:
    logs, codes = drawn()
    found = learned(softmax(logs * 2.5), codes, np.zeros(1500, dtype=np.intp))
    assert found.temperature == pytest.approx(2.5, rel=0.12)


def test_when_a_model_is_always_right_then_its_certainty_stays_finite() -> None:
    codes = np.tile([0, 1, 2], 10)
    sure = np.where(codes[:, np.newaxis] == np.arange(3), 0.98, 0.01)
    found = learned(sure, codes, np.repeat([0, 1], 15)).calibrated(sure)
    assert np.isfinite(np.log(found)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_when_stored_and_loaded_then_it_calibrates_and_decides_the_same() -> None:
    logs, codes = drawn()
    found = calibrate_classes(
        softmax(logs + np.array([1.5, 0.0, 0.0])), codes, BLOCKS, classes=CLASSES, decision=np.array([1.0, 9.0, 1.0])
    )
    data = pack(found.to_parts())
    again = ClassCalibration.from_parts(unpack(data, digest_of(data)))
    assert again == found
    assert again.decided(np.array([[0.8, 0.1, 0.1]])).tolist() == [1]
