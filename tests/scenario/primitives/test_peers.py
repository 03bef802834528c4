import numpy as np
import pandas as pd

from distributed_automl.scenario.primitives.peers import PeersNow, PeersStatistic

NAN = np.nan


def computed(primitive, *columns):
    return primitive.get_function()(*columns)


def test_when_peers_are_averaged_then_each_group_sees_its_own_past():
    group = pd.Series([0, 0, 0, 0, 1, 1])  # two series of group 0, one of group 1
    period = pd.Series([0, 1, 0, 1, 0, 1])
    values = pd.Series([2.0, 4.0, 6.0, 8.0, 100.0, 200.0])
    found = computed(PeersStatistic("mean", window=1, gap=1), group, period, values)
    np.testing.assert_array_equal(found, [NAN, 4.0, NAN, 4.0, NAN, 100.0])


def test_when_a_group_is_unknown_then_it_has_no_peers():
    group, period = pd.Series([-1, -1, 0, 0]), pd.Series([0, 1, 0, 1])
    found = computed(PeersStatistic("mean", window=2, gap=1), group, period, pd.Series([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(found, [NAN, NAN, NAN, 3.0])


def test_when_peers_have_a_price_at_the_same_time_then_ratio_and_rank_place_each_among_them():
    group, period = pd.Series([0, 0, 0, 0, 0, -1]), pd.Series([0, 0, 0, 1, 1, 0])
    price = pd.Series([1.0, 2.0, 3.0, 5.0, NAN, 9.0])
    # means: 2 in period 0, 5 in period 1; the last row has no group
    ratios = computed(PeersNow("ratio"), group, period, price)
    np.testing.assert_array_equal(ratios, [0.5, 1.0, 1.5, 1.0, NAN, NAN])
    ranks = computed(PeersNow("rank"), group, period, price)
    np.testing.assert_array_equal(ranks, [0.0, 0.5, 1.0, 0.5, NAN, NAN])


def test_when_peers_are_equal_then_they_share_the_middle_rank():
    ranks = computed(PeersNow("rank"), pd.Series([0] * 4), pd.Series([0] * 4), pd.Series([7.0, 7.0, 7.0, 9.0]))
    np.testing.assert_allclose(ranks, [1 / 3, 1 / 3, 1 / 3, 1.0])


def test_when_all_peers_are_zero_then_the_ratio_is_missing_and_never_infinite():
    ratios = computed(PeersNow("ratio"), pd.Series([0, 0]), pd.Series([0, 0]), pd.Series([0.0, 0.0]))
    assert np.isnan(ratios).all()


def test_when_no_group_is_known_then_nobody_has_a_place():
    assert np.isnan(computed(PeersNow("rank"), pd.Series([-1, -1]), pd.Series([0, 0]), pd.Series([1.0, 2.0]))).all()
