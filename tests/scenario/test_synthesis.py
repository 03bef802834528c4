import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.calendar_features import pace
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.design import ROW_COL, SERIES_COL, Samples
from distributed_automl.scenario.serialize import pack
from distributed_automl.scenario.synthesis import (
    Definitions,
    EntityTables,
    define,
    design_of,
    learn_entities,
    synthesize,
)

NONE = EntityTables()
UNCAPPED = Synthesis(max_features=1000)
KINDS = {
    "price": "numeric",
    "promotion": "categorical",
    "size": "numeric",
    "region": "categorical",
    "opened": "datetime",
    "visitors": "numeric",
    "weather": "categorical",
}
OBSERVED = ["units", "visitors", "weather"]


def forecasting(**changes):
    settings = {
        "scenario_keys": ("store",),
        "series_keys": ("dept",),
        "timestamp": "date",
        "frequency": "D",
        "horizon": 14,
        "target": "units",
        "known_in_advance": ("price", "promotion"),
        "static": ("size", "region", "opened"),
    }
    return Problem.model_validate(settings | changes)


def series_frame(timestamps, name, rng):
    n = len(timestamps)
    return pd.DataFrame(
        {
            SERIES_COL: name,
            "store": "s1",
            "dept": name,
            "date": timestamps,
            "units": rng.poisson(3.0, n).astype(float),
            "price": 2.0 + rng.random(n),
            "promotion": rng.choice(["none", "display"], n).astype(object),
            "size": float(len(name)),
            "region": "north" if name < "c" else "south",
            "opened": pd.Timestamp("2020-01-01"),
            "visitors": rng.poisson(50.0, n).astype(float),
            "weather": rng.choice(["sun", "rain"], n).astype(object),
        }
    )


def forecasting_samples(problem, *, timestamps=None, names=("a", "b", "c"), kinds=KINDS, season=7, n_short=0):
    """Series on one calendar; the last starts `n_short` periods late."""
    rng = np.random.default_rng(1)
    timestamps = pd.date_range("2024-01-01", periods=150) if timestamps is None else timestamps
    starts = [0] * (len(names) - 1) + [n_short]
    frames = [series_frame(timestamps[start:], name, rng) for name, start in zip(names, starts, strict=True)]
    frame = pd.concat(frames, ignore_index=True)
    frame[ROW_COL] = np.arange(len(frame))
    return Samples("s1", problem, frame, kinds, season)


def replaced(samples, frame):
    return Samples(samples.scenario_id, samples.problem, frame, samples.kinds, samples.season)


@pytest.fixture(scope="module")
def problem():
    return forecasting(entities={"area": ("region",)})


@pytest.fixture(scope="module")
def definitions(problem):
    return define(KINDS, problem, UNCAPPED, season=7)


@pytest.fixture(scope="module")
def samples(problem):
    return forecasting_samples(problem, n_short=30)


@pytest.fixture(scope="module", name="X")
def synthesized(samples, definitions):
    return synthesize(samples, definitions, NONE)


def names_of(definitions):
    return [feature.get_name() for feature in definitions.row_features()]


def rows_that_moved(before, after):
    same = (before == after) | (before.isna() & after.isna())
    return ~same.all(axis=1).to_numpy()


def shaken_after(samples, row_date, horizon):
    """Change the target and every observed column of all series later than a horizon before `row_date`."""
    frame = samples.frame.copy()
    late = frame["date"] > row_date - pd.Timedelta(days=horizon)
    frame.loc[late, "units"] = 1e6
    frame.loc[late, "visitors"] = -1e6
    frame.loc[late, "weather"] = "hail"
    return replaced(samples, frame)


# Leakage


@pytest.mark.parametrize("day", [40, 77, 149])
def test_when_the_future_of_the_target_and_of_observed_columns_changes_then_features_do_not_move(
    samples, definitions, X, day
):
    date = samples.timestamps.min() + pd.Timedelta(days=day)
    shaken = synthesize(shaken_after(samples, date, 14), definitions, NONE)
    at = (samples.timestamps <= date).to_numpy()
    assert not rows_that_moved(X, shaken)[at].any()


def test_when_features_are_defined_for_a_shorter_horizon_then_the_leakage_test_fails(samples):
    shorter = define(KINDS, forecasting(horizon=13, entities={"area": ("region",)}), UNCAPPED, season=1)
    date = samples.timestamps.max()
    before = synthesize(samples, shorter, NONE)
    after = synthesize(shaken_after(samples, date, 14), shorter, NONE)
    at = (samples.timestamps == date).to_numpy()
    assert rows_that_moved(before, after)[at].all()


def test_when_the_youngest_value_that_may_be_seen_changes_then_features_do_move(samples, definitions, X):
    date = samples.timestamps.max()
    after = synthesize(shaken_after(samples, date, 15), definitions, NONE)
    at = (samples.timestamps == date).to_numpy()
    assert rows_that_moved(X, after)[at].all()


def test_when_the_known_future_changes_then_only_rows_that_may_look_so_far_ahead_move(samples, blocked):
    last = samples.timestamps.max()
    frame = samples.frame.copy()
    frame.loc[frame["date"] == last, ["price", "promotion"]] = [99.0, "clearance"]
    X, shaken = synthesize(samples, blocked, NONE), synthesize(replaced(samples, frame), blocked, NONE)
    moved = rows_that_moved(X, shaken)
    ahead = 28 // 4
    assert not moved[(samples.timestamps < last - pd.Timedelta(days=ahead)).to_numpy()].any()
    assert moved[(samples.timestamps == last).to_numpy()].all()
    assert moved[(samples.timestamps == last - pd.Timedelta(days=1)).to_numpy()].any()


def test_when_features_are_defined_then_no_observed_column_enters_as_it_is(definitions):
    names = names_of(definitions)
    assert not set(OBSERVED) & set(names)
    assert {"price", "promotion", "size", "region", "dept"} <= set(names)


# Gaps


@pytest.fixture(scope="module")
def blocked():
    return define(KINDS, forecasting(horizon=28, entities={"area": ("region",)}), UNCAPPED, season=7)


def test_when_the_horizon_is_cut_then_there_are_definitions_for_every_block_and_the_last_gap_is_the_horizon(blocked):
    assert blocked.gaps == (7, 14, 21, 28)
    assert define(KINDS, forecasting(), Synthesis(n_blocks=1), season=7).gaps == (14,)


def test_when_the_gap_changes_then_names_and_kinds_of_features_stay(samples, blocked):
    X = [synthesize(samples, blocked, NONE, gap=gap) for gap in blocked.gaps]
    assert all(list(x.dtypes.items()) == list(X[-1].dtypes.items()) for x in X)
    pd.testing.assert_frame_equal(X[-1], synthesize(samples, blocked, NONE), check_exact=True)


@pytest.mark.parametrize("gap", [7, 14, 21, 28])
def test_when_what_is_younger_than_the_gap_changes_then_features_of_that_gap_do_not_move(samples, blocked, gap):
    date = samples.timestamps.max()
    at = (samples.timestamps == date).to_numpy()
    before = synthesize(samples, blocked, NONE, gap=gap)
    unseen = synthesize(shaken_after(samples, date, gap), blocked, NONE, gap=gap)
    seen = synthesize(shaken_after(samples, date, gap + 1), blocked, NONE, gap=gap)
    assert not rows_that_moved(before, unseen)[at].any()
    assert rows_that_moved(before, seen)[at].all()


def test_when_a_gap_is_fresher_then_its_features_of_the_past_equal_those_of_a_problem_with_that_horizon(
    samples, blocked
):
    shorter = define(KINDS, forecasting(horizon=7, entities={"area": ("region",)}), UNCAPPED, season=7)
    expected = synthesize(samples, shorter, NONE)
    past = [
        name for name in expected if name.startswith(("units__", "visitors__", "weather__", "scenario__", "area__"))
    ]
    found = synthesize(samples, blocked, NONE, gap=7)
    assert len(past) > 40
    pd.testing.assert_frame_equal(found[past], expected[past], check_exact=True)


def test_when_a_design_is_asked_for_a_gap_then_it_has_just_what_is_computed_for_that_gap_alone(samples, blocked):
    design = design_of(samples, blocked, NONE)
    for gap in blocked.gaps:
        pd.testing.assert_frame_equal(design.at(gap), synthesize(samples, blocked, NONE, gap=gap), check_exact=True)


def test_when_a_gap_was_not_planned_then_the_error_lists_those_that_were(samples, blocked):
    with pytest.raises(ValueError, match=r"for a gap of 8: expected one of \[7, 14, 21, 28\]"):
        synthesize(samples, blocked, NONE, gap=8)


def test_when_the_cap_is_reached_then_every_gap_keeps_the_same_features_and_the_rest_is_named():
    problem = forecasting(horizon=28)
    everything = define(KINDS, problem, UNCAPPED, season=7)
    capped = define(KINDS, problem, Synthesis(max_features=12), season=7)
    assert everything.n_dropped == 0
    assert capped.n_defined == everything.n_defined == len(names_of(everything))
    assert {*names_of(capped), *capped.dropped} == set(names_of(everything))
    assert {tuple(f.get_name() for f in capped.row_features(gap)) for gap in capped.gaps} == {tuple(names_of(capped))}


def test_when_definitions_are_packed_then_all_gaps_of_a_median_problem_take_little_of_a_model(blocked):
    assert len(pack(blocked.to_parts())) < 30_000


# Values


def test_when_a_daily_series_is_synthesized_then_each_feature_is_what_its_name_says(samples, X):
    series = samples.frame[samples.frame[SERIES_COL] == "a"]
    units = series["units"].to_numpy()
    row, x = 149, X.loc[series.index[-1]]
    assert x["units__season_lag_1"] == units[row - 14]
    assert x["units__season_lag_4"] == units[row - 35]
    assert x["units__season_mean_4"] == np.mean(units[[row - 14, row - 21, row - 28, row - 35]])
    assert x["units__mean_7"] == pytest.approx(units[row - 20 : row - 13].mean())
    assert x["units__median_28"] == np.median(units[row - 41 : row - 13])
    assert x["units__std_56"] == pytest.approx(units[row - 69 : row - 13].std())
    assert x["units__trend_28_56"] == pytest.approx(
        units[row - 41 : row - 13].mean() / units[row - 69 : row - 13].mean()
    )
    assert x["units__zero_share_56"] == pytest.approx((units[row - 69 : row - 13] == 0).mean())
    assert x["units__mean_so_far"] == pytest.approx(units[: row - 13].mean())
    assert x["visitors__season_lag_1"] == series["visitors"].to_numpy()[row - 14]
    assert x["weather__recent_1"] == series["weather"].to_numpy()[row - 14]
    assert x["price__to_past"] == pytest.approx(
        series["price"].to_numpy()[row] / series["price"].to_numpy()[row - 56 : row].mean()
    )
    assert x["opened__days_since"] == (series["date"].iloc[-1] - pd.Timestamp("2020-01-01")).days
    assert x["date__weekday"] == series["date"].iloc[-1].weekday()


def test_when_columns_are_known_in_advance_then_events_changes_and_likeness_are_what_their_names_say(samples, X):
    series = samples.frame[samples.frame[SERIES_COL] == "a"].reset_index(drop=True)
    row, x = 149, X.loc[samples.frame[samples.frame[SERIES_COL] == "a"].index[-1]]
    units, price, promotion = (series[name].to_numpy() for name in ("units", "price", "promotion"))
    assert x["price__to_previous"] == pytest.approx(price[row] / price[row - 1])
    assert x["price__to_past_max"] == pytest.approx(price[row] / price[row - 56 : row].max())
    alike = units[:136][promotion[:136] == promotion[row]].mean()
    assert x["units__mean_if_promotion"] == pytest.approx(alike)
    assert x["units__lift_of_promotion"] == pytest.approx(alike / units[:136].mean())
    run = next(age for age in range(150) if promotion[row - age - 1] != promotion[row])
    assert x["promotion__since_change"] == run
    assert x["promotion__former"] == promotion[row - run - 1]
    assert x["promotion__until_change"] == 4  # nothing in sight of 14 // 4 periods
    now = samples.frame[samples.frame["date"] == samples.timestamps.max()]["price"]
    assert x["price__to_scenario"] == pytest.approx(price[row] / now.mean())
    assert x["price__rank_in_scenario"] == (now < price[row]).mean() * 1.5


def test_when_levels_are_compared_then_ratios_are_those_of_their_parts(samples, X):
    units = samples.frame.loc[samples.frame[SERIES_COL] == "a", "units"].to_numpy()
    row, x = 149, X.loc[samples.frame[samples.frame[SERIES_COL] == "a"].index[-1]]
    eight = units[[row - 14 - 7 * i for i in range(8)]]
    assert x["units__season_trend"] == pytest.approx(eight[:4].mean() / eight.mean())
    assert x["units__season_share"] == pytest.approx(eight.mean() / units[row - 69 : row - 13].mean())
    assert x["units__to_scenario"] == pytest.approx(x["units__mean_28"] / x["scenario__units_mean_28"])


def test_when_the_target_doubles_then_exactly_the_features_in_its_units_double(samples, definitions, X):
    doubled = samples.frame.assign(units=samples.frame["units"] * 2.0)
    moved = synthesize(replaced(samples, doubled), definitions, NONE)
    sized = definitions.target_sized("units")
    assert {"units__season_lag_1", "units__then_grown", "scenario__units_mean_7", "units__mean_if_promotion"} <= sized
    numbers = [name for name in X if X[name].dtype == np.float64]
    for name in numbers:
        np.testing.assert_allclose(moved[name], X[name] * (2.0 if name in sized else 1.0), rtol=1e-9, err_msg=name)
    assert sized <= set(numbers)


def test_when_history_is_longer_than_a_long_season_then_last_year_grows_with_the_level():
    problem = forecasting(series_keys=(), static=(), known_in_advance=())
    samples = forecasting_samples(problem, timestamps=pd.date_range("2022-01-01", periods=800), names=("a",), kinds={})
    units, x = samples.y, synthesize(samples, define({}, problem, UNCAPPED, season=7), NONE).iloc[-1]
    row = 799
    growth = units[row - 69 : row - 13].mean() / units[row - 69 - 364 : row - 13 - 364].mean()
    assert x["units__growth"] == pytest.approx(growth)
    assert x["units__then_grown"] == pytest.approx(units[row - 364] * growth)
    assert x["units__long_season_lag_2"] == units[row - 728]


def test_when_series_form_groups_then_peers_are_those_of_the_group_alone(samples, X):
    frame, date = samples.frame, samples.timestamps.max()
    past = frame[(frame["date"] <= date - pd.Timedelta(days=14)) & (frame["date"] > date - pd.Timedelta(days=21))]
    everyone = past.groupby("date")["units"].mean().mean()
    north = past[past["region"] == "north"].groupby("date")["units"].mean().mean()
    at = X[(frame["date"] == date) & (frame["region"] == "north")]
    assert at["scenario__units_mean_7"].to_numpy() == pytest.approx(everyone)
    assert at["area__units_mean_7"].to_numpy() == pytest.approx(north)


def test_when_features_are_computed_then_types_are_plain_and_nothing_is_infinite(samples, X):
    categorical = {
        "promotion", "region", "dept", "weather__recent_1", "promotion__coming", "promotion__former"
    }  # fmt: skip
    assert {name for name in X if X[name].dtype == object} == categorical
    numbers = X.drop(columns=list(categorical))
    assert (numbers.dtypes == np.float64).all()
    assert not np.isinf(numbers.to_numpy()).any()
    assert set(X["weather__recent_1"].map(type)) == {str, type(None)}
    pd.testing.assert_index_equal(X.index, samples.frame.index)


def test_when_a_neighbouring_series_is_left_out_then_own_features_keep_every_bit(samples, definitions, X):
    own = samples.frame[samples.frame[SERIES_COL] == "a"].reset_index(drop=True)
    alone = synthesize(replaced(samples, own), definitions, NONE)
    names = [name for name in X if "scenario" not in name and "area" not in name]
    pd.testing.assert_frame_equal(alone[names], X.loc[: len(own) - 1, names], check_exact=True)


def test_when_scenarios_are_pooled_in_one_frame_then_peers_stay_apart(samples, definitions, X):
    other = samples.frame.assign(
        **{"store": "s2", SERIES_COL: "other/" + samples.frame[SERIES_COL], "units": samples.frame["units"] + 50.0}
    )
    pooled = synthesize(replaced(samples, pd.concat([samples.frame, other], ignore_index=True)), definitions, NONE)
    pd.testing.assert_frame_equal(pooled.loc[: len(X) - 1], X, check_exact=True)


def test_when_future_rows_are_appended_then_history_keeps_its_features_and_the_future_has_lags(samples, definitions, X):
    frame = samples.frame.copy()
    future = frame["date"] > frame["date"].max() - pd.Timedelta(days=14)
    frame.loc[future, ["units", "visitors"]] = np.nan
    frame.loc[future, "weather"] = None
    predicted = synthesize(replaced(samples, frame), definitions, NONE)
    pd.testing.assert_frame_equal(predicted, X, check_exact=True)
    assert predicted.loc[future.to_numpy(), "units__season_lag_1"].notna().all()


def test_when_rows_come_in_another_order_then_features_keep_every_bit(problem, definitions):
    rng = np.random.default_rng(5)
    dates = pd.date_range("2024-01-01", periods=60)
    frame = pd.concat([series_frame(dates, name, rng) for name in ("a", "b")], ignore_index=True)
    sorted_ = canonical(frame.drop(columns=SERIES_COL), problem, KINDS)
    shuffled = canonical(frame.drop(columns=SERIES_COL).sample(frac=1.0, random_state=1), problem, KINDS)
    pd.testing.assert_frame_equal(
        synthesize(shuffled, definitions, NONE), synthesize(sorted_, definitions, NONE), check_exact=True
    )


# Shapes of problems


def test_when_timestamps_lie_in_the_real_future_then_their_rows_are_computed_too(definitions, problem):
    late = forecasting_samples(problem, timestamps=pd.date_range("2190-01-01", periods=60))
    assert synthesize(late, definitions, NONE)["units__season_lag_1"].notna().sum() == 3 * (60 - 14)


def test_when_timestamps_are_integers_then_periods_are_numbered_and_lags_work():
    problem = forecasting(frequency=5, horizon=3, static=("size", "region"))
    samples = forecasting_samples(problem, timestamps=np.arange(0, 400, 5), season=1)
    X = synthesize(samples, define(KINDS, problem, UNCAPPED, season=1), NONE)
    assert [name for name in X if name.startswith("date__")] == ["date__number"]
    np.testing.assert_array_equal(X["date__number"][:80], np.arange(80.0))
    np.testing.assert_array_equal(X["units__recent_1"].to_numpy()[3:80], samples.y[:77])


def test_when_data_are_weekly_and_short_then_recent_lags_stand_beside_the_yearly_ones():
    problem = forecasting(frequency="W-SUN", horizon=8)
    weeks = pd.date_range("2022-01-02", periods=100, freq="W-SUN")
    samples = forecasting_samples(problem, timestamps=weeks, names=("a",), season=52)
    X = synthesize(samples, define(KINDS, problem, UNCAPPED, season=52), NONE)
    assert {"units__recent_1", "units__recent_3", "units__season_lag_1", "date__week", "date__month"} <= set(X)
    assert not {"date__weekday", "date__day"} & set(X)
    assert X["units__season_lag_1"].notna().sum() == 48


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("h", "subdaily"), ("30min", "subdaily"), ("D", "daily"), ("B", "daily"), ("W", "weekly"), ("W-THU", "weekly"),
        ("2W", "weekly"), ("MS", "monthly"), ("ME", "monthly"), ("QS", "quarterly"), ("YS", "yearly"), (7, "integer"),
    ],
)  # fmt: skip
def test_when_a_frequency_is_given_then_its_calendar_is_found(frequency, expected):
    assert pace(frequency) == expected


@pytest.mark.parametrize(
    ("frequency", "season", "horizon", "lag"),
    [("h", 24, 24, 168), ("30min", 48, 400, 672), ("D", 7, 28, 364), ("B", 5, 10, 260)],
)
def test_when_a_longer_season_exists_then_its_first_lag_that_may_be_seen_is_added(frequency, season, horizon, lag):
    problem = forecasting(frequency=frequency, horizon=horizon)
    features = define({}, problem, UNCAPPED, season=season).row_features()
    assert {f.get_name(): f for f in features}["units__long_season_lag"].primitive.periods == lag


def test_when_nothing_but_the_target_is_there_and_synthesis_is_off_then_the_calendar_remains():
    problem = forecasting(known_in_advance=(), static=(), series_keys=())
    synthesis = Synthesis(seasonal_lags=0, windows=(), max_features=1000)
    samples = forecasting_samples(problem, names=("a",), kinds={})
    X = synthesize(samples, define({}, problem, synthesis, season=7), NONE)
    assert [name for name in X if name.startswith("units")] == [
        "units__mean_so_far", "units__since_non_zero", "units__long_season_lag", "units__long_season_mean",
        "units__std_so_far", "units__max_so_far", "units__long_season_lag_2",
    ]  # fmt: skip


def test_when_the_cap_is_small_then_columns_of_the_table_stay_and_derived_ones_are_cut():
    names = names_of(define(KINDS, forecasting(), Synthesis(max_features=3), season=7))
    assert len(names) == len(["price", "promotion", "size", "region", "dept"]) + 3


def test_when_the_cap_bites_then_each_column_keeps_its_most_telling_features_before_any_keeps_more():
    kinds = {f"price_{i}": "numeric" for i in range(8)}
    problem = forecasting(known_in_advance=tuple(kinds), static=(), series_keys=())
    names = names_of(define(kinds, problem, Synthesis(max_features=60), season=7))
    assert {f"price_{i}__to_past" for i in range(8)} <= set(names)
    assert not [name for name in names if name.endswith("__since_on")]


def test_when_features_are_counted_then_the_log_line_says_what_was_left_out():
    everything = define(KINDS, forecasting(), UNCAPPED, season=7)
    assert everything.summary() == f"{everything.n_defined} features defined"
    capped = define(KINDS, forecasting(), Synthesis(max_features=everything.n_defined - 7), season=7)
    assert capped.n_dropped == 2  # five columns of the table do not count
    assert capped.summary() == (
        f"{everything.n_defined} features defined; `synthesis.max_features` left out 2: {', '.join(capped.dropped)}"
    )


def test_when_a_column_is_named_like_a_feature_then_both_are_there():
    kinds = {"units__season_lag_1": "numeric"}
    problem = forecasting(known_in_advance=("units__season_lag_1",), static=(), series_keys=())
    samples = forecasting_samples(problem, names=("a",), kinds=kinds)
    own = np.arange(150.0)
    samples = replaced(samples, samples.frame.assign(units__season_lag_1=own))
    X = synthesize(samples, define(kinds, problem, UNCAPPED, season=7), NONE)
    np.testing.assert_array_equal(X["units__season_lag_1"], own)
    assert X["units__season_lag_1_"].iloc[-1] == samples.y[-15]


@pytest.mark.parametrize("name", ["time", "index", "instance_id", "a, b (c)", "größe %", "samples"])
def test_when_a_column_has_an_awkward_name_then_it_is_a_feature_like_any_other(name):
    problem = forecasting(known_in_advance=(name,), static=(), series_keys=())
    samples = forecasting_samples(problem, names=("a",), kinds={name: "numeric"})
    samples = replaced(samples, samples.frame.assign(**{name: np.arange(150.0)}))
    X = synthesize(samples, define({name: "numeric"}, problem, UNCAPPED, season=7), NONE)
    np.testing.assert_array_equal(X[name], np.arange(150.0))


def test_when_a_feature_is_all_null_then_its_column_is_there_and_empty(samples, definitions, X):
    empty = samples.frame.assign(price=np.nan, promotion=None, visitors=np.nan, weather=None)
    empty = empty.astype({"promotion": object, "weather": object})
    found = synthesize(replaced(samples, empty), definitions, NONE)
    assert list(found) == list(X)
    assert (
        found[["price", "promotion", "price__to_past", "visitors__season_lag_1", "weather__recent_1"]]
        .isna()
        .all(axis=None)
    )


# Definitions


def test_when_definitions_are_taken_apart_and_rebuilt_then_they_are_equal(definitions, samples, X):
    rebuilt = Definitions.from_parts(json.loads(json.dumps(definitions.to_parts())))
    assert rebuilt == definitions
    assert rebuilt.digest == definitions.digest
    pd.testing.assert_frame_equal(synthesize(samples, rebuilt, NONE), X, check_exact=True)


def test_when_the_schema_lists_its_columns_in_another_order_then_definitions_are_the_same(problem, definitions):
    backwards = dict(reversed(list(KINDS.items())))
    assert define(backwards, problem, UNCAPPED, season=7).digest == definitions.digest


def test_when_a_parameter_changes_then_the_digest_does(problem, definitions):
    assert define(KINDS, problem, Synthesis(seasonal_lags=3, max_features=1000), season=7).digest != definitions.digest


def test_when_another_process_hashes_otherwise_then_the_digest_is_the_same():
    code = (
        "from distributed_automl.parameters import Problem, Synthesis\n"
        "from distributed_automl.scenario.synthesis import define\n"
        "p = Problem(scenario_keys=('s',), timestamp='date', frequency='D', target='units', static=('a',))\n"
        "print(define({'a': 'categorical', 'b': 'numeric'}, p, Synthesis(), 7).digest)\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    problem = Problem(scenario_keys=("s",), timestamp="date", frequency="D", target="units", static=("a",))
    here = define({"a": "categorical", "b": "numeric"}, problem, Synthesis(), 7)
    assert elsewhere.stdout.strip() == here.digest


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ({"area": ("planet",)}, "entity 'area': expected a feature column of the table, found 'planet'"),
        ({"sky": ("weather",)}, "entity 'sky': the key 'weather' must be known for future rows"),
    ],
)
def test_when_an_entity_cannot_be_formed_then_the_error_names_it(entities, message):
    with pytest.raises(TableError, match=message):
        define(KINDS, forecasting(entities=entities), UNCAPPED, season=7)


def test_when_a_scenario_of_a_year_is_synthesized_then_it_takes_a_fraction_of_a_second():
    problem = forecasting(series_keys=())
    definitions = define(KINDS, problem, UNCAPPED, season=7)
    samples = forecasting_samples(problem, timestamps=pd.date_range("2024-01-01", periods=340), names=("a",))
    synthesize(samples, definitions, NONE)
    started = time.process_time()
    synthesize(samples, definitions, NONE)
    assert time.process_time() - started < 0.5


# Tabular tasks

TABULAR_KINDS = {
    "household": "categorical",
    "age": "numeric",
    "basket": "numeric",
    "channel": "categorical",
    "visited": "datetime",
}


@pytest.fixture(scope="module")
def regression():
    return Problem(
        task="regression",
        scenario_keys=("market",),
        sample_id="id",
        target="spend",
        entities={"home": ("household", "age")},
    )


@pytest.fixture(scope="module")
def tabular(regression):
    frame = pd.DataFrame(
        {
            SERIES_COL: "",
            ROW_COL: range(6),
            "id": [f"r{i}" for i in range(6)],
            "market": "m",
            "household": np.array(["h1", "h1", "h2", None, "h3", "h1"], dtype=object),
            "age": [30.0, 30.0, 50.0, NAN, 20.0, 30.0],
            "basket": [1.0, 3.0, 10.0, 7.0, 5.0, 8.0],
            "channel": np.array(["web", "shop", "web", "web", None, "web"], dtype=object),
            "visited": pd.to_datetime(["2024-01-01", "2024-01-02", None, "2024-02-29", "2024-03-01", "2024-03-02"]),
            "spend": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    return Samples("m", regression, frame, TABULAR_KINDS)


NAN = np.nan
TRAIN = np.array([0, 1, 2, 3])


@pytest.fixture(scope="module")
def tabular_definitions(regression):
    return define(TABULAR_KINDS, regression, UNCAPPED, season=1)


def test_when_entities_are_learned_then_only_the_training_rows_count(tabular, tabular_definitions):
    home = learn_entities(tabular, tabular_definitions, TRAIN).tables["home"]
    assert home.index.tolist() == ["h1", "h2"]
    assert home.loc["h1", "home__count"] == 2.0
    assert home.loc["h1", "home__mean_basket"] == 2.0
    assert home.loc["h1", "home__std_basket"] == pytest.approx(2**0.5)
    assert home.loc["h1", "home__nunique_channel"] == 2.0
    assert "home__mean_age" not in home


def test_when_other_rows_change_then_what_was_learned_and_the_features_of_training_rows_do_not_move(
    tabular, tabular_definitions
):
    frame = tabular.frame.copy()
    frame.loc[4:, ["basket", "spend"]] = 1e9
    frame.loc[4:, "household"] = "h2"
    shaken = replaced(tabular, frame)
    learned = learn_entities(tabular, tabular_definitions, TRAIN)
    relearned = learn_entities(shaken, tabular_definitions, TRAIN)
    pd.testing.assert_frame_equal(learned.tables["home"], relearned.tables["home"], check_exact=True)
    before = synthesize(tabular, tabular_definitions, learned).iloc[TRAIN]
    pd.testing.assert_frame_equal(
        synthesize(shaken, tabular_definitions, relearned).iloc[TRAIN], before, check_exact=True
    )


def test_when_the_target_changes_then_no_tabular_feature_moves(tabular, tabular_definitions):
    learned = learn_entities(tabular, tabular_definitions, TRAIN)
    shaken = replaced(tabular, tabular.frame.assign(spend=-1.0))
    relearned = learn_entities(shaken, tabular_definitions, TRAIN)
    pd.testing.assert_frame_equal(
        synthesize(tabular, tabular_definitions, learned), synthesize(shaken, tabular_definitions, relearned)
    )


def test_when_rows_are_tabular_then_columns_enter_as_they_are_beside_dates_and_their_entity(
    tabular, tabular_definitions
):
    X = synthesize(tabular, tabular_definitions, learn_entities(tabular, tabular_definitions, TRAIN))
    assert X["channel"].tolist() == ["web", "shop", "web", "web", None, "web"]
    np.testing.assert_array_equal(X["basket"], tabular.frame["basket"])
    np.testing.assert_array_equal(X["visited__month"], [1.0, 1.0, NAN, 2.0, 3.0, 3.0])
    # h3 and the missing household were never seen
    np.testing.assert_array_equal(X["home__mean_basket"], [2.0, 2.0, 10.0, NAN, NAN, 2.0])
    np.testing.assert_array_equal(X["basket__to_home"], [0.5, 1.5, 1.0, NAN, NAN, 4.0])


def test_when_training_rows_come_in_another_order_then_what_was_learned_is_the_same(tabular, tabular_definitions):
    learned = learn_entities(tabular, tabular_definitions, TRAIN)
    backwards = learn_entities(tabular, tabular_definitions, TRAIN[::-1])
    pd.testing.assert_frame_equal(learned.tables["home"], backwards.tables["home"], check_exact=True)


def test_when_an_entity_key_is_a_number_then_it_only_names_the_entity(regression, tabular):
    kinds = TABULAR_KINDS | {"household": "numeric"}
    frame = tabular.frame.assign(household=[1.0, 1.0, 2.0, NAN, 3.0, 1.0])
    samples = Samples("m", regression, frame, kinds)
    definitions = define(kinds, regression, UNCAPPED, season=1)
    X = synthesize(samples, definitions, learn_entities(samples, definitions, TRAIN))
    assert "household" not in X
    np.testing.assert_array_equal(X["home__count"], [2.0, 2.0, 1.0, NAN, NAN, 2.0])


def test_when_no_training_row_has_an_entity_then_its_features_are_missing(tabular, tabular_definitions):
    learned = learn_entities(tabular, tabular_definitions, np.array([3]))
    assert learned.tables["home"].empty
    assert synthesize(tabular, tabular_definitions, learned)["home__count"].isna().all()


def test_when_entity_tables_are_taken_apart_and_rebuilt_then_features_are_the_same(tabular, tabular_definitions):
    learned = learn_entities(tabular, tabular_definitions, TRAIN)
    rebuilt = EntityTables.from_parts(learned.to_parts())
    pd.testing.assert_frame_equal(
        synthesize(tabular, tabular_definitions, rebuilt),
        synthesize(tabular, tabular_definitions, learned),
        check_exact=True,
    )


def test_when_there_are_no_entities_then_nothing_is_learned(samples, definitions):
    learned = learn_entities(samples, definitions, np.arange(10))
    assert not learned
    assert learned.to_parts() == {}
