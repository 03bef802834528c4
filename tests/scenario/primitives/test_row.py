import numpy as np
import pandas as pd
import pytest

from distributed_automl.scenario.primitives.row import DatePart, DaysBetween, Least, PeriodNumber, Product, Ratio

NAN = np.nan


def computed(primitive, *columns):
    return primitive.get_function()(*columns)


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


def test_when_numbers_are_combined_then_a_missing_one_leaves_nothing():
    one, other = pd.Series([2.0, 5.0, NAN]), pd.Series([3.0, -1.0, 1.0])
    np.testing.assert_array_equal(computed(Product(), one, other), [6.0, -5.0, NAN])
    np.testing.assert_array_equal(computed(Least(), one, other), [2.0, -1.0, NAN])


def test_when_timestamps_are_integers_then_periods_are_numbered_and_placed_in_their_cycle():
    timestamps = pd.Series([0, 5, 10, 15, 20])
    np.testing.assert_array_equal(computed(PeriodNumber(5), timestamps), [0.0, 1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(computed(PeriodNumber(5, 3), timestamps), [0.0, 1.0, 2.0, 0.0, 1.0])


def test_when_a_year_is_a_wave_then_it_begins_at_new_year_and_turns_in_july():
    dates = pd.Series(pd.to_datetime(["2023-01-01", "2023-07-02"]))  # day 0 and day 182 of 365.25
    np.testing.assert_allclose(computed(DatePart("year_cos_1"), dates), [1.0, -1.0], atol=1e-4)
    np.testing.assert_allclose(computed(DatePart("year_sin_1"), dates), [0.0, 0.0], atol=0.02)
    np.testing.assert_allclose(computed(DatePart("year_cos_2"), dates), [1.0, 1.0], atol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DatePart("century"), "unknown part of a date 'century'"),
        (lambda: PeriodNumber(0), "`step` must be at least 1, found 0"),
    ],
)
def test_when_an_argument_is_unknown_or_out_of_bounds_then_it_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
