import numpy as np
import pandas as pd
import pytest
from featuretools import primitives as stock

from distributed_automl.scenario.primitives.past import (
    EXPANDING,
    PastCategory,
    PastExpanding,
    PastMeanOfAlike,
    PastStatistic,
    PastValue,
    PeriodsSinceNonZero,
)
from distributed_automl.scenario.primitives.windows import STATISTICS

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


def fading(window):
    """Weights of the known values of a full window of nine, oldest first."""
    age = window.index.max() - window.index
    return 0.5 ** (age[window.notna()] / 9 * 4)


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
        "low": lambda rolling: rolling.quantile(0.1),
        "high": lambda rolling: rolling.quantile(0.9),
        "fading_mean": lambda rolling: rolling.apply(lambda w: np.average(w.dropna(), weights=fading(w))),
        "zero_share": lambda rolling: rolling.apply(lambda w: (w == 0).sum() / w.notna().sum()),
    }[statistic]
    expected = oracle(values.rolling(9, min_periods=1)).shift(5)
    found = computed(PastStatistic(statistic, window=9, gap=5), pd.Series(np.zeros(200, dtype=int)), values)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_when_history_is_longer_than_the_window_then_it_changes_nothing():
    values = pd.Series(np.random.default_rng(0).random(100))
    window = PastStatistic("mean", window=7, gap=3)
    whole = computed(window, pd.Series(np.zeros(100, dtype=int)), values)
    short = computed(window, pd.Series(np.zeros(40, dtype=int)), values[60:])
    np.testing.assert_array_equal(short[9:], whole[69:])


def test_when_the_mean_expands_then_it_starts_anew_in_each_series():
    expected = [NAN, 1.0, 1.5, 7 / 3, NAN, 10.0, 15.0]
    np.testing.assert_allclose(computed(PastExpanding("mean", 1), SERIES, VALUES), expected)


def test_when_sales_pause_then_the_periods_since_are_counted_as_of_the_gap():
    series, values = pd.Series([0] * 6 + [1] * 3), pd.Series([0.0, 5.0, 0.0, 0.0, NAN, 1.0, 0.0, 0.0, 2.0])
    # as of the row itself: -, 0, 1, 2, 3, 0 | -, -, 0
    expected = [NAN, NAN, 0.0, 1.0, 2.0, 3.0, NAN, NAN, NAN]
    np.testing.assert_array_equal(computed(PeriodsSinceNonZero(1), series, values), expected)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("std", [NAN, NAN, 0.5, np.sqrt(14 / 9), NAN, NAN, 5.0]),
        ("min", [NAN, 1.0, 1.0, 1.0, NAN, 10.0, 10.0]),
        ("max", [NAN, 1.0, 2.0, 4.0, NAN, 10.0, 20.0]),
    ],
)
def test_when_a_statistic_expands_then_it_is_that_of_all_values_old_enough(statistic, expected):
    np.testing.assert_allclose(computed(PastExpanding(statistic, 1), SERIES, VALUES), expected)


@pytest.mark.parametrize("statistic", sorted(EXPANDING))
def test_when_an_expanding_statistic_is_compared_with_pandas_then_they_agree(statistic):
    rng = np.random.default_rng(4)
    values = pd.Series(1e6 + rng.normal(0.0, 1.0, 120)).mask(rng.random(120) < 0.3)
    arguments = {"ddof": 0} if statistic == "std" else {}
    expected = getattr(values.expanding(), statistic)(**arguments)
    expected = expected.where(values.notna().cumsum() > 1) if statistic == "std" else expected
    found = computed(PastExpanding(statistic, 2), pd.Series(np.zeros(120, dtype=int)), values)
    np.testing.assert_allclose(found, expected.shift(2), rtol=1e-7)


def test_when_a_window_fades_then_weights_halve_with_each_quarter_of_it():
    series, values = pd.Series([0] * 5), pd.Series([8.0, 4.0, 2.0, 1.0, 0.0])
    found = computed(PastStatistic("fading_mean", window=4, gap=1), series, values)
    # youngest first, the weights are 1, 1/2, 1/4, 1/8
    assert found[4] == pytest.approx((1.0 + 2.0 / 2 + 4.0 / 4 + 8.0 / 8) / 1.875)
    assert found[2] == pytest.approx((4.0 + 8.0 / 2) / 1.5)


def test_when_rows_are_alike_in_a_category_then_only_their_past_is_averaged():
    series = pd.Series([0] * 6 + [1] * 2)
    like = pd.Series(["on", None, "on", None, "on", "new", "on", "on"], dtype=object)
    values = pd.Series([10.0, 1.0, 30.0, NAN, 0.0, 0.0, 7.0, 0.0])
    found = computed(PastMeanOfAlike(1), series, values, like)
    np.testing.assert_array_equal(found, [NAN, NAN, 10.0, 1.0, 20.0, NAN, NAN, 7.0])
    older = computed(PastMeanOfAlike(3), series, values, like)
    np.testing.assert_array_equal(older, [NAN, NAN, NAN, NAN, 10.0, NAN, NAN, NAN])


def test_when_rows_are_alike_in_a_number_then_zero_and_missing_are_off_and_all_else_is_on():
    series, like = pd.Series([0] * 5), pd.Series([0.3, 0.0, 2.0, NAN, 0.0])
    found = computed(PastMeanOfAlike(1), series, pd.Series([10.0, 2.0, 0.0, 4.0, 0.0]), like)
    np.testing.assert_array_equal(found, [NAN, NAN, 10.0, 2.0, 3.0])


def test_when_alike_rows_are_compared_with_pandas_then_they_agree():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"series": np.repeat([0, 1, 2], 80), "like": rng.choice(["a", "b", "c"], 240)})
    values = pd.Series(rng.random(240)).mask(rng.random(240) < 0.2)
    expected = [
        values[(frame["series"] == frame["series"][i]) & (frame["like"] == frame["like"][i]) & (values.index <= i - 5)]
        for i in range(240)
    ]
    found = computed(PastMeanOfAlike(5), frame["series"], values, frame["like"])
    np.testing.assert_allclose(found, [past.mean() for past in expected])


def test_when_a_lag_is_compared_with_the_library_s_own_for_each_series_then_they_agree():
    values, times = pd.Series(np.random.default_rng(7).random(120)), pd.Series(pd.date_range("2024-01-01", periods=60))
    theirs = stock.Lag(periods=9).get_function()
    expected = np.concatenate([theirs(values[part : part + 60], times) for part in (0, 60)])
    found = computed(PastValue(9), pd.Series(np.repeat([0, 1], 60)), values)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (PastStatistic("mean", window=7, gap=3), stock.RollingMean(window_length=7, gap=3, min_periods=1)),
        (PastStatistic("max", window=7, gap=3), stock.RollingMax(window_length=7, gap=3, min_periods=1)),
        (PastStatistic("min", window=7, gap=3), stock.RollingMin(window_length=7, gap=3, min_periods=1)),
        (PastStatistic("std", window=7, gap=3), stock.RollingSTD(window_length=7, gap=3, min_periods=1)),
        (PastExpanding("mean", 3), stock.ExpandingMean(gap=3, min_periods=1)),
        (PastExpanding("std", 3), stock.ExpandingSTD(gap=3, min_periods=1)),
        (PastExpanding("min", 3), stock.ExpandingMin(gap=3, min_periods=1)),
        (PastExpanding("max", 3), stock.ExpandingMax(gap=3, min_periods=1)),
    ],
    ids=lambda primitive: type(primitive).__name__,
)
def test_when_a_primitive_is_compared_with_the_library_s_own_for_each_series_then_they_agree(ours, theirs):
    rng, times = np.random.default_rng(8), pd.Series(pd.date_range("2024-01-01", periods=60))
    values = pd.Series(rng.normal(5.0, 1.0, 120))
    expected = np.concatenate([theirs.get_function()(times, values[part : part + 60]) for part in (0, 60)])
    if "STD" in type(theirs).__name__:  # a sample's there, a population's here
        n_known = np.tile(np.clip(np.arange(60) - 2, 0, getattr(ours, "window", 60)), 2)
        expected = expected * np.sqrt(np.maximum(n_known - 1, 0) / np.maximum(n_known, 1))
    found = computed(ours, pd.Series(np.repeat([0, 1], 60)), values)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PastValue(0), "`periods` must be at least 1, found 0"),
        (lambda: PastStatistic("mean", window=0), "`window` must be at least 1, found 0"),
        (lambda: PastStatistic("mean", gap=0), "`gap` must be at least 1, found 0"),
        (lambda: PastStatistic("mode"), "unknown statistic 'mode': expected one of"),
        (lambda: PastExpanding("mode"), "unknown statistic 'mode': expected one of"),
        (lambda: PastMeanOfAlike(0), "`gap` must be at least 1, found 0"),
    ],
)
def test_when_an_argument_would_look_into_the_present_or_is_unknown_then_it_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
