"""The three regressors against their libraries, and what they share."""

from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn import linear_model
from sklearn.ensemble import RandomForestRegressor
from sklearn.preprocessing import StandardScaler
from tests.scenario.estimators.designs import counts, forecasting_design, regression_design

from distributed_automl.scenario.estimators import CANDIDATES
from distributed_automl.scenario.estimators.lightgbm import FIXED, Booster, LightGBM
from distributed_automl.scenario.estimators.random_forest import flattened
from distributed_automl.scenario.estimators.ridge import Ridge, fit_ridge
from distributed_automl.scenario.estimators.seasonal_mean import SeasonalMean
from distributed_automl.scenario.serialize import pack


def test_when_ridge_is_fitted_then_it_equals_sklearns_on_standardised_columns() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 5)) * [1, 10, 100, 1, 1] + [0, 5, 0, 0, 9]
    z = X @ [1.0, 0.2, 0.01, 0.0, -1.0] + random.normal(size=200)
    theirs = linear_model.Ridge(alpha=0.5 * 200).fit(StandardScaler().fit_transform(X), z)
    ours = fit_ridge(X, z, "none", alpha=0.5)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours.predict(X[:9]), theirs.predict(StandardScaler().fit(X).transform(X[:9])), rtol=1e-9)


def test_when_rows_have_weights_then_ridge_equals_sklearns_with_them() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    z = X @ [1.0, 0.2, -1.0] + random.normal(size=200) + np.linspace(0.0, 5.0, 200)
    weights = np.linspace(0.1, 1.9, 200)
    columns = np.clip(StandardScaler().fit_transform(X), -5.0, 5.0)
    theirs = linear_model.Ridge(alpha=0.5 * 200).fit(columns, z, sample_weight=weights)
    ours = fit_ridge(X, z, "none", alpha=0.5, weights=weights)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(columns), rtol=1e-9)


@pytest.mark.parametrize("name", ["ridge", "random_forest", "lightgbm"])
def test_when_the_half_life_is_short_then_the_forecast_follows_the_recent_past(name: str) -> None:
    candidate = CANDIDATES[name]
    design = forecasting_design([np.r_[counts(150, mean=5.0), counts(64, mean=50.0)]])
    rows, later = np.arange(200), np.arange(200, 214)
    chosen = {**candidate.defaults(design), "target_transform": "none"}
    forecasts = [
        candidate.fit(design, rows, columns=["weekday"], hyperparameters={**chosen, "half_life": half_life}, seed=0)
        .predict(design, rows, later)
        .mean()
        for half_life in (None, 1_000_000, 5)
    ]
    assert forecasts[0] == pytest.approx(forecasts[1], rel=0.1)
    assert forecasts[2] > 40.0 > 30.0 > forecasts[0]


def test_when_a_column_is_constant_or_a_copy_then_ridge_still_solves() -> None:
    a = np.linspace(0, 1, 50)
    ours = fit_ridge(np.column_stack([a, a, np.full(50, 1e20)]), 2 * a, "none", alpha=1e-4)
    np.testing.assert_allclose(ours.predict(np.array([[0.5, 0.5, 1e20]])), 1.0, atol=1e-3)


def test_when_a_forest_is_flattened_then_it_predicts_what_sklearn_predicts() -> None:
    random = np.random.default_rng(1)
    X, z = random.normal(size=(300, 6)), random.normal(size=300)
    forest = RandomForestRegressor(15, random_state=0).fit(X, z)
    fresh = random.normal(size=(500, 6))
    trees = [tree.tree_ for tree in forest.estimators_]
    ours = flattened(trees, np.concatenate([tree.value[:, 0, 0] for tree in trees]))
    np.testing.assert_allclose(ours.predict(fresh), forest.predict(fresh), rtol=1e-12)
    assert np.count_nonzero(ours.value) == sum(tree.n_leaves for tree in trees)  # nothing is kept of where no row ends
    assert ours.steps_per_row == 15 * max(tree.max_depth for tree in trees)


@pytest.mark.parametrize("objective", [{"objective": "l2"}, {"objective": "multiclass", "num_class": 4}])
def test_when_a_booster_is_kept_then_it_is_less_than_half_of_its_text_and_predicts_the_same(
    objective: dict[str, Any],
) -> None:
    random = np.random.default_rng(1)
    X, fresh = random.normal(size=(400, 6)), random.normal(size=(200, 6))
    X[random.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 0]) > 0) + 2.0 * (random.random(400) < 0.3)
    trained = lightgbm.train({**FIXED, **objective, "num_leaves": 12}, lightgbm.Dataset(X, y), num_boost_round=20)
    kept = Booster.of(trained)
    whole = lightgbm.Booster(model_str=trained.model_to_string())
    np.testing.assert_allclose(kept.predict(fresh), whole.predict(fresh, num_threads=1), rtol=1e-7)
    assert len(pack(kept.to_parts())) < 0.5 * len(pack({"text": trained.model_to_string()}))
    leaves = [tree["num_leaves"] for tree in trained.dump_model()["tree_info"]]
    assert kept.steps_per_row == sum(3 if n <= 8 else 4 for n in leaves)  # questions on the way to one of 12 leaves


def test_when_nothing_can_be_split_then_a_booster_is_kept_too() -> None:
    trained = lightgbm.train({**FIXED, "objective": "l2"}, lightgbm.Dataset(np.zeros((40, 1)), np.arange(40.0)), 3)
    kept = Booster.of(trained)
    assert kept.predict(np.zeros((2, 1))).tolist() == pytest.approx([19.5, 19.5])
    assert kept.steps_per_row == 0


def test_when_ridge_meets_a_wild_feature_then_the_forecast_stays_near_what_was_seen() -> None:
    design = regression_design()
    fitted = Ridge().fit(design, np.arange(100), columns=["a"], hyperparameters=Ridge().defaults(design), seed=0)
    X = design.X.copy()
    X["a"] = 1e9
    seen = design.samples.y[:100]
    predicted = fitted.predict(type(design)(design.samples, X), np.arange(100), np.arange(100, 101))
    assert seen.max() < predicted[0] <= seen.max() + 0.5 * np.ptp(seen)


def test_when_the_objective_is_absolute_then_lightgbm_learns_the_median() -> None:
    assert LightGBM().defaults(regression_design(objective="mae"))["loss"] == "l1"
    assert LightGBM().defaults(regression_design(objective="rmse"))["loss"] == "l2"


@pytest.mark.parametrize("season", [1, 4, 7, 12, 52])
def test_when_the_season_is_long_then_the_default_level_window_stays_short(season: int) -> None:
    design = forecasting_design([counts(60)], season=season)
    expected = {1: 6, 4: 24, 7: 42, 12: 42, 52: 42}[season]
    assert SeasonalMean().defaults(design)["level_periods"] == expected
