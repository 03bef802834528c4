"""What every candidate must keep, whatever it is."""

from collections.abc import Callable

import numpy as np
import optuna
import pytest
from tests.scenario.estimators.designs import (
    HORIZON,
    classification_design,
    counts,
    forecasting_design,
    regression_design,
)

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators import CANDIDATES, FITTED
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters
from distributed_automl.scenario.serialize import digest_of, pack, unpack

NAMES = sorted(set(CANDIDATES) - {"pooled"})
FORECASTERS = [name for name in NAMES if "forecasting" in CANDIDATES[name].tasks]
REGRESSORS = [name for name in NAMES if "regression" in CANDIDATES[name].tasks]
INTERMITTENT = {"croston", "zero_inflated"}
CLASSIFIERS = [name for name in NAMES if "classification" in CANDIDATES[name].tasks]


def last_rows(design: Design) -> tuple[IntArray, IntArray]:
    """Known rows up to a horizon before the end of each series, and the rows after them."""
    frame = design.samples.frame
    remaining = frame.groupby("__series__").cumcount(ascending=False).to_numpy()
    is_future = remaining < HORIZON
    known = np.isfinite(design.samples.y)
    return np.flatnonzero(~is_future & known), np.flatnonzero(is_future)


def fitted_on(name: str, design: Design, rows: IntArray, hyperparameters: Hyperparameters | None = None) -> Fitted:
    candidate = CANDIDATES[name]
    chosen = candidate.defaults(design) if hyperparameters is None else hyperparameters
    return candidate.fit(design, rows, columns=list(design.X.columns), hyperparameters=chosen, seed=3)


def predicted_by(name: str, design: Design) -> FloatArray:
    train, future = last_rows(design)
    return fitted_on(name, design, train).predict(design, train, future)


def reloaded(name: str, fitted: Fitted) -> Fitted:
    data = pack(fitted.to_parts())
    return FITTED[name].from_parts(unpack(data, digest_of(data)))


def two_series() -> Design:
    return forecasting_design([counts(160, seed=1), counts(90, seed=2, mean=0.4)])


def design_of(name: str) -> Design:
    if name in FORECASTERS:
        return two_series()
    return regression_design() if name in REGRESSORS else classification_design()


def suggested(candidate: Candidate, design: Design, seed: int) -> Hyperparameters:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return candidate.suggest(study.ask(), design)


def test_when_a_table_is_read_then_names_agree() -> None:
    assert [candidate.name for candidate in CANDIDATES.values()] == list(CANDIDATES)
    assert set(FITTED) == set(CANDIDATES)


@pytest.mark.parametrize(
    ("name", "make"),
    [(name, two_series) for name in FORECASTERS]
    + [(name, regression_design) for name in REGRESSORS]
    + [(name, classification_design) for name in CLASSIFIERS],
)
def test_when_defaults_are_enqueued_then_suggest_returns_them(name: str, make: Callable[[], Design]) -> None:
    design, candidate = make(), CANDIDATES[name]
    study = optuna.create_study()
    study.enqueue_trial(dict(candidate.defaults(design)))
    assert candidate.suggest(study.ask(), design) == candidate.defaults(design)


@pytest.mark.parametrize("name", NAMES)
def test_when_the_task_is_not_the_candidates_then_it_does_not_apply(name: str) -> None:
    applies = CANDIDATES[name].applies
    assert applies(two_series()) is (name in FORECASTERS and name not in INTERMITTENT)
    assert applies(forecasting_design([counts(160, mean=0.4)])) is (name in FORECASTERS)
    assert applies(regression_design()) is (name in REGRESSORS)
    assert applies(classification_design()) is (name in CLASSIFIERS)


@pytest.mark.parametrize("name", FORECASTERS)
def test_when_a_forecaster_is_stored_and_loaded_then_it_predicts_the_same_bits(name: str) -> None:
    design = two_series()
    train, future = last_rows(design)
    fitted = fitted_on(name, design, train)
    expected = fitted.predict(design, train, future)
    assert expected.shape == (2 * HORIZON,)
    assert expected.dtype == np.float64
    assert reloaded(name, fitted).predict(design, train, future).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", [*REGRESSORS, *CLASSIFIERS])
def test_when_a_tabular_candidate_is_stored_and_loaded_then_it_predicts_the_same_bits(name: str) -> None:
    design = regression_design() if name in REGRESSORS else classification_design()
    train, rest = np.arange(100), np.arange(100, 120)
    fitted = fitted_on(name, design, train)
    expected = fitted.predict(design, train, rest)
    assert reloaded(name, fitted).predict(design, train, rest).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", FORECASTERS)
def test_when_fitted_twice_then_the_bytes_are_the_same(name: str) -> None:
    design = two_series()
    train, _ = last_rows(design)
    assert pack(fitted_on(name, design, train).to_parts()) == pack(fitted_on(name, design, train).to_parts())
    assert predicted_by(name, design).tobytes() == predicted_by(name, two_series()).tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_when_any_configuration_is_drawn_then_its_predictions_are_finite(name: str, seed: int) -> None:
    candidate = CANDIDATES[name]
    design = design_of(name)
    train, future = last_rows(design)
    fitted = fitted_on(name, design, train, suggested(candidate, design, seed))
    assert np.isfinite(fitted.predict(design, train, future)).all()


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("lift", [0.0, 1.0])
def test_when_targets_after_the_history_change_then_predictions_do_not_move(name: str, lift: float) -> None:
    """Neither where the history has zeros nor where it has none and the future would be the first to have them."""
    y = counts(150, seed=4) + lift
    zero = np.r_[y[:-HORIZON], np.zeros(HORIZON)]
    changed = np.r_[y[:-HORIZON], y[-HORIZON:] * 50 + 1000]
    unknown = np.r_[y[:-HORIZON], np.full(HORIZON, np.nan)]
    expected = predicted_by(name, forecasting_design([y]))
    assert predicted_by(name, forecasting_design([changed])).tobytes() == expected.tobytes()
    assert predicted_by(name, forecasting_design([zero])).tobytes() == expected.tobytes()
    assert predicted_by(name, forecasting_design([unknown])).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_when_one_row_is_asked_for_then_it_is_as_among_others(name: str) -> None:
    design = design_of(name)
    train, future = last_rows(design)
    fitted = fitted_on(name, design, train)
    together = fitted.predict(design, train, future)
    alone = fitted.predict(design, train, future[[5]])
    assert alone.tobytes() == together[[5]].tobytes()
    assert fitted.predict(design, train, future[:0]).shape == (0, *together.shape[1:])


HOSTILE: dict[str, list[FloatArray]] = {
    "all zero": [np.zeros(120)],
    "constant": [np.full(120, 7.0)],
    "constant but one": [np.r_[np.zeros(100), 5.0, np.zeros(19)]],
    "very short": [counts(HORIZON + 3)],
    "shorter than two seasons": [counts(HORIZON + 11)],
    "huge": [counts(120) * 1e12],
    "tiny": [counts(120) * 1e-12],
    "negative": [counts(120) - 100.0],
    "a shock": [np.r_[counts(90), np.full(5, 1e6), counts(40)]],
    "starts at a billion, ends at zero": [np.r_[np.full(60, 1e9), np.zeros(60)]],
    "zero for longer than is looked back": [np.r_[counts(60), np.zeros(1_150)]],
    "holes": [np.where(np.arange(130) % 5 == 0, np.nan, counts(130))],
    "unknown from a month before the origin": [np.r_[counts(100), np.full(40, np.nan)]],
    "unknown first": [np.r_[np.full(60, np.nan), counts(80)]],
    "a series without any history": [counts(120), counts(HORIZON)],
    "a series all unknown": [counts(120), np.full(60, np.nan)],
}


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("case", HOSTILE)
def test_when_the_target_is_hostile_then_predictions_are_finite(name: str, case: str) -> None:
    design = forecasting_design(HOSTILE[case])
    assert np.isfinite(predicted_by(name, design)).all()


@pytest.mark.parametrize("name", FORECASTERS)
@pytest.mark.parametrize("season", [1, 12, 24, 52])
def test_when_the_season_is_another_then_predictions_are_finite(name: str, season: int) -> None:
    design = forecasting_design([counts(130)], season=season)
    assert np.isfinite(predicted_by(name, design)).all()


@pytest.mark.parametrize("name", FORECASTERS)
def test_when_sales_are_constant_then_the_forecast_is_that_constant(name: str) -> None:
    np.testing.assert_allclose(predicted_by(name, forecasting_design([np.full(120, 7.0)])), 7.0, rtol=1e-6)


@pytest.mark.parametrize("name", [*REGRESSORS, *CLASSIFIERS])
def test_when_features_are_hostile_then_predictions_are_finite(name: str) -> None:
    design = regression_design() if name in REGRESSORS else classification_design()
    train, rest = np.arange(100), np.arange(100, 120)
    fitted = fitted_on(name, design, train)
    X = design.X.copy()
    X.loc[100:105, "a"] = np.nan
    X.loc[106:108, "a"] = [1e300, -1e300, np.inf]
    X.loc[109:112, "b"] = "never seen"
    X.loc[113:115, "b"] = None
    X["empty"] = 5.0
    assert np.isfinite(fitted.predict(Design(design.samples, X), train, rest)).all()


@pytest.mark.parametrize("name", REGRESSORS)
def test_when_there_is_no_feature_or_one_row_then_it_still_answers(name: str) -> None:
    design = regression_design()
    candidate = CANDIDATES[name]
    chosen = candidate.defaults(design)
    without = candidate.fit(design, np.arange(50), columns=[], hyperparameters=chosen, seed=0)
    from_one = candidate.fit(design, np.array([0]), columns=["a", "b"], hyperparameters=chosen, seed=0)
    y = design.samples.y
    assert np.ptp(without.predict(design, np.arange(50), np.arange(60, 70))) == 0.0
    np.testing.assert_allclose(from_one.predict(design, np.array([0]), np.arange(60, 70)), y[0], rtol=1e-9)


@pytest.mark.parametrize("name", sorted(set(REGRESSORS) - {"mean"}))
def test_when_features_explain_the_target_then_most_of_its_variance_is_found(name: str) -> None:
    design = regression_design(400)
    train, rest = np.arange(300), np.arange(300, 400)
    y = design.samples.y[rest]
    residuals = y - fitted_on(name, design, train).predict(design, train, rest)
    assert residuals.var() < 0.15 * y.var()
