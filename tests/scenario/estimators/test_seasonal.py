"""The forecasters without features: numbers worked out by hand."""

import numpy as np
import pytest
from tests.scenario.estimators.designs import HORIZON, counts, forecasting_design

from distributed_automl.scenario.estimators.exponential_smoothing import FittedExponentialSmoothing
from distributed_automl.scenario.estimators.seasonal_mean import FittedSeasonalMean
from distributed_automl.scenario.estimators.seasonal_naive import FittedSeasonalNaive

WEEK = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


def test_when_a_season_is_known_then_naive_repeats_the_last_one() -> None:
    design = forecasting_design([np.r_[WEEK, 10 * WEEK, np.full(10, np.nan)]])
    predicted = FittedSeasonalNaive().predict(design, np.arange(14), np.arange(14, 24))
    np.testing.assert_array_equal(predicted, [10, 20, 30, 40, 50, 60, 70, 10, 20, 30])


def test_when_the_last_season_has_a_hole_then_naive_looks_one_season_further_back() -> None:
    y = np.r_[WEEK, 10 * WEEK, np.full(7, np.nan)]
    y[8] = np.nan
    predicted = FittedSeasonalNaive().predict(forecasting_design([y]), np.arange(14), np.arange(14, 21))
    np.testing.assert_array_equal(predicted, [10, 2, 30, 40, 50, 60, 70])


def test_when_history_ends_earlier_then_naive_does_not_look_beyond_it() -> None:
    design = forecasting_design([np.r_[WEEK, 10 * WEEK, 100 * WEEK]])
    predicted = FittedSeasonalNaive().predict(design, np.arange(10), np.arange(14, 21))
    np.testing.assert_array_equal(predicted, [10, 20, 30, 4, 5, 6, 7])


def test_when_a_phase_or_a_series_has_no_history_then_naive_takes_the_nearest_mean() -> None:
    design = forecasting_design([[4.0, 8.0, *[np.nan] * 7], [np.nan] * 3])
    predicted = FittedSeasonalNaive().predict(design, np.arange(2), np.arange(2, 12))
    np.testing.assert_array_equal(predicted, [6, 6, 6, 6, 6, 4, 8, 6, 6, 6])


def test_when_there_is_no_history_at_all_then_naive_says_zero() -> None:
    design = forecasting_design([[np.nan] * 3])
    np.testing.assert_array_equal(FittedSeasonalNaive().predict(design, np.arange(0), np.arange(3)), [0, 0, 0])


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("mean", 5.0), ("median", 3.0), ("log_mean", np.expm1(np.log([2.0, 4.0, 12.0]).mean()))],
)
def test_when_the_level_window_is_the_profiles_then_the_statistic_alone_is_left(
    statistic: str, expected: float
) -> None:
    y = np.repeat([1.0, 3.0, 11.0], 7)
    design = forecasting_design([np.r_[y, np.full(7, np.nan)]])
    predicted = FittedSeasonalMean(3, 21, statistic).predict(design, np.arange(21), np.arange(21, 28))
    np.testing.assert_allclose(predicted, expected, rtol=1e-12)


def test_when_sales_rise_then_the_profile_is_moved_to_the_recent_level() -> None:
    design = forecasting_design([np.r_[WEEK, WEEK + 10, WEEK + 20, np.full(7, np.nan)]])
    predicted = FittedSeasonalMean(3, 7, "mean").predict(design, np.arange(21), np.arange(21, 28))
    np.testing.assert_allclose(predicted, WEEK + 20, rtol=1e-12)


def test_when_two_series_share_a_scenario_then_each_keeps_its_own_level() -> None:
    first, second = np.r_[np.tile(WEEK, 3), [np.nan] * 7], np.r_[np.tile(WEEK, 3) + 100, [np.nan] * 7]
    rows = np.r_[21:28, 49:56]
    history = np.r_[0:21, 28:49]
    predicted = FittedSeasonalMean(3, 14, "mean").predict(forecasting_design([first, second]), history, rows)
    np.testing.assert_allclose(predicted, np.r_[WEEK, WEEK + 100], rtol=1e-12)


def test_when_sales_repeat_every_week_then_smoothing_continues_them_exactly() -> None:
    design = forecasting_design([np.r_[np.tile([0.0, 0, 0, 0, 0, 1, 1], 20), [np.nan] * HORIZON]])
    predicted = FittedExponentialSmoothing("none", "none").predict(design, np.arange(140), np.arange(140, 154))
    np.testing.assert_allclose(predicted, np.tile([0.0, 0, 0, 0, 0, 1, 1], 2), atol=1e-12)


def test_when_sales_nearly_repeat_every_week_then_smoothing_nearly_continues_them() -> None:
    past = np.tile(WEEK, 20)
    past[50] += 0.001
    design = forecasting_design([np.r_[past, [np.nan] * HORIZON]])
    for transform in ("log1p", "none"):
        predicted = FittedExponentialSmoothing(transform, "none").predict(design, np.arange(140), np.arange(140, 154))
        np.testing.assert_allclose(predicted, np.tile(WEEK, 2), rtol=1e-2)


def test_when_a_long_season_repeats_then_smoothing_takes_its_profile_out_and_continues_it() -> None:
    year = 20.0 + 10.0 * np.sin(2 * np.pi * np.arange(52) / 52)
    design = forecasting_design([np.r_[np.tile(year, 4), [np.nan] * HORIZON]], season=52)
    predicted = FittedExponentialSmoothing("none", "none").predict(design, np.arange(208), np.arange(208, 222))
    np.testing.assert_allclose(predicted, year[:HORIZON], rtol=1e-3)


def test_when_rows_begin_later_than_the_origin_then_smoothing_still_counts_steps_from_what_is_known() -> None:
    design = forecasting_design([np.r_[counts(140), [np.nan] * HORIZON]])
    fitted = FittedExponentialSmoothing("log1p", "damped")
    together = fitted.predict(design, np.arange(140), np.arange(140, 154))
    later = fitted.predict(design, np.arange(140), np.arange(145, 154))
    assert later.tobytes() == together[5:].tobytes()


def test_when_a_series_is_too_short_to_smooth_then_it_gets_its_seasonal_mean() -> None:
    design = forecasting_design([np.r_[counts(11), [np.nan] * 7]])
    smoothed = FittedExponentialSmoothing("log1p", "none").predict(design, np.arange(11), np.arange(11, 18))
    substitute = FittedSeasonalMean(8, 42, "log_mean").predict(design, np.arange(11), np.arange(11, 18))
    np.testing.assert_array_equal(smoothed, substitute)
