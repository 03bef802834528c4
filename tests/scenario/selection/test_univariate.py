import numpy as np
import pandas as pd
import pytest
from scipy import stats

from distributed_automl.scenario.selection.univariate import (
    _category_surety,
    _independence_surety,
    _linear_surety,
    _mean_surety,
)


def test_when_a_number_is_tested_then_the_surety_is_minus_the_logarithm_of_its_p_value():
    x, y = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    expected = -np.log(stats.pearsonr(x, y).pvalue)
    assert _linear_surety(x[:, np.newaxis], y)[0] == pytest.approx(expected)


def test_when_a_category_is_tested_then_it_is_a_one_way_analysis_of_variance():
    groups = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [9.0, 8.0]]
    column = pd.Series(["a"] * 3 + ["b"] * 3 + [None] * 2, dtype=object)
    expected = -np.log(stats.f_oneway(*groups).pvalue)
    assert _category_surety(column, np.concatenate(groups)) == pytest.approx(expected)


def test_when_every_row_has_its_own_category_then_it_says_nothing():
    assert _category_surety(pd.Series(list("abc"), dtype=object), np.array([1.0, 2.0, 3.0])) == 0.0


def test_when_a_number_is_tested_against_classes_then_it_is_a_one_way_analysis_of_variance():
    x, y = np.array([1.0, 2.0, 3.0, 2.0, 4.0, 6.0]), np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    expected = -np.log(stats.f_oneway(x[:3], x[3:]).pvalue)
    assert _mean_surety(x[:, np.newaxis], y)[0] == pytest.approx(expected)


def test_when_a_number_tells_the_classes_apart_without_doubt_then_nothing_is_surer():
    assert _mean_surety(np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([0.0, 0.0, 1.0, 1.0]))[0] == np.inf


def test_when_a_category_is_tested_against_classes_then_it_is_a_g_test():
    column = pd.Series(["a"] * 4 + ["b"] * 4, dtype=object)
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0])  # 3:1 and 1:3 where 2:2 is expected
    statistic = 2 * (2 * 3 * np.log(3 / 2) + 2 * 1 * np.log(1 / 2))
    assert _independence_surety(column, y) == pytest.approx(-stats.chi2.logsf(statistic, 1))
