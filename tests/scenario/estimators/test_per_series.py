"""The candidates that continue each series by itself: theta, smoothing and autoregression, with numbers worked out."""

import numpy as np
import pytest
from tests.scenario.estimators.designs import HORIZON, counts, forecasting_design

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.estimators._smoothing import Constants, every_set, initial, smoothed
from distributed_automl.scenario.estimators.autoregression import FittedAutoregression
from distributed_automl.scenario.estimators.exponential_smoothing import FittedExponentialSmoothing
from distributed_automl.scenario.estimators.theta import FittedTheta

FITTED = [
    FittedAutoregression("none", n_lags=20, caution=1.0),
    FittedExponentialSmoothing("none", "damped"),
    FittedTheta("none", drift_share=0.5, trend_periods=1_000),
]


def _continued(
    fitted: FittedAutoregression | FittedExponentialSmoothing | FittedTheta, past: FloatArray, season: int
) -> FloatArray:
    design = forecasting_design([np.r_[past, [np.nan] * HORIZON]], season=season)
    rows = np.arange(len(past), len(past) + HORIZON)
    return fitted.predict(design, np.arange(len(past)), rows)


def test_when_changes_carry_on_then_autoregression_finds_by_how_much() -> None:
    random = np.random.default_rng(0)
    past = np.zeros(1_000)
    for place in range(2, 1_000):
        past[place] = past[place - 1] + 0.8 * (past[place - 1] - past[place - 2]) + random.normal()
    change = past[-1] - past[-2]
    expected = past[-1] + change * np.cumsum(0.8 ** np.arange(1, HORIZON + 1))
    predicted = _continued(FittedAutoregression("none", n_lags=6, caution=1.0), past, 1)
    np.testing.assert_allclose(predicted, expected, atol=1.0)


def test_when_the_level_always_returns_then_autoregression_does_not_stay_where_it_is() -> None:
    random = np.random.default_rng(0)
    past = np.zeros(1_000)
    for place in range(1, 1_000):
        past[place] = 0.6 * past[place - 1] + random.normal()
    past[-1] = 8.0
    predicted = _continued(FittedAutoregression("none", n_lags=12, caution=1.0), past, 1)
    assert predicted[0] == pytest.approx(0.6 * 8.0, abs=0.8)
    assert abs(predicted[-1]) < 3.0


def test_when_two_seasons_overlap_then_autoregression_continues_both() -> None:
    time = np.arange(700 + HORIZON)
    y = 50 + 10 * np.sin(2 * np.pi * time / 24) + 5 * np.sin(2 * np.pi * time / 168)
    y = y + np.random.default_rng(1).normal(0, 0.01, len(y))
    predicted = _continued(FittedAutoregression("none", n_lags=24, caution=1.0), y[:700], 24)
    np.testing.assert_allclose(predicted, y[700:], atol=0.2)


def test_when_a_trend_goes_on_then_autoregression_follows_it_but_not_further_than_its_range() -> None:
    past = np.arange(100.0) + np.random.default_rng(0).normal(0, 0.1, 100)
    predicted = _continued(FittedAutoregression("none", n_lags=8, caution=1.0), past, 1)
    np.testing.assert_allclose(predicted, np.arange(100.0, 100.0 + HORIZON), atol=1.0)
    doubling = _continued(FittedAutoregression("none", n_lags=2, caution=1.0), 2.0 ** np.arange(20), 1)
    assert doubling.max() <= 2 * 2.0**19 - 1


def test_when_there_is_one_set_of_constants_then_smoothing_is_the_recursion_by_hand() -> None:
    # level 10, half of each error: 10 -> 12 -> 11 -> 13.5
    state = initial(np.zeros(1), level=10.0, trend=0.0, n_long=1, n_sets=1)
    forecast = smoothed(np.array([14.0, 10.0, 16.0]), state, every_set(level=(0.5,)), horizon=1, n_steps=2)
    np.testing.assert_allclose(forecast, [13.5, 13.5])


def test_when_there_is_a_trend_and_a_season_then_an_error_moves_all_of_them() -> None:
    # forecast 10 + 2 + 1 = 13, error 4: level 12 + 2 = 14, trend 2 + 1 = 3, phase 1 + 0.4 = 1.4, long phase 0 + 0.2
    half = np.array([0.5])
    constants = Constants(half, half / 2, np.array([1.0]), np.array([0.1]), np.array([0.05]))
    state = initial(np.array([1.0, -1.0]), level=10.0, trend=2.0, n_long=3, n_sets=1)
    forecast = smoothed(np.array([17.0]), state, constants, horizon=1, n_steps=3)
    np.testing.assert_allclose(forecast, [14 + 3 - 1, 14 + 6 + 1.4, 14 + 9 - 1 + 0.2])


def test_when_a_trend_is_damped_then_it_fades_step_by_step() -> None:
    constants = every_set(level=(0.0,), trend=((0.0, 0.5),))
    state = initial(np.zeros(1), level=0.0, trend=8.0, n_long=1, n_sets=1)
    forecast = smoothed(np.empty(0), state, constants, horizon=1, n_steps=3)
    np.testing.assert_allclose(forecast, [4.0, 6.0, 7.0])


def test_when_sets_are_combined_then_season_and_trend_are_shares_of_what_the_level_leaves_and_takes() -> None:
    constants = every_set(level=(0.2, 0.5), trend=((0.1, 0.9),), season=(0.25,))
    np.testing.assert_allclose(constants.trend, [0.02, 0.05])
    np.testing.assert_allclose(constants.season, [0.2, 0.125])
    np.testing.assert_allclose(constants.long_season, 0.0)


def test_when_the_level_jumps_for_good_then_smoothing_prefers_constants_that_follow() -> None:
    past = np.repeat([10.0, 30.0, 20.0, 50.0], 40) + np.random.default_rng(0).normal(0, 0.1, 160)
    np.testing.assert_allclose(_continued(FittedExponentialSmoothing("none", "none"), past, 1), 50.0, atol=1.0)


def test_when_days_have_a_week_then_smoothing_learns_it_too() -> None:
    hours = np.arange(24 * 7 * 6 + HORIZON)
    weekend = np.where(hours // 24 % 7 >= 5, -20.0, 0.0)
    y = 50.0 + 10.0 * np.sin(2 * np.pi * hours / 24) + weekend + np.random.default_rng(0).normal(0, 0.5, len(hours))
    saturday = 24 * 7 * 5 + 24 * 5
    later = y[saturday : saturday + HORIZON]
    fitted = FittedExponentialSmoothing("none", "none")
    errors = [
        np.abs(_continued(fitted, past, 24) - later).mean() for past in (y[:saturday], y[saturday - 600 : saturday])
    ]
    assert errors[0] < 0.8 * errors[1]  # 25 days are too short for a week to be believed


def test_when_sales_grow_steadily_then_theta_drifts_by_half_of_the_slope() -> None:
    # a line has no noise: the fastest constant, 0.9, is among the best, and all lag behind by (1 - a) / a half-slopes
    past = 2.0 * np.arange(60.0)
    predicted = _continued(FittedTheta("none", drift_share=0.5, trend_periods=1_000), past, 1)
    np.testing.assert_allclose(np.diff(predicted), 1.0)
    whole = _continued(FittedTheta("none", drift_share=1.0, trend_periods=1_000), past, 1)
    np.testing.assert_allclose(np.diff(whole), 2.0)


def test_when_the_past_ends_within_a_season_then_theta_keeps_the_phases() -> None:
    rhythm = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 30)
    y = rhythm + np.random.default_rng(0).normal(0, 0.01, len(rhythm))
    for length in range(150, 157):
        predicted = _continued(FittedTheta("none", drift_share=0.0, trend_periods=100), y[:length], 7)
        np.testing.assert_allclose(predicted, rhythm[length : length + HORIZON], atol=0.1)


@pytest.mark.parametrize("fitted", FITTED, ids=lambda fitted: fitted.candidate)
@pytest.mark.parametrize("season", [1, 7, 24])
def test_when_more_steps_are_asked_for_then_the_first_ones_stay(
    fitted: FittedAutoregression | FittedExponentialSmoothing | FittedTheta, season: int
) -> None:
    samples = forecasting_design([counts(200)], season=season).samples
    past = counts(200)
    few, many = (fitted.continued(past, samples, n_steps) for n_steps in (3, 40))
    assert few.tobytes() == many[:3].tobytes()


@pytest.mark.parametrize("fitted", FITTED, ids=lambda fitted: fitted.candidate)
def test_when_a_model_is_old_then_it_continues_the_history_that_it_is_given(
    fitted: FittedAutoregression | FittedExponentialSmoothing | FittedTheta,
) -> None:
    before = counts(150, mean=5.0)
    low = _continued(fitted, before, 7)
    high = _continued(fitted, np.r_[before, counts(151, mean=50.0)], 7)
    assert low.mean() < 10.0 < 30.0 < high.mean()
