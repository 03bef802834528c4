"""Splits: worked out by hand, and properties that must always hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_automl.errors import ScenarioSkipped, TableError
from distributed_automl.parameters import Problem, Validation
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.design import Samples, Split, Splits
from distributed_automl.scenario.split import draw_of, split

MAX_EXAMPLE_ROWS = 400


def _forecasting(
    n: int, *, horizon: int = 3, absent: tuple[int, ...] = (), n_series: int = 1, **changes: Any
) -> Samples:
    settings: dict[str, Any] = {"frequency": "D", "missing_rows": "null"}
    problem = Problem(
        scenario_keys=("k",), series_keys=("s",), timestamp="t", target="y", horizon=horizon, **(settings | changes)
    )
    step = problem.frequency
    stamps = np.arange(n) if isinstance(step, int) else pd.date_range("2017-01-01", periods=n, freq=step)
    parts = [pd.DataFrame({"k": "a", "s": f"s{i}", "t": stamps, "y": np.arange(n) + 1.0}) for i in range(n_series)]
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[frame["t"].isin(stamps[list(absent)]), "y"] = np.nan
    return canonical(frame, problem, {})


def _tabular(ids: list[Any], *, target: object = 1.0, **changes: Any) -> Samples:
    problem = Problem(task="regression", scenario_keys=("k",), target="y", sample_id="id", **changes)
    frame = pd.DataFrame({"k": "a", "id": ids, "y": target, "f": [i % 3 for i in range(len(ids))]})
    kinds: dict[str, Any] = {"f": "numeric"}
    if problem.timestamp is not None:
        frame["when"] = pd.date_range("2017-01-01", periods=len(ids), freq="h")[::-1]
        kinds["when"] = "datetime"
    if problem.group == "g":
        frame["g"] = [f"g{i % 20}" for i in range(len(ids))]
        kinds["g"] = "categorical"
    return canonical(frame, problem, kinds)


def _all(splits: Splits) -> list[Split]:
    return [*splits.folds, splits.holdout]


def _spans(splits: Splits) -> list[tuple[str, int, int, int, int]]:
    return [(s.name, s.train[0], s.train[-1], s.valid[0], s.valid[-1]) for s in _all(splits)]


# --- forecasting -----------------------------------------------------------------------------------------------------


def test_when_history_is_long_then_windows_of_the_horizon_end_at_the_last_period() -> None:
    splits = split(_forecasting(20), Validation(n_folds=3, min_train_periods=5))
    assert _spans(splits) == [
        ("fold_1", 0, 7, 8, 10),
        ("fold_2", 0, 10, 11, 13),
        ("fold_3", 0, 13, 14, 16),
        ("holdout", 0, 16, 17, 19),
    ]
    assert [one.cutoff for one in _all(splits)] == [pd.Timestamp(f"2017-01-{day:02}") for day in (8, 11, 14, 17)]


@pytest.mark.parametrize(("n_periods", "n_folds"), [(11, 1), (13, 1), (14, 2), (16, 2), (17, 3), (18, 3), (40, 3)])
def test_when_history_is_short_then_there_are_fewer_folds(n_periods: int, n_folds: int) -> None:
    splits = split(_forecasting(n_periods), Validation(n_folds=3, min_train_periods=5))
    assert len(splits.folds) == n_folds
    assert splits.folds[0].name == "fold_1"
    assert len(splits.folds[0].train) >= 5
    assert splits.holdout.valid.tolist() == list(range(n_periods - 3, n_periods))


def test_when_history_does_not_reach_for_one_fold_then_the_reason_says_what_is_needed() -> None:
    with pytest.raises(ScenarioSkipped, match=r"10 periods.*at least 11 are needed: 5 to learn from.*horizon of 3"):
        split(_forecasting(10), Validation(n_folds=3, min_train_periods=5))


@pytest.mark.parametrize(
    ("frequency", "horizon", "expected"),
    [
        ("D", 28, 56),
        ("D", 3, 14),
        ("W", 4, 12),
        ("MS", 3, 24),
        ("h", 12, 48),
        (1, 1, 12),
    ],
)
def test_when_nothing_is_asked_for_then_two_horizons_and_two_short_seasons_are_learned_from(
    frequency: str | int, horizon: int, expected: int
) -> None:
    n_needed = expected + 2 * horizon
    with pytest.raises(ScenarioSkipped, match=f"at least {n_needed} are needed: {expected} to learn from"):
        split(_forecasting(n_needed - 1, horizon=horizon, frequency=frequency), Validation())
    splits = split(_forecasting(n_needed, horizon=horizon, frequency=frequency), Validation())
    assert [len(one.train) for one in _all(splits)] == [expected, expected + horizon]


def test_when_there_are_several_series_then_a_window_cuts_all_of_them_at_one_time() -> None:
    samples = _forecasting(14, n_series=2)
    splits = split(samples, Validation(n_folds=1, min_train_periods=5))
    assert splits.holdout.valid.tolist() == [11, 12, 13, 25, 26, 27]
    assert splits.folds[0].valid.tolist() == [8, 9, 10, 22, 23, 24]
    assert splits.folds[0].train.tolist() == [*range(8), *range(14, 22)]


def test_when_targets_are_unknown_then_they_are_neither_learned_nor_judged() -> None:
    splits = split(_forecasting(20, absent=(2, 15, 18)), Validation(n_folds=1, min_train_periods=5))
    assert splits.holdout.valid.tolist() == [17, 19]
    assert splits.folds[0].valid.tolist() == [14, 16]
    assert 2 not in splits.holdout.train


def test_when_the_last_targets_are_unknown_then_the_holdout_ends_at_the_last_known_one() -> None:
    splits = split(_forecasting(20, absent=(17, 18, 19)), Validation(n_folds=1, min_train_periods=5))
    assert splits.holdout.valid.tolist() == [14, 15, 16]


def test_when_a_window_has_no_known_target_then_its_fold_is_left_out() -> None:
    splits = split(_forecasting(20, absent=(11, 12, 13)), Validation(n_folds=3, min_train_periods=5))
    assert [fold.name for fold in splits.folds] == ["fold_1", "fold_3"]


def test_when_timestamps_are_integers_then_so_are_cutoffs() -> None:
    splits = split(_forecasting(14, frequency=1), Validation(n_folds=1, min_train_periods=5))
    assert [one.cutoff for one in _all(splits)] == [7, 10]


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 120),
    horizon=st.integers(1, 10),
    n_folds=st.integers(1, 6),
    min_train=st.integers(2, 30),
    absent=st.sets(st.integers(0, 119), max_size=30),
    n_series=st.integers(1, 3),
    frequency=st.sampled_from(["D", "MS", 1]),
)
def test_when_history_is_split_then_only_the_past_is_learned_from(
    n: int, horizon: int, n_folds: int, min_train: int, absent: set[int], n_series: int, frequency: str | int
) -> None:
    places = tuple(place for place in absent if place < n)
    samples = _forecasting(n, horizon=horizon, absent=places, n_series=n_series, frequency=frequency)
    validation = Validation(n_folds=n_folds, min_train_periods=min_train)
    known = np.array([place for place in range(n) if place not in places])
    n_known_span = int(known[-1] - known[0] + 1) if len(known) else 0
    try:
        splits = split(samples, validation)
    except ScenarioSkipped:
        assert n_known_span < min_train + 2 * horizon or absent
        return
    assert n_known_span >= min_train + 2 * horizon
    assert 1 <= len(splits.folds) <= n_folds
    stamps = samples.timestamps
    for one in _all(splits):
        assert len(one.train)
        assert len(one.valid)
        assert np.isfinite(samples.y[np.concatenate([one.train, one.valid])]).all()
        assert (np.diff(one.train) > 0).all()
        assert (np.diff(one.valid) > 0).all()
        assert stamps.iloc[one.train].max() <= one.cutoff < stamps.iloc[one.valid].min()
        assert stamps.iloc[one.valid].nunique() <= horizon
    judged = np.concatenate([one.valid for one in _all(splits)])
    assert len(np.unique(judged)) == len(judged)
    assert [one.cutoff for one in _all(splits)] == sorted(one.cutoff for one in _all(splits))  # type: ignore[type-var]


# --- tabular ---------------------------------------------------------------------------------------------------------


def test_when_a_name_is_drawn_then_its_number_never_changes() -> None:
    assert [round(draw_of(name), 6) for name in ("id=0", "id=1", "id=ö")] == [0.789208, 0.233058, 0.123165]


def test_when_many_names_are_drawn_then_the_numbers_are_even() -> None:
    draws = np.array([draw_of(f"id={i}") for i in range(20_000)])
    assert np.histogram(draws, bins=10, range=(0, 1))[0] == pytest.approx(np.full(10, 2_000), rel=0.1)
    assert 0 <= draws.min() < draws.max() < 1


def test_when_rows_are_split_by_hash_then_folds_and_holdout_have_their_shares() -> None:
    splits = split(_tabular(list(range(3_000))), Validation(n_folds=3, holdout_share=0.25))
    assert len(splits.holdout.valid) == pytest.approx(750, rel=0.1)
    assert [len(fold.valid) for fold in splits.folds] == pytest.approx([750] * 3, rel=0.1)
    assert [fold.name for fold in splits.folds] == ["fold_1", "fold_2", "fold_3"]
    assert splits.holdout.cutoff is None


def test_when_there_is_one_fold_then_it_still_has_rows_to_learn_from() -> None:
    (fold,) = split(_tabular(list(range(1_000))), Validation(n_folds=1)).folds
    assert len(fold.train) == pytest.approx(400, rel=0.15)
    assert len(fold.valid) == pytest.approx(400, rel=0.15)


@settings(deadline=None, max_examples=60)
@given(
    ids=st.lists(st.integers(0, 10**6), min_size=60, max_size=MAX_EXAMPLE_ROWS, unique=True),
    n_folds=st.integers(1, 6),
    share=st.floats(0.1, 0.6),
    by_time=st.booleans(),
    by_group=st.booleans(),
)
def test_when_rows_are_split_then_no_row_is_learned_from_and_judged(
    ids: list[int], n_folds: int, share: float, by_time: bool, by_group: bool
) -> None:
    target = [float(i) if i % 7 else None for i in range(len(ids))]
    samples = _tabular(ids, target=target, timestamp="when" if by_time else None, group="g" if by_group else None)
    try:
        splits = split(samples, Validation(n_folds=n_folds, holdout_share=share))
    except ScenarioSkipped:
        return
    known = set(np.flatnonzero(np.isfinite(samples.y)).tolist())
    for one in _all(splits):
        assert not set(one.train) & set(one.valid)
        assert set(one.train) | set(one.valid) <= known
        assert not set(one.train) & set(splits.holdout.valid)
        if by_group:
            groups = samples.frame["g"]
            assert not set(groups.iloc[one.train]) & set(groups.iloc[one.valid])
        if by_time:
            assert samples.timestamps.iloc[one.train].max() < samples.timestamps.iloc[one.valid].min()
    judged = np.concatenate([one.valid for one in _all(splits)])
    assert len(np.unique(judged)) == len(judged)


@settings(deadline=None, max_examples=60)
@given(ids=st.lists(st.integers(0, 10**6), min_size=80, max_size=200, unique=True), n_kept=st.integers(60, 80))
def test_when_other_rows_come_or_go_then_a_row_keeps_its_part(ids: list[int], n_kept: int) -> None:
    def parts(chosen: list[int]) -> dict[int, str]:
        samples = _tabular(chosen)
        names = samples.frame["id"]
        return {int(names[row]): one.name for one in _all(split(samples, Validation())) for row in one.valid}

    everywhere, fewer = parts(ids), parts(ids[:n_kept][::-1])
    assert fewer == {name: everywhere[name] for name in ids[:n_kept]}


def test_when_ids_are_numbers_of_another_width_or_text_then_the_parts_are_the_same() -> None:
    def judged(ids: list[Any]) -> set[str]:
        samples = _tabular(ids)
        return {str(samples.frame["id"][row]) for row in split(samples, Validation()).holdout.valid}

    ids = list(range(100))
    assert judged(ids) == judged(list(np.array(ids, dtype=np.int32))) == judged([str(i) for i in ids])


def test_when_a_group_is_null_then_its_rows_are_drawn_alone() -> None:
    samples = _tabular(list(range(200)), group="g")
    alone = split(_tabular(list(range(200))), Validation())
    samples.frame["g"] = None
    assert split(samples, Validation()).holdout.valid.tolist() == alone.holdout.valid.tolist()


def test_when_all_rows_are_of_one_group_then_the_scenario_is_skipped() -> None:
    samples = _tabular(list(range(100)), group="g")
    samples.frame["g"] = "same"
    with pytest.raises(ScenarioSkipped, match="do not fill one fold and the holdout"):
        split(samples, Validation())


def test_when_there_are_too_few_rows_then_the_reason_counts_them() -> None:
    with pytest.raises(ScenarioSkipped, match="39 of its rows have a target; at least 40"):
        split(_tabular(list(range(39))), Validation(min_samples=40))


def test_when_rows_are_split_by_time_then_the_latest_share_is_held_out() -> None:
    # sample ids run against time: row 0 is the latest
    splits = split(_tabular(list(range(100)), timestamp="when"), Validation(n_folds=3, holdout_share=0.2))
    assert splits.holdout.valid.tolist() == list(range(20))
    assert splits.holdout.train.tolist() == list(range(20, 100))
    assert [(len(fold.train), len(fold.valid)) for fold in splits.folds] == [(20, 20), (40, 20), (60, 20)]
    assert splits.folds[0].train.tolist() == list(range(80, 100))


def test_when_rows_share_a_time_then_they_stay_together() -> None:
    samples = _tabular(list(range(100)), timestamp="when")
    samples.frame["when"] = pd.DatetimeIndex(np.repeat(pd.date_range("2017-01-01", periods=10), 10))
    for one in _all(split(samples, Validation(n_folds=2, holdout_share=0.25))):
        days = samples.frame["when"]
        assert not set(days.iloc[one.train]) & set(days.iloc[one.valid])


def test_when_all_rows_are_of_one_time_then_the_scenario_is_skipped() -> None:
    samples = _tabular(list(range(100)), timestamp="when")
    samples.frame["when"] = pd.Timestamp("2017-01-01")
    with pytest.raises(ScenarioSkipped, match="do not fill one fold"):
        split(samples, Validation())


def test_when_a_row_has_no_time_then_it_counts_as_the_oldest() -> None:
    samples = _tabular(list(range(100)), timestamp="when")
    samples.frame.loc[3, "when"] = pd.NaT
    splits = split(samples, Validation(n_folds=1))
    assert 3 in splits.folds[0].train


def test_when_the_time_is_text_then_the_error_names_the_column() -> None:
    samples = _tabular(list(range(100)), timestamp="when")
    samples.frame["when"] = "today"
    with pytest.raises(TableError, match="timestamp 'when' must hold numbers, dates or timestamps"):
        split(samples, Validation())


# --- classes ---------------------------------------------------------------------------------------------------------


def _classes(
    labels: list[Any], *, ids: list[Any] | None = None, groups: list[Any] | None = None, scenarios: Any = "a"
) -> Samples:
    ids = list(range(len(labels))) if ids is None else ids
    problem = Problem(
        task="classification", scenario_keys=("k",), target="y", sample_id="id", group="g" if groups else None
    )
    frame = pd.DataFrame({"k": scenarios, "id": ids, "y": labels, "g": groups or [0] * len(ids)})
    return canonical(frame, problem, {"g": "categorical"})


def _labels(samples: Samples, rows: Any) -> dict[str, int]:
    found = pd.Series(samples.y[rows]).map(dict(enumerate(samples.classes))).value_counts()
    return {str(label): int(count) for label, count in found.items()}


LABELS = ["common"] * 100 + ["rare"] * 10
QUARTER = Validation(holdout_share=0.25, n_folds=3)


def test_when_classes_are_split_then_every_part_has_its_share_of_each() -> None:
    samples = _classes(LABELS)
    splits = split(samples, QUARTER)
    for part in (*splits.folds, splits.holdout):
        counts = _labels(samples, part.valid)
        assert 24 <= counts["common"] <= 26
        assert 2 <= counts["rare"] <= 3
    judged = np.concatenate([part.valid for part in (*splits.folds, splits.holdout)])
    assert sorted(judged) == list(range(110))
    for fold in splits.folds:
        assert set(fold.train) == set(splits.holdout.train) - set(fold.valid)


def test_when_rows_come_in_another_order_then_each_keeps_its_part() -> None:
    order = np.random.default_rng(0).permutation(110)
    plain = split(_classes(LABELS), QUARTER)
    shuffled = split(_classes([LABELS[i] for i in order], ids=order.tolist()), QUARTER)
    for one, other in zip(plain.folds, shuffled.folds, strict=True):
        assert one.train.tolist() == other.train.tolist()
        assert one.valid.tolist() == other.valid.tolist()


def test_when_a_class_has_fewer_rows_than_parts_then_the_others_are_split_all_the_same() -> None:
    samples = _classes([*(["a", "b"] * 40), "only one", "two", "two"])
    splits = split(samples, QUARTER)
    assert len(splits.folds) == 3
    counts = [_labels(samples, part.valid) for part in (*splits.folds, splits.holdout)]
    assert sum(one.get("only one", 0) for one in counts) == 1
    assert max(one.get("two", 0) for one in counts) == 1
    assert all(one["a"] == 10 for one in counts)


def test_when_classes_are_unknown_then_their_rows_are_nowhere() -> None:
    samples = _classes([*LABELS, None, None])
    splits = split(samples, QUARTER)
    assert max(max(part.train.max(), part.valid.max()) for part in (*splits.folds, splits.holdout)) < 110


def test_when_there_are_groups_then_they_stay_together_and_classes_are_spread() -> None:
    rng = np.random.default_rng(1)
    groups, labels = [], []
    for family in range(40):
        size = int(rng.integers(1, 6))
        groups += [f"family {family}"] * size
        labels += ["ill" if family % 4 == 0 else "well"] * size
        labels[-1] = "well"
    samples = _classes(labels, groups=groups)
    splits = split(samples, QUARTER)
    parts = [*splits.folds, splits.holdout]
    families = [set(samples.frame["g"].iloc[part.valid]) for part in parts]
    assert sum(len(found) for found in families) == 40
    wells = [_labels(samples, part.valid)["well"] / labels.count("well") for part in parts]
    assert all(0.15 < share < 0.35 for share in wells)


def test_when_a_pool_is_split_then_each_scenario_s_rows_are_in_the_parts_that_they_have_alone() -> None:
    """Else the pool's vintages would know rows that a scenario judges them by."""
    labels = np.random.default_rng(2).choice(["x", "y", "z"], 150).tolist()
    rows = {"a": list(range(60)), "b": list(range(60, 150))}
    alone = {name: _classes([labels[i] for i in own], ids=own, scenarios=name) for name, own in rows.items()}
    frame = pd.concat([samples.frame for samples in alone.values()], ignore_index=True)
    together = split(replace(alone["a"], scenario_id="pool", frame=frame), QUARTER)
    for name, own in rows.items():
        mine = split(alone[name], QUARTER)
        for one, of_all in zip((*mine.folds, mine.holdout), (*together.folds, together.holdout), strict=True):
            assert {own[row] for row in one.valid} == {*of_all.valid} & {*own}
        assert mine.holdout.strata == {name: together.holdout.strata[name]}


def test_when_a_scenario_s_rows_or_classes_change_then_its_digest_does() -> None:
    digest = split(_classes(LABELS), QUARTER).holdout.strata["a"]
    more = split(_classes([*LABELS, "rare"]), QUARTER).holdout.strata["a"]
    other = split(_classes(["rare", *LABELS[1:]]), QUARTER).holdout.strata["a"]
    same = split(_classes(LABELS[::-1], ids=list(range(110))[::-1]), QUARTER).holdout.strata["a"]
    assert len({digest, more, other}) == 3
    assert same == digest
