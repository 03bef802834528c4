import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scenario.estimators.designs import HORIZON, counts, forecasting_design, regression_design

from distributed_automl.scenario.history import known_target
from distributed_automl.scenario.target_transforms import (
    REFERENCES,
    TARGET_TRANSFORMS,
    FittedTransform,
    applicable_transforms,
    learn_transform,
    recent_level,
    season_before,
)


@pytest.mark.parametrize("name", TARGET_TRANSFORMS)
@given(
    y=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20),
    level=st.floats(1e-3, 1e6),
)
def test_when_forward_then_inverse_gives_the_target_back(name: str, y: list[float], level: float) -> None:
    transform, levels = TARGET_TRANSFORMS[name], np.full(len(y), level)
    back = transform.inverse(transform.forward(np.array(y), levels), levels)
    np.testing.assert_allclose(back, y, rtol=1e-9, atol=1e-9 * level)


def test_when_the_level_is_asked_for_then_it_averages_the_window_that_ends_a_horizon_before() -> None:
    y = np.arange(60.0)
    samples = forecasting_design([y]).samples  # horizon 14, season 7: a window of 28
    level = recent_level(samples, y, np.array([13, 14, 15, 45, 59]), HORIZON)
    np.testing.assert_allclose(level, [np.nan, 0.0, 0.5, np.arange(4, 32).mean(), np.arange(18, 46).mean()])


def test_when_the_season_is_long_then_the_window_is_four_seasons() -> None:
    y = np.arange(100.0)
    samples = forecasting_design([y], season=12).samples
    np.testing.assert_allclose(recent_level(samples, y, np.array([99]), HORIZON), np.arange(38, 86).mean())


def test_when_periods_are_unknown_then_they_do_not_count() -> None:
    y = np.where(np.arange(60) % 2 == 0, np.nan, 4.0)
    samples = forecasting_design([y]).samples
    np.testing.assert_array_equal(recent_level(samples, y, np.array([14, 15, 59]), HORIZON), [np.nan, 4.0, 4.0])


def test_when_sales_are_negative_then_the_level_is_their_magnitude() -> None:
    y = np.full(60, -3.0)
    np.testing.assert_array_equal(recent_level(forecasting_design([y]).samples, y, np.array([50]), HORIZON), [3.0])


def test_when_a_neighbour_changes_then_a_series_level_keeps_every_bit() -> None:
    own, rows = counts(60, seed=1) * 0.1, np.arange(60, 120)
    levels = [
        recent_level(design.samples, design.samples.y, rows, HORIZON).tobytes()
        for design in (forecasting_design([counts(60) * scale, own]) for scale in (1.0, 1e12))
    ]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("name", REFERENCES)
def test_when_the_future_changes_then_no_reference_moves(name: str) -> None:
    y = counts(90)
    rows = np.arange(76, 90)
    changed = np.r_[y[:76], np.full(14, 1e6)]
    design, other = forecasting_design([y]), forecasting_design([changed])
    reference, history = REFERENCES[name], known_target(design.samples, np.arange(76))
    expected = reference(design.samples, y, rows, HORIZON)
    assert np.isfinite(expected).all()
    assert reference(other.samples, changed, rows, HORIZON).tobytes() == expected.tobytes()
    assert reference(design.samples, history, rows, HORIZON).tobytes() == expected.tobytes()


def test_when_the_gap_is_shorter_then_the_window_ends_later() -> None:
    y = np.arange(60.0)
    samples = forecasting_design([y]).samples
    np.testing.assert_allclose(recent_level(samples, y, np.array([59]), 3), np.arange(29, 57).mean())


def test_when_seasons_are_looked_back_then_they_are_the_youngest_of_the_phase_a_gap_before() -> None:
    samples = forecasting_design([np.arange(60.0), 100.0 + np.arange(60.0)]).samples  # season 7
    y, rows = samples.y, np.array([50, 110, 12, 60])
    youngest = np.mean([36.0, 29.0, 22.0, 15.0])
    np.testing.assert_array_equal(season_before(samples, y, rows, 14), [youngest, 100 + youngest, np.nan, np.nan])
    np.testing.assert_array_equal(season_before(samples, y, rows, 8), [youngest, 100 + youngest, np.nan, np.nan])
    np.testing.assert_array_equal(season_before(samples, y, rows, 7), [youngest + 7, 107 + youngest, 5.0, np.nan])
    np.testing.assert_array_equal(season_before(samples, y, rows, 1), [youngest + 7, 107 + youngest, 5.0, np.nan])


def test_when_differences_are_learned_then_a_phase_without_history_is_relative_to_the_mean() -> None:
    y = np.r_[np.full(30, 4.0), np.full(30, 10.0)]
    samples = forecasting_design([y]).samples
    fitted = learn_transform("difference", samples, np.arange(60), gap=7)
    rows = np.array([3, 20, 33, 57])
    reference = fitted.reference(samples, y, rows)
    np.testing.assert_array_equal(fitted.forward(y[rows], reference), [-3.0, 0.0, 6.0, 1.5])
    np.testing.assert_array_equal(fitted.inverse(np.ones(4), reference), [8.0, 5.0, 5.0, 9.5])


def test_when_sales_have_been_zero_then_the_level_has_a_floor() -> None:
    y = np.r_[np.full(30, 8.0), np.zeros(60)]
    samples = forecasting_design([y]).samples
    rows = np.arange(90)
    fitted = learn_transform("level", samples, rows)
    mean = 240.0 / 90.0
    level = fitted.reference(samples, y, np.array([5, 40, 89]))
    np.testing.assert_allclose(level, [mean, 8.0, 0.1 * mean])  # no history yet: the mean; only zeros: the floor
    assert np.isfinite(fitted.forward(y, fitted.reference(samples, y, rows))).all()


def test_when_nothing_was_ever_sold_then_the_level_is_one_at_first() -> None:
    samples = forecasting_design([np.zeros(60)]).samples
    fitted = learn_transform("level", samples, np.arange(60))
    assert fitted == FittedTransform("level", HORIZON, 1.0, 0.1)


def test_when_the_task_is_tabular_then_a_level_is_refused() -> None:
    samples = regression_design().samples
    assert applicable_transforms(samples) == ["none", "log1p"]
    with pytest.raises(ValueError, match=r"no target transform 'level' for task 'regression'.*'none', 'log1p'"):
        learn_transform("level", samples, np.arange(10))


def test_when_parts_are_taken_then_the_transform_comes_back() -> None:
    samples = forecasting_design([counts(60)]).samples
    fitted = learn_transform("log_level", samples, np.arange(60 - HORIZON))
    assert FittedTransform.from_parts(fitted.to_parts()) == fitted
