"""Prediction intervals: worked out by hand, and properties that must always hold."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from distributed_automl.scenario.intervals import (
    FADING,
    MIN_GROUP_RESIDUALS,
    MIN_SCENARIOS,
    POOL_WORTH,
    Calibration,
    Residuals,
    ScaleLaw,
    Shape,
    best_of_each,
    calibrate,
    learn_shape,
    n_independent,
)

LEVELS = (0.8, 0.95)
FINITE = st.floats(-1e6, 1e6, allow_nan=False)


Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.intp]]


def _steps(n: int) -> Integers:
    return np.ones(n, dtype=np.intp)


def _residuals(values: Floats, predicted: Floats, steps: Integers, windows: Integers | None = None) -> Residuals:
    """Residuals of one scenario; each of a window of its own if no windows are given."""
    own = np.arange(len(values)) if windows is None else windows
    none = np.zeros(len(values), dtype=np.intp)
    return Residuals(values, predicted, steps, own, none, none, np.zeros(len(values)))


def _calibrated(values: Floats, predicted: Floats, steps: Integers, levels: tuple[float, ...]) -> Calibration:
    return calibrate(_residuals(values, predicted, steps), levels)


def test_when_residuals_are_one_to_nine_then_the_bounds_are_the_quantiles_worked_out() -> None:
    # rank of the 0.8 interval's tails: ceil((9 + 1) * 0.9) = 9th of 9; of the 0.5 interval's: ceil(7.5) = 8th.
    # Nine independent residuals weigh 9 / 19, Student's 0.740697 and 1.533206 times their mean size of 20 / 9 the rest
    residuals = np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    calibration = _calibrated(residuals, np.full(9, 10.0), _steps(9), (0.5, 0.8))
    found = calibration.bounds(np.array([10.0]), _steps(1))
    half, most = (9 * 3.0 + 10 * 0.740697 * 20 / 9) / 19, (9 * 4.0 + 10 * 1.533206 * 20 / 9) / 19
    expected = {"lower_50": 10 - half, "upper_50": 10 + half, "lower_80": 10 - most, "upper_80": 10 + most}
    assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(expected, rel=1e-6)


def test_when_a_pool_gives_the_shape_then_it_counts_in_units_of_the_scenarios_own_error() -> None:
    # ten residuals of size 4, each of a window of its own: a weight of 10 / (10 + 40); the shape's offsets are 1 and 3
    residuals = _residuals(np.tile([-4.0, 4.0], 5), np.full(10, 25.0), _steps(10))
    found = calibrate(residuals, (0.8,), shape=Shape(ScaleLaw(), (1.0,), (1.0,), (3.0,))).bounds(
        np.array([25.0]), _steps(1)
    )
    assert POOL_WORTH == 40.0
    assert found["lower_80"][0] == pytest.approx(25.0 - (0.2 * 4.0 + 0.8 * 4.0 * 1.0))
    assert found["upper_80"][0] == pytest.approx(25.0 + (0.2 * 4.0 + 0.8 * 4.0 * 3.0))


def test_when_a_pool_knows_how_errors_grow_then_later_steps_get_wider_intervals() -> None:
    steps = np.tile(np.array([1, 2], dtype=np.intp), 20)
    residuals = _residuals(np.where(steps == 1, 2.0, 6.0), np.full(40, 25.0), steps)
    found = calibrate(residuals, (0.8,), shape=Shape(ScaleLaw(), (0.5, 1.5), (1.0,), (1.0,))).bounds(
        np.full(3, 25.0), np.array([1, 2, 9], dtype=np.intp)
    )
    # 2 / 0.5 = 6 / 1.5 = 4: every residual is of one size once the growth is taken out, the shape's offset too
    assert found["upper_80"] - 25.0 == pytest.approx([2.0, 6.0, 6.0])


def test_when_errors_are_alike_within_windows_then_they_count_once_a_window() -> None:
    windows = np.repeat(np.arange(4), 12)
    alike = np.repeat([1.0, -1.0, 2.0, -2.0], 12)
    assert n_independent(alike, windows) == pytest.approx(4.0)
    assert n_independent(alike, np.arange(48)) == pytest.approx(48.0)
    # in a window of 1, 1, -1 the square of the mean is a ninth of the mean square: nine a window, but no more than all
    assert n_independent(np.tile([1.0, 1.0, -1.0], 4), np.repeat(np.arange(4), 3)) == pytest.approx(12.0)


def test_when_errors_are_alike_within_windows_then_outer_intervals_are_wider() -> None:
    values, predicted, windows = np.repeat([1.0, -1.0, 1.5, -1.5], 24), np.full(96, 9.0), np.repeat(np.arange(4), 24)
    alike = calibrate(_residuals(values, predicted, _steps(96), windows), (0.95,))
    independent = calibrate(_residuals(values, predicted, _steps(96)), (0.95,))
    assert alike.upper[0] > 1.2 * independent.upper[0]


def _pool(n_scenarios: int) -> Residuals:
    """Scenarios of any size, each of two windows; the second window errs twice as much as the first one."""
    sizes = 10.0 ** np.arange(n_scenarios)
    values = np.concatenate([size * np.array([1.0, -1.0, 2.0, -2.0]) for size in sizes])
    predicted = np.zeros(len(values))
    windows = np.tile(np.array([0, 0, 1, 1], dtype=np.intp), n_scenarios)
    ages = np.zeros_like(windows)
    scenarios, single = np.repeat(np.arange(n_scenarios), 4), np.zeros(len(values))
    return Residuals(values, predicted, _steps(len(values)), windows, scenarios, ages, single)


def test_when_residuals_are_old_then_they_count_less() -> None:
    # sizes 1 of the latest window and 3 of the one before it, whose weight is 0.7: (10 + 0.7 * 30) / 17 on average.
    # Of 17 and the new one's own weight a share of 0.75 is 13.5: beyond the ten ones
    residuals = replace(
        _residuals(np.tile([1.0, 3.0], 10), np.full(20, 25.0), _steps(20)), ages=np.tile(np.array([0, 1]), 10)
    )
    assert FADING == 0.7
    found = calibrate(residuals, (0.05, 0.5), shape=Shape(ScaleLaw(), (1.0,), (1.0, 1.0), (1.0, 1.0)))
    unit, share, scale = (10 + 0.7 * 30) / 17, 20 / 60, 25.0**0.5
    expected = [share * quantile + (1 - share) * unit for quantile in (1.0, 3.0)]
    assert [upper * scale for upper in found.upper] == pytest.approx(expected)


def test_when_nothing_fades_then_the_quantile_is_the_one_by_rank() -> None:
    # ceil((n + 1) * q)-th of 1, 2, ..., n; the values that rounding could move are among them
    for n in range(1, 60):
        values, level = np.arange(1.0, n + 1), 0.8
        point = Shape(ScaleLaw(), (1.0,), (0.0,), (0.0,))
        upper = calibrate(_residuals(values, np.zeros(n), _steps(n)), (level,), shape=point)
        rank = min(math.ceil(round((n + 1) * 0.9, 9)), n)
        assert upper.upper[0] * (1 + POOL_WORTH / n_independent(values, np.arange(n))) == pytest.approx(rank)


def test_when_an_old_window_erred_more_then_a_pools_scenarios_are_measured_by_the_newer_ones() -> None:
    # sizes 4, 1, 1 of ages 2, 1, 0 with weights 0.49, 0.7, 1: the others' mean sizes are 1, 2.96 / 1.49, 2.66 / 1.19
    values = np.tile(np.array([4.0, -4.0, 1.0, -1.0, 1.0, -1.0]), MIN_SCENARIOS)
    windows = np.tile(np.repeat(np.arange(3), 2), MIN_SCENARIOS)
    scenarios, steps = np.repeat(np.arange(MIN_SCENARIOS), 6), _steps(len(values))
    nothing = np.zeros(len(values))
    residuals = Residuals(values, nothing, steps, windows, scenarios, 2 - windows, nothing)
    shape = learn_shape(residuals, (0.01, 0.7, 0.99))
    # of the 8 scenarios' weights, 2.19 * 16 in all, the upper half begins at 17.52; the ratios there are the latest
    # window's up to 25.52, the middle one's up to 31.12 and 4 beyond; a share of 0.85 is 36.04 * 0.85 = 30.63
    assert shape is not None
    assert shape.upper == pytest.approx((1.19 / 2.66, 1.49 / 2.96, 4.0))


def test_when_a_pool_is_calibrated_then_residuals_are_measured_by_the_other_windows_of_their_scenario() -> None:
    # half of the ratios are +-1 / 2 and half +-2 / 1, whatever the size of the scenario
    shape = learn_shape(_pool(MIN_SCENARIOS), (0.2, 0.8))
    offsets = (pytest.approx(0.5), pytest.approx(2.0))
    assert shape == Shape(ScaleLaw(), (1.0,), offsets, offsets)


def test_when_a_pool_has_few_scenarios_then_it_teaches_no_shape() -> None:
    assert learn_shape(_pool(MIN_SCENARIOS - 1), (0.8,)) is None
    assert calibrate(_pool(MIN_SCENARIOS - 1), (0.8,)).shape is None
    assert calibrate(_pool(MIN_SCENARIOS), (0.8,)).shape is not None


def test_when_forecasts_compete_then_each_scenario_keeps_the_residuals_of_its_best() -> None:
    steps, scenarios = _steps(4), np.array([7, 7, 3, 3])
    ours = Residuals(
        np.array([1.0, -1.0, 9.0, -9.0]), np.full(4, 10.0), steps, np.arange(4), scenarios, steps, np.ones(4)
    )
    other = Residuals(
        np.array([-5.0, 0.0, 2.0, 4.0]), np.full(4, 20.0), steps, np.arange(4), scenarios, steps, np.zeros(4)
    )
    found = best_of_each([ours, other])
    assert found.values.tolist() == [1.0, -1.0, 2.0, 4.0]
    assert found.predicted.tolist() == [10.0, 10.0, 20.0, 20.0]
    assert found.spread.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert found.scenarios.tolist() == scenarios.tolist()
    assert best_of_each([ours]).values.tolist() == ours.values.tolist()


def test_when_other_forecasts_suit_a_pools_scenarios_better_then_its_shape_is_theirs_and_its_bounds_are_not() -> None:
    pool = _pool(MIN_SCENARIOS)
    suited = replace(pool, values=pool.values * np.tile([0.5, 0.5, 0.1, 0.1], MIN_SCENARIOS))
    found, plain = calibrate(pool, (0.2, 0.8), suited=suited), calibrate(pool, (0.2, 0.8))
    assert found.shape == learn_shape(suited, (0.2, 0.8)) != plain.shape
    assert (found.lower, found.upper) == (plain.lower, plain.upper)


def test_when_errors_are_skewed_then_each_side_has_its_own_width() -> None:
    residuals = np.array([-1.0] * 50 + [9.0] * 50)
    found = _calibrated(residuals, np.full(100, 20.0), _steps(100), (0.8,)).bounds(np.array([20.0]), _steps(1))
    student = 1.533206 * 5.0  # of the mean absolute residual; it weighs 10 / 110
    assert found["lower_80"][0] == pytest.approx(20.0 - (10 * 1.0 + student) / 11, rel=1e-6)
    assert found["upper_80"][0] == pytest.approx(20.0 + (10 * 9.0 + student) / 11, rel=1e-6)


def test_when_all_residuals_lie_on_one_side_then_the_prediction_is_still_inside() -> None:
    found = _calibrated(np.full(30, 5.0), np.full(30, 10.0), _steps(30), (0.8,)).bounds(np.array([10.0]), _steps(1))
    student = 1.533206 * 5.0
    assert found["lower_80"][0] == pytest.approx(10.0 - student / 4, rel=1e-6)
    assert found["upper_80"][0] == pytest.approx(10.0 + (3 * 5.0 + student) / 4, rel=1e-6)


def test_when_there_is_a_single_residual_then_the_bounds_are_finite() -> None:
    found = _calibrated(np.array([1.0]), np.array([4.0]), _steps(1), (0.95,)).bounds(np.array([4.0]), _steps(1))
    student = 2.776445
    assert found["lower_95"][0] == pytest.approx(4.0 - 10 * student / 11, rel=1e-6)
    assert found["upper_95"][0] == pytest.approx(4.0 + (1.0 + 10 * student) / 11, rel=1e-6)


def test_when_predictions_are_amounts_then_intervals_grow_with_their_root() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat([16.0, 100.0], 2_000)
    actual = rng.poisson(level).astype(float)
    calibration = _calibrated(actual - level, level, _steps(4_000), (0.8,))
    found = calibration.bounds(np.array([16.0, 100.0]), _steps(2))
    width = found["upper_80"] - found["lower_80"]
    assert calibration.scale.law == ScaleLaw()
    assert width[1] / width[0] == pytest.approx(2.5)  # sqrt(100 / 16)


def _pool_of_errors(power: float, *, lowest: float = 4.0) -> Residuals:
    """Scenarios of two windows of 20, whose errors are noise times a power of the prediction."""
    n = 40 * MIN_SCENARIOS
    rng = np.random.default_rng(0)
    predicted = rng.uniform(lowest, 100.0, n)
    values = rng.laplace(size=n) * np.abs(predicted) ** power
    windows, scenarios = np.tile(np.repeat(np.arange(2), 20), MIN_SCENARIOS), np.repeat(np.arange(MIN_SCENARIOS), 40)
    return Residuals(values, predicted, _steps(n), windows, scenarios, 1 - windows, np.zeros(n))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_when_a_pools_errors_grow_with_a_power_of_the_prediction_then_its_scenarios_intervals_do(power: float) -> None:
    calibration = calibrate(_pool_of_errors(power), LEVELS)
    assert calibration.shape is not None
    assert calibration.scale.law == calibration.shape.law == ScaleLaw(power)
    own = _residuals(np.array([-1.0, 1.0]), np.array([9.0, 9.0]), _steps(2))
    found = calibrate(own, LEVELS, shape=calibration.shape).bounds(np.array([4.0, 64.0]), _steps(2))
    small, large = found["upper_80"] - np.array([4.0, 64.0])
    assert large / small == pytest.approx(16.0**power)


def test_when_a_scenarios_predictions_can_be_negative_then_it_takes_no_power_from_its_pool() -> None:
    shape = learn_shape(_pool_of_errors(1.0), LEVELS)
    calibration = calibrate(_residuals(np.array([-1.0, 1.0]), np.array([-9.0, 9.0]), _steps(2)), LEVELS, shape=shape)
    assert calibration.scale.law == ScaleLaw(power=0.0)


@pytest.mark.parametrize("seed", range(5))
def test_when_each_scenarios_predictions_hardly_differ_then_the_usual_power_stays(seed: int) -> None:
    pool = _pool_of_errors(0.5)
    rng = np.random.default_rng(seed)
    levels = rng.uniform(1.0, 100.0, MIN_SCENARIOS)[pool.scenarios]
    shape = learn_shape(replace(pool, predicted=levels, values=rng.laplace(size=len(levels))), LEVELS)
    assert shape is not None
    assert shape.law == ScaleLaw()


def test_when_a_scenario_predicts_nothing_in_a_window_then_it_does_not_say_how_errors_grow() -> None:
    pool = _pool_of_errors(0.5, lowest=20.0)
    closed = (pool.scenarios == 0) & (pool.windows == 1)
    shape = learn_shape(
        replace(pool, values=np.where(closed, 0.0, pool.values), predicted=np.where(closed, 0.0, pool.predicted)),
        LEVELS,
    )
    assert shape is not None
    assert shape.law == ScaleLaw()


def test_when_scenarios_never_err_then_they_do_not_narrow_the_intervals_of_the_others() -> None:
    pool = _pool_of_errors(0.5)
    n = len(pool.values)
    perfect = replace(pool, values=np.full(n, 1e-323), scenarios=pool.scenarios + MIN_SCENARIOS)
    both = Residuals(*(np.concatenate([getattr(one, name) for one in (pool, perfect)]) for name in vars(pool)))
    assert learn_shape(both, LEVELS) == learn_shape(pool, LEVELS)
    assert learn_shape(perfect, LEVELS) is None


def test_when_a_stored_shape_knows_of_no_power_then_it_is_the_usual_one() -> None:
    shape = learn_shape(_pool_of_errors(1.0), LEVELS)
    assert shape is not None
    parts = {name: value for name, value in shape.to_parts().items() if name not in ("power", "spread_power")}
    assert Shape.from_parts(parts) == replace(shape, law=ScaleLaw())


def test_when_a_stored_calibration_knows_of_no_disagreement_then_its_bounds_do_not_follow_it() -> None:
    calibration = calibrate(_pool_of_errors(0.5), LEVELS)
    parts = {
        name: value for name, value in calibration.to_parts().items() if name not in ("spread_power", "usual_spread")
    }
    assert Calibration.from_parts(parts) == replace(calibration, scale=replace(calibration.scale, usual_spread=0.0))


def _pool_that_differs(spread_power: float) -> Residuals:
    """The same, of members that lie apart by half as much or by half more, with errors that grow by a power of that."""
    pool = _pool_of_errors(0.5)
    apart = np.random.default_rng(1).choice([0.5, 1.5], len(pool.values))
    return replace(pool, values=pool.values * apart**spread_power, spread=apart * np.sqrt(pool.predicted))


@pytest.mark.parametrize("spread_power", [0.0, 0.25, 0.5])
def test_when_errors_grow_with_the_members_disagreement_then_intervals_do(spread_power: float) -> None:
    shape = learn_shape(_pool_that_differs(spread_power), LEVELS)
    assert shape is not None
    assert shape.law == ScaleLaw(spread_power=spread_power)
    own = replace(_residuals(np.array([-1.0, 1.0]), np.full(2, 9.0), _steps(2)), spread=np.array([1.0, 3.0]))
    calibration = calibrate(own, LEVELS, shape=shape)
    spread = np.array([0.0, 1.0, 2.0, 4.0, 99.0])  # the usual one is 2: half of it and twice as much are the limits
    width = calibration.bounds(np.full(5, 9.0), _steps(5), spread=spread)["upper_80"] - 9.0
    assert width / width[2] == pytest.approx(np.array([0.5, 0.5, 1.0, 2.0, 2.0]) ** spread_power)


def test_when_a_single_model_predicts_then_nothing_is_known_of_disagreement() -> None:
    shape = learn_shape(_pool_that_differs(0.5), LEVELS)
    own = _residuals(np.array([-1.0, 1.0]), np.full(2, 9.0), _steps(2))
    alone, beside = (calibrate(own, LEVELS, shape=one) for one in (shape, learn_shape(_pool_of_errors(0.5), LEVELS)))
    found = alone.bounds(np.full(2, 9.0), _steps(2), spread=np.array([0.0, 50.0]))["upper_80"]
    assert found[0] == found[1] > 9.0
    assert beside.scale.law == ScaleLaw()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_when_members_disagree_at_random_then_errors_do_not_grow_with_it(power: float) -> None:
    pool = _pool_of_errors(power)
    for seed in range(10):
        apart = np.exp(np.random.default_rng(seed).normal(size=len(pool.values)))
        shape = learn_shape(replace(pool, spread=apart), LEVELS)
        assert shape is not None
        assert shape.law == ScaleLaw(power)


def test_when_the_spread_is_not_known_then_it_is_taken_as_usual() -> None:
    shape = learn_shape(_pool_that_differs(0.5), LEVELS)
    own = replace(_residuals(np.array([-1.0, 1.0]), np.full(2, 9.0), _steps(2)), spread=np.array([1.0, 3.0]))
    calibration = calibrate(own, LEVELS, shape=shape)
    unknown = calibration.bounds(np.full(1, 9.0), _steps(1))
    assert unknown == calibration.bounds(np.full(1, 9.0), _steps(1), spread=np.array([2.0]))


def test_when_predictions_can_be_negative_then_intervals_are_equally_wide() -> None:
    residuals = np.random.default_rng(0).normal(size=200)
    found = _calibrated(residuals, np.linspace(-10.0, 10.0, 200), _steps(200), (0.8,)).bounds(
        np.array([-9.0, 0.0, 9.0]), _steps(3)
    )
    width = found["upper_80"] - found["lower_80"]
    assert width == pytest.approx(np.full(3, width[0]))


def test_when_a_prediction_is_close_to_zero_then_its_interval_does_not_vanish() -> None:
    # the scale stops falling at a tenth of the usual prediction: sqrt(1) instead of sqrt(0)
    calibration = _calibrated(np.full(99, math.sqrt(10.0)), np.full(99, 10.0), _steps(99), (0.8,))
    upper = calibration.bounds(np.array([0.0, 10.0, 40.0]), _steps(3))["upper_80"]
    offsets = upper - [0.0, 10.0, 40.0]
    assert offsets / offsets[1] == pytest.approx([math.sqrt(0.1), 1.0, 2.0])


def test_when_the_unit_of_the_target_changes_then_the_intervals_change_with_it() -> None:
    rng = np.random.default_rng(1)
    predictions = rng.gamma(2.0, 5.0, size=300)
    residuals = rng.normal(size=300) * np.sqrt(predictions)
    in_units = _calibrated(residuals, predictions, _steps(300), LEVELS).bounds(predictions, _steps(300))
    in_kilos = _calibrated(residuals / 1e3, predictions / 1e3, _steps(300), LEVELS).bounds(
        predictions / 1e3, _steps(300)
    )
    for name, bounds in in_units.items():
        np.testing.assert_allclose(bounds, in_kilos[name] * 1e3)


@pytest.mark.parametrize("level", LEVELS)
def test_when_new_rows_come_from_the_same_source_then_the_level_is_covered(level: float) -> None:
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(200):
        mean = rng.gamma(2.0, 10.0, size=184)
        actual = rng.poisson(mean).astype(float)
        calibration = _calibrated((actual - mean)[:84], mean[:84], _steps(84), (level,))
        lower, upper = calibration.bounds(mean[84:], _steps(100), target_min=0.0).values()
        covered.append(np.mean((lower <= actual[84:]) & (actual[84:] <= upper)))
    assert level - 0.01 <= float(np.mean(covered)) <= level + 0.06


def test_when_later_steps_err_more_then_they_get_wider_intervals() -> None:
    rng = np.random.default_rng(0)
    steps = np.tile(np.arange(1, 29), 40)
    residuals = rng.normal(size=len(steps)) * steps
    calibration = _calibrated(residuals, np.full(len(steps), 50.0), steps, (0.8,))
    upper = calibration.bounds(np.full(4, 50.0), np.array([1, 8, 15, 28], dtype=np.intp))["upper_80"]
    assert len(set(calibration.growth)) == 4
    assert (np.diff(upper) > 0).all()


def test_when_a_step_is_beyond_those_seen_then_the_last_group_serves_it() -> None:
    steps = np.tile(np.arange(1, 29), 40)
    calibration = _calibrated(np.sin(np.arange(len(steps))), np.full(len(steps), 50.0), steps, (0.8,))
    found = calibration.bounds(np.full(2, 50.0), np.array([28, 400], dtype=np.intp))["upper_80"]
    assert found[0] == found[1]


def test_when_residuals_are_few_then_one_group_serves_all_steps() -> None:
    steps = np.tile(np.arange(1, 29), 3)
    assert len(steps) < MIN_GROUP_RESIDUALS
    assert _calibrated(np.sin(steps), np.full(84, 5.0), steps, LEVELS).growth == (1.0,)


def test_when_residuals_are_missing_then_they_are_left_out() -> None:
    residuals, predictions = np.array([1.0, math.nan, -1.0, math.inf]), np.full(4, 5.0)
    expected = _calibrated(np.array([1.0, -1.0]), np.full(2, 5.0), _steps(2), LEVELS)
    assert _calibrated(residuals, predictions, _steps(4), LEVELS) == expected


def test_when_there_is_no_residual_then_the_error_says_so() -> None:
    with pytest.raises(ValueError, match="at least one finite residual"):
        _calibrated(np.array([math.nan]), np.array([1.0]), _steps(1), LEVELS)


def test_when_nothing_was_wrong_then_the_intervals_are_points() -> None:
    found = _calibrated(np.zeros(20), np.zeros(20), _steps(20), LEVELS).bounds(np.array([0.0, 3.0]), _steps(2))
    assert all((values == [0.0, 3.0]).all() for values in found.values())


def test_when_no_level_is_asked_for_then_there_are_no_bounds() -> None:
    assert _calibrated(np.ones(300), np.ones(300), _steps(300), ()).bounds(np.ones(3), _steps(3)) == {}


@st.composite
def _case(draw: st.DrawFn) -> tuple[Calibration, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    n = draw(st.integers(1, 400))
    residuals = draw(hnp.arrays(np.float64, n, elements=FINITE, fill=FINITE))
    predictions = draw(hnp.arrays(np.float64, n, elements=FINITE, fill=FINITE))
    steps = draw(hnp.arrays(np.intp, n, elements=st.integers(1, 28)))
    levels = draw(st.lists(st.sampled_from([0.1, 0.5, 0.8, 0.9, 0.95, 0.99]), min_size=1, max_size=4))
    predicted = draw(hnp.arrays(np.float64, draw(st.integers(1, 20)), elements=FINITE))
    return _calibrated(residuals, predictions, steps, levels), predicted


@settings(deadline=None, max_examples=60)
@given(_case(), st.integers(1, 60), st.sampled_from([None, 0.0, -5.0]))
def test_when_intervals_are_asked_for_then_they_hold_the_prediction_and_are_nested(
    case: tuple[Calibration, np.ndarray[tuple[int], np.dtype[np.float64]]], step: int, target_min: float | None
) -> None:
    calibration, predicted = case
    bounds = list(calibration.bounds(predicted, np.full(len(predicted), step, dtype=np.intp), target_min).values())
    inner = predicted, predicted
    for lower, upper in zip(bounds[::2], bounds[1::2], strict=True):
        assert np.isfinite(lower).all()
        assert np.isfinite(upper).all()
        assert (lower <= inner[0]).all()
        assert (upper >= inner[1]).all()
        inner = lower, upper
        if target_min is not None:
            assert (lower >= np.minimum(target_min, predicted)).all()


@settings(deadline=None, max_examples=60)
@given(_case())
def test_when_a_calibration_goes_through_json_then_its_bounds_are_the_same(
    case: tuple[Calibration, np.ndarray[tuple[int], np.dtype[np.float64]]],
) -> None:
    calibration, _ = case
    assert Calibration.from_parts(json.loads(json.dumps(calibration.to_parts()))) == calibration


def test_when_a_pools_calibration_goes_through_json_then_its_shape_is_the_same() -> None:
    calibration = calibrate(_pool(MIN_SCENARIOS), LEVELS)
    assert calibration.shape is not None
    assert Calibration.from_parts(json.loads(json.dumps(calibration.to_parts()))) == calibration
