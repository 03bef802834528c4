"""A prediction of an earlier run again: sample by sample, to the last bit."""

from typing import Any

import pandas as pd
import pytest

from distributed_automl.fleet.replay_predict import compare

THEN = pd.DataFrame(
    {
        "prediction_run_id": "run1",
        "sample_id": ["a|1", "a|2"],
        "predicted_value": [1.0, 2.0],
        "probabilities": [{"x": 0.25}, None],
        "reason": [None, "no champion"],
    }
)


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({}, ()),
        ({"reason": [float("nan"), "no champion"]}, ()),
        ({"predicted_value": [1.0, 2.0 + 1e-12]}, ("predicted_value",)),
        ({"probabilities": [{"x": 0.5}, None], "reason": [None, None]}, ("probabilities", "reason")),
        ({"sample_id": ["a|1", "a|3"]}, ("sample_id",)),
    ],
)
def test_when_predictions_are_compared_then_every_bit_counts_and_the_order_does_not(
    changes: dict[str, Any], differing: tuple[str, ...]
) -> None:
    now = THEN.drop(columns="prediction_run_id").assign(**changes)
    rows, found = compare(THEN, now.iloc[::-1])
    assert found == differing
    assert list(rows["sample_id"]) == sorted(now["sample_id"])


def test_when_a_prediction_is_lost_then_the_samples_differ() -> None:
    _, found = compare(THEN, THEN.drop(columns="prediction_run_id").head(1))
    assert found == ("sample_id",)
