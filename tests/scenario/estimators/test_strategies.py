"""Every strategy covers the horizon, sees nothing of the future, and knows how fresh its past may be."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import HORIZON, QUICK, demand_frame, demand_problem

from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import GAP_COL, Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.estimators._strategies import STRATEGIES, steps_after_history, turns_of
from distributed_automl.scenario.estimators.lightgbm import LightGBM
from distributed_automl.scenario.estimators.ridge import FittedRidge, Ridge
from distributed_automl.scenario.history import known_target
from distributed_automl.scenario.recency import recency_weights
from distributed_automl.scenario.serialize import digest_of, pack, unpack
from distributed_automl.scenario.synthesis import EntityTables, define, design_of
from distributed_automl.scenario.target_transforms import TARGET_TRANSFORMS

PROBLEM = demand_problem(series_keys=("dept",))
FRAME = pd.concat(
    [demand_frame(seed=1, level=40.0).assign(dept="food"), demand_frame(seed=2, level=8.0).assign(dept="toys")],
    ignore_index=True,
)
N_DAYS = 120


def design_from(frame: pd.DataFrame) -> Design:
    kinds = kinds_of(FRAME, PROBLEM)
    definitions = define(kinds, PROBLEM, QUICK.synthesis, 7)
    return design_of(canonical(frame, PROBLEM, kinds), definitions, EntityTables())


def cut(design: Design) -> tuple[IntArray, IntArray]:
    """Return the rows before the last horizon, and those of it."""
    days = design.samples.timestamps
    is_last = (days > days.max() - pd.Timedelta(days=HORIZON)).to_numpy()
    return np.flatnonzero(~is_last), np.flatnonzero(is_last)


def fitted_by(strategy: str, design: Design, transform: str = "log_level") -> Fitted:
    train, _ = cut(design)
    configuration = {"target_transform": transform, "feature_transform": "log1p", "alpha": 0.1, "strategy": strategy}
    return Ridge().fit(design, train, columns=list(design.X.columns), hyperparameters=configuration, seed=0)


def forecast(strategy: str, design: Design, transform: str = "log_level") -> FloatArray:
    train, valid = cut(design)
    return fitted_by(strategy, design, transform).predict(design, train, valid)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("transform", TARGET_TRANSFORMS)
def test_when_a_strategy_forecasts_then_it_is_better_than_the_mean_of_each_series(
    strategy: str, transform: str
) -> None:
    design = design_from(FRAME)
    _, valid = cut(design)
    predicted, actual = forecast(strategy, design, transform), design.samples.y[valid]
    means = np.where(design.samples.frame["dept"].to_numpy()[valid] == "food", 40.0 * 1.16, 8.0 * 1.16)
    assert np.abs(predicted - actual).sum() < 0.9 * np.abs(means - actual).sum()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("transform", TARGET_TRANSFORMS)
def test_when_the_future_of_target_and_observed_columns_changes_then_no_forecast_moves(
    strategy: str, transform: str
) -> None:
    changed = FRAME.copy()
    last = changed["date"] > changed["date"].max() - pd.Timedelta(days=HORIZON)
    for spoiled in ("units", "visitors"):
        changed.loc[last, spoiled] = changed.loc[last, spoiled] * 7.0 + 1_000.0
    before, after = (forecast(strategy, design_from(frame), transform) for frame in (FRAME, changed))
    np.testing.assert_array_equal(before, after)


def test_when_a_continued_design_keeps_what_was_observed_later_then_the_leakage_test_would_see_it() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    continued = design.continued(train, design.samples.y, gap=design.gaps[0])
    assert continued.samples.frame["visitors"].iloc[valid].isna().all()
    assert continued.samples.frame["promotion"].iloc[valid].notna().all()
    assert continued.samples.frame["visitors"].iloc[train].notna().all()


def test_when_blocks_are_fitted_then_each_row_is_predicted_by_the_freshest_learner_that_may_see_its_past() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    fitted = fitted_by("blocks", design)
    assert isinstance(fitted, FittedRidge)
    assert [one.gap for one in fitted.learners] == list(design.gaps) == [2, 4, 6, 7]
    whole = fitted.predict(design, train, valid)
    steps = steps_after_history(design.samples, train, valid)
    for learner, covered in zip(fitted.learners, [(1, 2), (3, 4), (5, 6), (7,)], strict=True):
        alone = replace(fitted, learners=(learner,))
        own = np.isin(steps, covered)
        np.testing.assert_array_equal(whole[own], alone.predict(design, train, valid[own]))


def test_when_joint_then_rows_take_turns_at_the_gaps_also_on_each_day_of_the_week_and_apart_from_other_series():
    design = design_from(FRAME)
    train, _ = cut(design)
    (portion,) = STRATEGIES["joint"].portions(design, train)
    assert list(portion.rows_by_gap) == list(design.gaps)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(portion.rows_by_gap.values()))), train)
    days = design.samples.timestamps.dt.dayofweek.to_numpy()
    for day in range(7):
        turns = [int((days[rows] == day).sum()) for rows in portion.rows_by_gap.values()]
        assert min(turns) >= 2, (day, turns)  # of about eight each
    turn = turns_of(design.samples, train, 4).reshape(2, -1)
    assert 0.1 < np.mean(turn[0] == turn[1]) < 0.4


def test_when_days_are_added_or_dropped_then_no_other_row_gets_another_turn() -> None:
    turns = []
    for frame in (FRAME, FRAME[FRAME["date"].between("2024-01-20", FRAME["date"].max() - pd.Timedelta(days=3))]):
        samples = design_from(frame).samples
        names = samples.frame.set_index(["dept", "date"]).index
        turns.append(pd.Series(turns_of(samples, np.arange(len(samples)), 4), index=names))
    whole, part = turns
    assert 100 < len(part) < len(whole)
    pd.testing.assert_series_equal(whole.loc[part.index], part)


def test_when_joint_learns_then_each_target_has_the_weight_of_its_own_row() -> None:
    seen: dict[str, FloatArray | None] = {}

    class Spy(Ridge):
        def learn(self, X, z, *, weights, hyperparameters, seed):
            seen.update(z=z, weights=weights)
            return super().learn(X, z, weights=weights, hyperparameters=hyperparameters, seed=seed)

    design = design_from(FRAME)
    train, _ = cut(design)
    configuration = {"target_transform": "none", "feature_transform": "none", "alpha": 0.1, "strategy": "joint"}
    Spy().fit(design, train, columns=[], hyperparameters={**configuration, "half_life": 0.5}, seed=0)
    (portion,) = STRATEGIES["joint"].portions(design, train)
    order = np.concatenate(list(portion.rows_by_gap.values()))
    weight_of = dict(zip(train, recency_weights(design.samples, train, 0.5), strict=True))
    np.testing.assert_array_equal(seen["z"], design.samples.y[order])
    np.testing.assert_allclose(seen["weights"], [weight_of[row] for row in order])
    assert len(set(np.round(seen["weights"], 6))) > 10


def test_when_joint_then_one_learner_is_told_the_gap_and_each_row_is_predicted_from_that_of_its_block() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    fitted = fitted_by("joint", design)
    assert isinstance(fitted, FittedRidge)
    (learner,) = fitted.learners
    assert learner.encoding.columns == (*design.X.columns, GAP_COL)
    whole = fitted.predict(design, train, valid)
    steps = steps_after_history(design.samples, train, valid)
    known = known_target(design.samples, train)
    for gap, covered in zip(design.gaps, [(1, 2), (3, 4), (5, 6), (7,)], strict=True):
        rows = valid[np.isin(steps, covered)]
        alone = fitted.predict_with(learner, design, gap=gap, known=known, rows=rows)
        np.testing.assert_array_equal(whole[np.isin(steps, covered)], alone)


def test_when_no_column_looks_back_then_joint_learns_what_direct_does() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    known_ahead = ["promotion", *(name for name in design.X.columns if name in design.of_the_year)]
    configuration = {"target_transform": "none", "feature_transform": "none", "alpha": 0.1}
    direct, joint = (
        Ridge().fit(design, train, columns=known_ahead, hyperparameters={**configuration, "strategy": strategy}, seed=0)
        for strategy in ("direct", "joint")
    )
    np.testing.assert_allclose(joint.predict(design, train, valid), direct.predict(design, train, valid))
    assert isinstance(joint, FittedRidge)
    assert joint.learners[0].encoding.columns == tuple(known_ahead)


def test_when_joint_has_fewer_rows_than_gaps_then_it_learns_from_the_gaps_that_had_their_turn() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    few = train[-1:]
    fitted = Ridge().fit(
        design,
        few,
        columns=list(design.X.columns),
        hyperparameters={"target_transform": "none", "feature_transform": "none", "alpha": 0.1, "strategy": "joint"},
        seed=0,
    )
    np.testing.assert_allclose(fitted.predict(design, train, valid), design.samples.y[few[0]])


def test_when_recursive_then_later_blocks_learn_from_the_predictions_of_earlier_ones() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    fitted = fitted_by("recursive", design)
    both = fitted.predict(design, train, valid)
    later = valid[steps_after_history(design.samples, train, valid) > 2]
    np.testing.assert_array_equal(fitted.predict(design, train, later), both[np.isin(valid, later)])
    known = design.samples.y.copy()
    known[valid] = np.nan
    first = valid[steps_after_history(design.samples, train, valid) <= 2]
    known[first] = 10.0 * both[np.isin(valid, first)]  # as if the first block had been predicted so
    walked = design.continued(train, known, gap=2)
    assert isinstance(fitted, FittedRidge)
    moved = fitted.predict_with(fitted.learners[0], walked, gap=2, known=known, rows=later[:1])
    assert moved[0] > 1.2 * both[np.isin(valid, later)][0]


def test_when_per_series_then_the_rows_of_another_series_do_not_matter() -> None:
    other = FRAME.copy()
    other.loc[other["dept"] == "toys", "units"] = np.random.default_rng(5).poisson(300.0, N_DAYS).astype(float)
    design, changed = design_from(FRAME), design_from(other)
    _, valid = cut(design)
    is_food = design.samples.frame["dept"].to_numpy()[valid] == "food"
    own = [name for name in design.X.columns if "scenario" not in name]
    predictions = []
    for one in (design, changed):
        train, _ = cut(one)
        configuration = {"target_transform": "none", "feature_transform": "none", "alpha": 0.1}
        fitted = Ridge().fit(
            one, train, columns=own, hyperparameters={**configuration, "strategy": "per_series"}, seed=0
        )
        predictions.append(fitted.predict(one, train, valid)[is_food])
    np.testing.assert_array_equal(*predictions)


def test_when_a_series_was_never_learned_from_then_it_gets_the_mean_of_all_learners() -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    fitted = fitted_by("per_series", design)
    assert isinstance(fitted, FittedRidge)
    renamed = replace(fitted, learners=tuple(replace(one, series=f"old {one.series}") for one in fitted.learners))
    each = [
        replace(fitted, strategy="direct", learners=(one,)).predict(design, train, valid) for one in fitted.learners
    ]
    np.testing.assert_allclose(renamed.predict(design, train, valid), np.mean(each, axis=0))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_when_written_and_read_then_predictions_are_the_same_to_the_last_bit(strategy: str) -> None:
    design = design_from(FRAME)
    train, valid = cut(design)
    configuration = LightGBM().defaults(design) | {"strategy": strategy, "n_trees": 5, "target_transform": "level"}
    fitted = LightGBM().fit(design, train, columns=list(design.X.columns), hyperparameters=configuration, seed=0)
    data = pack({"member": fitted.to_parts()})
    read = type(fitted).from_parts(unpack(data, digest_of(data))["member"])
    np.testing.assert_array_equal(fitted.predict(design, train, valid), read.predict(design, train, valid))


def test_when_the_level_of_a_series_is_ten_times_as_high_then_so_is_what_level_free_learners_predict() -> None:
    """Features in units of the target are learned as multiples of the level, as the target is."""
    design = design_from(FRAME)
    train, valid = cut(design)
    sized = [name for name in design.X.columns if name in design.target_sized]
    assert "units__mean_7" in sized
    assert "units__trend_7_28" not in sized
    configuration = {"target_transform": "level", "feature_transform": "none", "alpha": 0.1}
    fitted = Ridge().fit(design, train, columns=sized, hyperparameters=configuration, seed=0)
    larger = design_from(FRAME.assign(units=FRAME["units"] * 10.0))
    np.testing.assert_allclose(fitted.predict(larger, train, valid), 10.0 * fitted.predict(design, train, valid))
