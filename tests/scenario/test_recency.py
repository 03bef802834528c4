import numpy as np
import pytest
from tests.scenario.estimators.designs import forecasting_design, regression_design

from distributed_automl.scenario.recency import default_recency, recency_weights


def test_when_a_row_is_a_half_life_older_then_it_counts_half() -> None:
    samples = forecasting_design([np.arange(30.0), np.arange(10.0)]).samples  # both end on the same day
    rows = np.array([29, 19, 9, 39, 30])
    weights = recency_weights(samples, rows, 10)
    assert weights is not None
    assert weights.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(weights / weights[0], [1.0, 0.5, 0.25, 1.0, 0.5**0.9])


def test_when_later_rows_are_not_learned_from_then_the_youngest_that_is_has_age_zero() -> None:
    samples = forecasting_design([np.arange(30.0)]).samples
    weights = recency_weights(samples, np.array([20, 15]), 5)
    np.testing.assert_allclose(weights, [4 / 3, 2 / 3])


def test_when_there_is_no_half_life_or_no_time_then_all_rows_count_alike() -> None:
    assert recency_weights(regression_design().samples, np.arange(9), None) is None
    assert default_recency(regression_design().samples) == {}
