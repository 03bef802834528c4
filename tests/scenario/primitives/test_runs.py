import numpy as np
import pandas as pd
import pytest

from distributed_automl.scenario.primitives.runs import (
    ComingCategory,
    FormerCategory,
    PeriodsSinceChange,
    PeriodsSinceOn,
    PeriodsUntilChange,
    PeriodsUntilOn,
)

SERIES = pd.Series([0] * 7 + [1] * 3)
PROMOTION = pd.Series([0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, np.nan, 2.0])
HOLIDAY = pd.Series([None, None, "easter", None, None, "may", "may", "may", None, None], dtype=object)


def computed(primitive, *columns):
    return primitive.get_function()(*columns)


def test_when_a_flag_is_off_then_the_periods_since_it_was_on_are_counted_up_to_the_limit():
    # limit 2: 3 says "further, or never"
    expected = [3, 0, 0, 1, 2, 3, 0, 3, 3, 0]
    np.testing.assert_array_equal(computed(PeriodsSinceOn(2), SERIES, PROMOTION), expected)


def test_when_a_flag_will_be_on_then_the_periods_until_then_are_counted_as_far_as_a_row_may_look():
    expected = [1, 0, 0, 3, 2, 1, 0, 2, 1, 0]
    np.testing.assert_array_equal(computed(PeriodsUntilOn(2), SERIES, PROMOTION), expected)


@pytest.mark.parametrize("holiday", [HOLIDAY, HOLIDAY.astype("category")], ids=["object", "category"])
def test_when_the_flag_is_a_category_then_it_is_on_where_it_is_known(holiday):
    np.testing.assert_array_equal(computed(PeriodsSinceOn(9), SERIES, holiday), [10, 10, 0, 1, 2, 0, 0, 0, 1, 2])
    np.testing.assert_array_equal(computed(PeriodsUntilOn(9), SERIES, holiday), [2, 1, 0, 2, 1, 0, 0, 0, 10, 10])


def test_when_values_repeat_then_a_row_knows_its_place_in_the_run_and_how_soon_it_ends():
    np.testing.assert_array_equal(computed(PeriodsSinceChange(1), SERIES, HOLIDAY), [0, 1, 0, 0, 1, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(computed(PeriodsSinceChange(9), SERIES, PROMOTION), [0, 0, 1, 0, 1, 2, 0, 0, 0, 0])
    # the last run of a series does not end in sight: limit + 1
    np.testing.assert_array_equal(computed(PeriodsUntilChange(2), SERIES, HOLIDAY), [2, 1, 1, 2, 1, 3, 3, 1, 3, 3])


def test_when_a_holiday_lies_ahead_or_behind_then_the_row_knows_which():
    coming = computed(ComingCategory(1), SERIES, HOLIDAY)
    assert coming.tolist() == [None, "easter", None, None, "may", None, None, None, None, None]
    former = computed(FormerCategory(2), SERIES, HOLIDAY)
    assert former.tolist() == [None, None, None, "easter", "easter", None, None, None, "may", "may"]


def test_when_the_known_future_ends_then_it_is_like_nothing_in_sight():
    whole = computed(PeriodsUntilOn(2), SERIES[:7], PROMOTION[:7])
    short = computed(PeriodsUntilOn(2), SERIES[:4], PROMOTION[:4])
    np.testing.assert_array_equal(short, whole[:4])


def test_when_a_category_is_computed_then_the_column_that_came_in_is_left_alone():
    holiday = HOLIDAY.copy()
    holiday[3] = np.nan
    before = holiday.copy()
    computed(ComingCategory(2), SERIES, holiday)
    pd.testing.assert_series_equal(holiday, before)


def test_when_the_limit_is_zero_then_it_is_refused():
    with pytest.raises(ValueError, match="`limit` must be at least 1, found 0"):
        PeriodsUntilOn(0)
