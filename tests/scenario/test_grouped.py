import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import QUICK, demand_frame, demand_problem

from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.committee import Committee
from distributed_automl.scenario.design import Design, Samples
from distributed_automl.scenario.estimators._base import mean_of
from distributed_automl.scenario.estimators.ridge import Ridge
from distributed_automl.scenario.grouped import FittedGrouped, Grouped, groupings
from distributed_automl.scenario.pool import pool_samples
from distributed_automl.scenario.synthesis import EntityTables, define, design_of

LINE = {"target_transform": "none", "feature_transform": "none", "alpha": 0.1}


def panel(n_days: int = 400) -> pd.DataFrame:
    """Four stores in two states, each with two departments."""
    return pd.concat(
        [
            demand_frame(store_id=store, n_days=n_days, seed=number, level=20.0).assign(
                state="TX" if store < "003" else "CA", dept=dept
            )
            for number, (store, dept) in enumerate((s, d) for s in ("001", "002", "003", "004") for d in ("a", "b"))
        ],
        ignore_index=True,
    )


def samples_of(frame: pd.DataFrame, **changes: object) -> tuple[Samples, Design]:
    problem = demand_problem(series_keys=("dept",), **changes)
    definitions = define(kinds_of(frame, problem), problem, QUICK.synthesis, 7)
    samples = pool_samples(frame, problem, definitions, "__pooled__/all")
    return samples, design_of(samples, definitions, EntityTables())


def test_when_columns_group_the_rows_then_keys_come_before_static_categories() -> None:
    assert groupings(samples_of(panel())[0]) == ["dept", "state"]
    both = pd.concat([panel().assign(dept=dept) for dept in ("a",)]).drop_duplicates(["store_id", "dept", "date"])
    assert groupings(samples_of(both)[0]) == ["state"]


def test_when_groups_have_too_few_rows_or_repeat_another_grouping_then_they_are_left_out() -> None:
    assert groupings(samples_of(panel(n_days=90))[0]) == []
    doubled = panel().assign(region=lambda frame: "region of " + frame["state"])
    assert groupings(samples_of(doubled, static=("state", "region"))[0]) == ["dept", "state"] or groupings(
        samples_of(doubled, static=("region", "state"))[0]
    ) == ["dept", "region"]


def test_when_fitted_per_group_then_each_row_is_predicted_by_its_own_groups_model() -> None:
    samples, design = samples_of(panel())
    rows = np.flatnonzero(np.isfinite(samples.y))
    columns = list(design.X.columns)
    grouped = Grouped(Ridge(), "state", LINE)
    fitted = grouped.fit(design, rows, columns=columns, hyperparameters=LINE, seed=0)
    assert grouped.name == "ridge by state"
    assert list(fitted.groups) == ["CA", "TX"]
    texas = np.flatnonzero(samples.frame["state"].to_numpy() == "TX")
    alone = Ridge().fit(design, texas, columns=columns, hyperparameters=LINE, seed=0)
    mixed = np.random.default_rng(0).permutation(rows)[:200]
    expected = alone.predict(design, rows, mixed)
    in_texas = np.isin(mixed, texas)
    predicted = fitted.predict(design, rows, mixed)
    np.testing.assert_array_equal(predicted[in_texas], expected[in_texas])
    assert not np.array_equal(predicted[~in_texas], expected[~in_texas])


def test_when_a_row_is_of_an_unknown_group_then_the_mean_of_all_groups_predicts_it() -> None:
    samples, design = samples_of(panel())
    rows = np.flatnonzero(np.isfinite(samples.y))
    fitted = Grouped(Ridge(), "state", LINE).fit(design, rows, columns=["promotion"], hyperparameters=LINE, seed=0)
    texas_only = FittedGrouped("dept", fitted.groups)  # no department is called "TX" or "CA"
    each = [one.predict(design, rows, rows[:50]) for one in fitted.groups.values()]
    np.testing.assert_allclose(texas_only.predict(design, rows, rows[:50]), np.mean(each, axis=0))


def test_when_a_committee_is_asked_then_it_answers_with_the_weighted_mean_and_each_member_with_its_own() -> None:
    samples, design = samples_of(panel())
    rows = np.flatnonzero(np.isfinite(samples.y))
    members = {
        grouped.name: grouped.fit(design, rows, columns=["promotion"], hyperparameters=LINE, seed=0)
        for grouped in (Grouped(Ridge(), None, LINE), Grouped(Ridge(), "state", LINE))
    }
    committee = Committee(members, {"ridge": 0.25, "ridge by state": 0.75})
    each = [committee.member(name).predict(design, rows, rows[:30]) for name in members]
    np.testing.assert_allclose(committee.predict(design, rows, rows[:30]), 0.25 * each[0] + 0.75 * each[1])
    assert committee.labels == ("ridge by state", "ridge")
    read = Committee.from_parts(committee.to_parts())
    np.testing.assert_array_equal(read.predict(design, rows, rows[:30]), committee.predict(design, rows, rows[:30]))


def test_when_many_models_are_averaged_then_a_row_alone_has_the_bits_that_it_has_among_others() -> None:
    predictions = list(np.random.default_rng(0).lognormal(size=(40, 25)))
    together = mean_of(predictions)
    alone = [mean_of([one[row : row + 1] for one in predictions])[0] for row in range(25)]
    assert together.tolist() == alone
    assert together == pytest.approx(np.mean(predictions, axis=0))
