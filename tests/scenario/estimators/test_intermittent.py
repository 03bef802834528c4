"""The candidates for demand that is mostly zero: numbers worked out by hand."""

import numpy as np
import pytest
from tests.scenario.estimators.designs import HORIZON, forecasting_design

from distributed_automl.scenario.estimators.croston import VARIANTS, FittedCroston, is_intermittent
from distributed_automl.scenario.estimators.zero_inflated import SPREAD, TwoParts, ZeroInflated

PAST = np.array([0.0, 0.0, 3.0, 0.0, 6.0])
HALF = np.array([0.5])


def test_when_demand_is_smoothed_then_sizes_and_intervals_move_apart() -> None:
    # begins with the mean size 4.5 and the mean interval 2.5; sizes 3.75 and 4.875, intervals 2.75 and 2.375
    expected = np.array([1.8, 1.8, 1.8, 3.75 / 2.75, 3.75 / 2.75, 4.875 / 2.375])
    np.testing.assert_allclose(VARIANTS["classic"](PAST, HALF)[:, 0], expected)
    np.testing.assert_allclose(VARIANTS["sba"](PAST, HALF)[:, 0], 0.75 * expected)


def test_when_the_probability_of_demand_is_smoothed_then_it_fades_without_demand() -> None:
    expected = [4.5 * 0.4, 4.5 * 0.2, 4.5 * 0.1, 3.75 * 0.55, 3.75 * 0.275, 4.875 * 0.6375]
    np.testing.assert_allclose(VARIANTS["tsb"](PAST, HALF)[:, 0], expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_when_demand_comes_every_third_period_then_a_third_of_its_size_is_forecast(variant: str) -> None:
    design = forecasting_design([np.r_[np.tile([0.0, 0.0, 6.0], 50), [np.nan] * HORIZON]], season=1)
    predicted = FittedCroston("none", variant).predict(design, np.arange(150), np.arange(150, 150 + HORIZON))
    np.testing.assert_allclose(predicted, 2.0, rtol=0.05)
    assert np.ptp(predicted) == 0.0


def test_when_the_holdout_alone_is_zero_then_demand_is_not_intermittent() -> None:
    sold = np.r_[np.full(30, 4.0), np.zeros(HORIZON)]
    assert not is_intermittent(forecasting_design([sold]).samples)
    assert is_intermittent(forecasting_design([sold[::-1]]).samples)


def _mixture(share: float, quantile: float | None) -> float:
    parts = TwoParts(share, None, np.log(11.0), None, np.linspace(-0.095, 0.095, len(SPREAD)), quantile)
    return float(parts.predict(np.zeros((1, 1)))[0])


def test_when_a_quantile_is_told_then_zeros_come_first() -> None:
    assert _mixture(0.4, 0.5) == 0.0
    assert _mixture(0.4, 0.6) == 0.0
    # (0.5 - 0.2) / 0.8 = 0.375 of the sizes lie below the median; errors are 0.2 * (probability - 0.5)
    assert _mixture(0.8, 0.5) == pytest.approx(11.0 * np.exp(-0.025) - 1.0)
    assert _mixture(1.0, 0.5) == pytest.approx(10.0)


def test_when_the_mean_is_told_then_it_is_the_share_times_the_mean_size() -> None:
    assert _mixture(0.4, None) == pytest.approx(0.4 * 10.0, rel=0.01)


@pytest.mark.parametrize(("objective", "usual"), [("wape", 0.0), ("rmse", 2.0)])
def test_when_every_fifth_day_sells_then_absolute_errors_want_zero_and_squared_ones_the_mean(
    objective: str, usual: float
) -> None:
    sold = np.where(np.random.default_rng(0).random(300) < 0.2, 10.0, 0.0)
    design = forecasting_design([sold], objective=objective)
    candidate, rows = ZeroInflated(), np.arange(300 - HORIZON)
    fitted = candidate.fit(design, rows, columns=["empty"], hyperparameters=candidate.defaults(design), seed=0)
    np.testing.assert_allclose(fitted.predict(design, rows, np.arange(286, 300)), usual, atol=0.4)


def test_when_only_some_weekdays_sell_then_the_parts_find_them() -> None:
    design = forecasting_design([np.tile([0.0, 0, 0, 0, 0, 8, 9], 40)])
    candidate, rows, later = ZeroInflated(), np.arange(280 - HORIZON), np.arange(280 - HORIZON, 280)
    fitted = candidate.fit(design, rows, columns=["weekday"], hyperparameters=candidate.defaults(design), seed=0)
    sells = design.samples.y[later] > 0.0
    predicted = fitted.predict(design, rows, later)
    assert (predicted[~sells] == 0.0).all()
    assert (predicted[sells] > 7.0).all()
