import numpy as np
import pandas as pd
import pytest

from distributed_automl.scenario.primitives import (
    STATISTICS,
    DatePart,
    DaysBetween,
    EntityStatistic,
    PastCategory,
    PastMean,
    PastStatistic,
    PastValue,
    PeersStatistic,
    PeriodsSinceNonZero,
    Ratio,
    running_sum,
    window_statistic,
)

NAN = np.nan
SERIES = pd.Series([0, 0, 0, 0, 1, 1, 1])
VALUES = pd.Series([1.0, 2.0, 4.0, 8.0, 10.0, 20.0, 40.0])


def computed(primitive, *columns):
    return primitive.get_function()(*columns)


def test_when_a_value_is_lagged_then_it_stays_in_its_series():
    np.testing.assert_array_equal(computed(PastValue(2), SERIES, VALUES), [NAN, NAN, 1, 2, NAN, NAN, 10])


def test_when_the_lag_is_longer_than_every_series_then_nothing_is_known():
    assert np.isnan(computed(PastValue(9), SERIES, VALUES)).all()


def test_when_a_category_is_lagged_then_gaps_are_none():
    weather = pd.Series(["sun", "rain", None, "sun", "fog", "fog", "rain"], dtype="category")
    found = [None if pd.isna(value) else value for value in computed(PastCategory(1), SERIES, weather)]
    assert found == [None, "sun", "rain", None, None, "fog", "fog"]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("mean", [NAN, 1.0, 1.5, 7 / 3, NAN, 10.0, 15.0]),
        ("min", [NAN, 1.0, 1.0, 1.0, NAN, 10.0, 10.0]),
        ("max", [NAN, 1.0, 2.0, 4.0, NAN, 10.0, 20.0]),
        ("median", [NAN, 1.0, 1.5, 2.0, NAN, 10.0, 15.0]),
        ("std", [NAN, NAN, 0.5, np.sqrt(14 / 9), NAN, NAN, 5.0]),
        ("zero_share", [NAN, 0.0, 0.0, 0.0, NAN, 0.0, 0.0]),
    ],
)
def test_when_a_window_ends_one_period_ago_then_the_statistic_is_that_of_the_periods_before(statistic, expected):
    np.testing.assert_allclose(computed(PastStatistic(statistic, window=3, gap=1), SERIES, VALUES), expected)


def test_when_the_window_strides_then_only_the_same_phase_counts():
    series, values = pd.Series([0] * 7), pd.Series([1.0, 100.0, 3.0, 100.0, 5.0, 100.0, 7.0])
    # row 6 sees rows 4 and 2; row 4 sees rows 2 and 0; row 2 sees row 0
    expected = [NAN, NAN, 1.0, 100.0, 2.0, 100.0, 4.0]
    np.testing.assert_array_equal(computed(PastStatistic("mean", window=2, gap=2, stride=2), series, values), expected)


def test_when_values_are_missing_then_only_the_known_ones_count():
    values = pd.Series([0.0, NAN, 4.0, NAN, NAN, NAN, 1.0])
    window = PastStatistic("mean", window=2, gap=1)
    np.testing.assert_array_equal(computed(window, SERIES, values), [NAN, 0.0, 0.0, 4.0, NAN, NAN, NAN])
    zeros = PastStatistic("zero_share", window=3, gap=1)
    np.testing.assert_array_equal(computed(zeros, SERIES, values), [NAN, 1.0, 1.0, 0.5, NAN, NAN, NAN])


@pytest.mark.parametrize("statistic", sorted(STATISTICS))
def test_when_a_window_is_compared_with_pandas_then_they_agree(statistic):
    rng = np.random.default_rng(3)
    values = pd.Series(rng.poisson(1.0, 200).astype(float)).mask(rng.random(200) < 0.2)
    oracle = {
        "mean": lambda rolling: rolling.mean(),
        "std": lambda rolling: rolling.std(ddof=0).where(rolling.count() > 1),
        "min": lambda rolling: rolling.min(),
        "max": lambda rolling: rolling.max(),
        "median": lambda rolling: rolling.median(),
        "zero_share": lambda rolling: rolling.apply(lambda w: (w == 0).sum() / w.notna().sum()),
    }[statistic]
    expected = oracle(values.rolling(9, min_periods=1)).shift(5)
    found = computed(PastStatistic(statistic, window=9, gap=5), pd.Series(np.zeros(200, dtype=int)), values)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_when_rows_are_cut_into_chunks_then_values_stay_to_the_last_bit(monkeypatch):
    codes, values = np.zeros(50, dtype=np.intp), np.random.default_rng(0).random(50)
    offsets = np.arange(1, 8)
    whole = window_statistic(codes, values, offsets, STATISTICS["mean"])
    monkeypatch.setattr("distributed_automl.scenario.primitives._CHUNK_CELLS", 21)
    np.testing.assert_array_equal(window_statistic(codes, values, offsets, STATISTICS["mean"]), whole)


def test_when_history_is_longer_than_the_window_then_it_changes_nothing():
    values = pd.Series(np.random.default_rng(0).random(100))
    window = PastStatistic("mean", window=7, gap=3)
    whole = computed(window, pd.Series(np.zeros(100, dtype=int)), values)
    short = computed(window, pd.Series(np.zeros(40, dtype=int)), values[60:])
    np.testing.assert_array_equal(short[9:], whole[69:])


def test_when_the_mean_expands_then_it_starts_anew_in_each_series():
    expected = [NAN, 1.0, 1.5, 7 / 3, NAN, 10.0, 15.0]
    np.testing.assert_allclose(computed(PastMean(1), SERIES, VALUES), expected)


def test_when_a_neighbour_changes_then_a_running_sum_keeps_every_bit():
    codes = np.array([0, 0, 1, 1])
    alone = running_sum(codes[:2], np.array([0.1, 0.2]))
    beside = running_sum(np.array([0, 0, 1, 1]), np.array([1e16, 0.3, 0.1, 0.2]))
    np.testing.assert_array_equal(beside[2:], alone)


def test_when_sales_pause_then_the_periods_since_are_counted_as_of_the_gap():
    series, values = pd.Series([0] * 6 + [1] * 3), pd.Series([0.0, 5.0, 0.0, 0.0, NAN, 1.0, 0.0, 0.0, 2.0])
    # as of the row itself: -, 0, 1, 2, 3, 0 | -, -, 0
    expected = [NAN, NAN, 0.0, 1.0, 2.0, 3.0, NAN, NAN, NAN]
    np.testing.assert_array_equal(computed(PeriodsSinceNonZero(1), series, values), expected)


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


def test_when_a_ratio_has_no_denominator_then_it_is_missing_and_never_infinite():
    found = computed(Ratio(), pd.Series([1.0, 1.0, NAN, 0.0]), pd.Series([2.0, 0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(found, [0.5, NAN, NAN, NAN])


def test_when_dates_are_taken_apart_then_parts_are_numbers_and_gaps_stay():
    dates = pd.Series(pd.to_datetime(["2024-02-29 06:00", None, "1970-01-02 00:00"]))
    parts = {name: computed(DatePart(name), dates).tolist() for name in ("weekday", "is_month_end", "epoch_days")}
    assert parts["weekday"][0] == 3.0
    assert parts["is_month_end"][::2] == [1.0, 0.0]
    assert parts["epoch_days"][::2] == [19782.25, 1.0]
    assert all(np.isnan(part[1]) for part in parts.values())


def test_when_days_lie_between_two_dates_then_the_earlier_is_subtracted():
    later, earlier = pd.Series(pd.to_datetime(["2024-01-03", None])), pd.Series(pd.to_datetime(["2024-01-01"] * 2))
    np.testing.assert_array_equal(computed(DaysBetween(), later, earlier), [2.0, NAN])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PastValue(0), "`periods` must be at least 1, found 0"),
        (lambda: PastStatistic("mean", window=0), "`window` must be at least 1, found 0"),
        (lambda: PastStatistic("mean", gap=0), "`gap` must be at least 1, found 0"),
        (lambda: PastStatistic("mode"), "unknown statistic 'mode': expected one of"),
        (lambda: EntityStatistic("mode"), "unknown statistic 'mode': expected one of"),
        (lambda: DatePart("century"), "unknown part of a date 'century'"),
    ],
)
def test_when_an_argument_would_look_into_the_present_or_is_unknown_then_it_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
