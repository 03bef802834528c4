"""How far members lie apart, worked out by hand."""

import numpy as np
import pytest

from distributed_automl.scenario.disagreement import MOST, doubt_of, spread_of
from distributed_automl.scenario.members import mixture_of


def test_when_members_differ_then_the_spread_is_their_mean_distance_from_the_mean() -> None:
    # 0.75 * 8 + 0.25 * 16 = 10: three quarters lie 2 away and a quarter 6
    found = mixture_of([np.array([8.0, 5.0]), np.array([16.0, 5.0])], (0.75, 0.25))
    assert found.mean.tolist() == [10.0, 5.0]
    assert found.spread.tolist() == [3.0, 0.0]


def test_when_there_is_one_member_or_they_differ_by_rounding_then_there_is_no_spread() -> None:
    predicted = np.array([9.0, 9.001, 9.002, 0.1, 1e90, -1e-90])
    assert mixture_of([predicted], (1.0,)).spread.tolist() == [0.0] * 6
    assert mixture_of([predicted] * 3, (1 / 3,) * 3).spread.tolist() == [0.0] * 6


def test_when_targets_are_huge_then_the_spread_is_finite() -> None:
    far = [np.array([1e200]), np.array([3e200])]
    assert spread_of(far, (0.5, 0.5), np.array([2e200])).tolist() == [1e200]


def test_when_a_spread_is_far_from_the_usual_one_then_it_counts_within_limits() -> None:
    assert MOST == 2.0
    spread = np.array([0.0, 1.0, 3.0, 6.0, 100.0])
    assert doubt_of(spread, 3.0, 0.5).tolist() == pytest.approx([0.5**0.5, 0.5**0.5, 1.0, 2.0**0.5, 2.0**0.5])
    assert doubt_of(spread, 3.0, 0.0).tolist() == [1.0] * 5
    assert doubt_of(spread, 0.0, 0.5).tolist() == [1.0] * 5
