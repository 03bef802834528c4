"""What an auction goes by: records of searches, weights, earlier grants; and what it makes of a plan."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import bids
from distributed_automl.fleet import plan as planning
from distributed_automl.fleet.auction import RECORD_COLUMNS
from distributed_automl.fleet.bids import GRANTED, read_grants, read_records, usual_trials, volumes_of, weights_of
from distributed_automl.fleet.estimates import COSTS
from distributed_automl.fleet.fingerprint import with_trials
from distributed_automl.fleet.past import Outcome, Past
from distributed_automl.fleet.plan import make_plan
from distributed_automl.fleet.setup import Setup
from distributed_automl.parameters import AutoML, Plan, Problem, Run, Tuning
from distributed_automl.tables import FITS, PART_COL, PLAN

POOL = "__pooled__/all"
NIGHT = datetime(2026, 1, 1)


# --- what is read ----------------------------------------------------------------------------------------------------


def entry(gain: float, first: float | None, n_trials: int, seconds: float) -> dict[str, Any]:
    return {"candidate": "x", "gain": gain, "first_gain": first, "n_trials": n_trials, "seconds": seconds}


SEARCHED = [
    entry(-0.15, None, 0, 0.0),  # an ensemble, which nobody searched for
    entry(-0.20, -0.30, 4, 8.0),
    entry(-0.21, -0.25, 4, 2.0),
    entry(-0.40, -0.40, 1, 0.1),  # the baseline, which has nothing to search
]
ONCE = [entry(-0.3, -0.3, 1, 0.5), entry(-0.4, -0.4, 1, 0.0)]


def fits_of(*rows: tuple[str, int, str, list[dict[str, Any]]]) -> pd.DataFrame:
    """Return fits: scenario, the night of the run, status, leaderboard."""
    cells = [
        (name, f"run{night}", NIGHT + timedelta(days=night), status, json.dumps(board))
        for name, night, status, board in rows
    ]
    return pd.DataFrame(cells, columns=["scenario_id", "run_id", "fitted_at", "status", "leaderboard"])


@pytest.mark.spark
def test_when_records_are_read_then_each_scenarios_latest_fit_tells(spark: Any) -> None:
    fits = fits_of(
        ("b", 2, "fitted", SEARCHED),
        ("b", 1, "fitted", ONCE),
        ("b", 3, "failed", ONCE),
        ("a", 1, "fitted", ONCE),
        ("old", 1, "fitted", [{"candidate": "x", "gain": -0.2, "n_trials": 4, "seconds": 1.0}]),
        ("odd", 1, "fitted", [entry(-0.2, float("-inf"), 4, 1.0)]),
        (POOL, 1, "fitted", SEARCHED),
    )
    ddl = ", ".join(f"{column.name} {column.type}" for column in FITS.columns if column.name in fits)
    ledger = spark.createDataFrame(fits[[column.name for column in FITS.columns if column.name in fits]], schema=ddl)
    found = read_records(ledger, "wape")
    assert list(found.columns) == list(RECORD_COLUMNS)
    assert list(found.index) == ["a", "b"]
    assert found.loc["a"].tolist() == [
        0.3,
        0.3,
        1,
        2,
        0.5,
    ]  # of one trial each nobody knows who has something to search
    # the best first configuration erred by 0.25, the best of all by 0.2; a trial of both takes 8/4 + 2/4 seconds
    assert found.loc["b"].tolist() == [0.25, 0.2, 4, 2, 2.5]
    assert read_records(ledger, "r2").loc["b", ["first_error", "best_error"]].tolist() == [1.25, 1.2]
    assert read_records(ledger.where("false"), "wape").empty


@pytest.mark.spark
def test_when_scenarios_are_weighed_then_by_what_the_objective_is_a_share_of(
    spark: Any, problem: Problem, to_spark: Any, panel: Any
) -> None:
    rows = panel(["a", "b"])
    rows.loc[rows["store"] == "a", "units"] = [-3.0, float("nan"), *[0.0] * 18]
    rows.loc[rows["store"] == "b", "units"] = [9.0, *[0.0] * 19]
    master = to_spark(rows)
    sizes = pd.DataFrame({"scenario_id": ["a", "b", "gone"], "n_rows": [20, 60, 0]})
    assert volumes_of(master, sizes, problem).tolist() == [3.0, 9.0, 0.0]
    shares = {
        name: weights_of(master, sizes, problem.model_copy(update={"objective": name})).tolist()
        for name in ("wape", "rmse", "total_cost")
    }
    assert shares == {"wape": [0.25, 0.75, 0.0], "rmse": [0.25, 0.75, 0.0], "total_cost": [1.0, 1.0, 1.0]}
    nothing = to_spark(rows.assign(units=0.0))
    assert weights_of(nothing, sizes, problem).tolist() == [0.25, 0.75, 0.0]


@pytest.mark.spark
def test_when_grants_are_read_then_the_latest_of_each_scenario_counts(on_spark: Any) -> None:
    rows = [
        ("run1", "a", "core1", 9, 0.5, "run1"),
        ("run2", "a", "core2", None, None, "run2"),
        ("run3", "a", "core3", None, None, None),  # no auction decided
        ("run1", "b", "core1", 7, 0.1, "run0"),
    ]
    columns = ["run_id", "scenario_id", "core_fingerprint", *GRANTED]
    ledger = on_spark(pd.DataFrame(rows, columns=columns, dtype=object), PLAN)
    found = read_grants(ledger).set_index("scenario_id").sort_index()
    assert found.loc["a", ["core_fingerprint", "auctioned_by"]].tolist() == ["core2", "run2"]
    assert found["n_trials"].isna().tolist() == [True, False]
    assert found.loc["b"].tolist() == ["core1", 7, 0.1, "run0"]
    assert read_grants(ledger, oldest_needed="run2")["scenario_id"].tolist() == ["a"]


def test_when_every_objective_is_weighed_then_its_kind_is_known() -> None:
    from distributed_automl.scenario.kpis import KPIS
    from distributed_automl.scenario.metrics import METRICS

    assert set(METRICS) >= bids.RELATIVE
    assert bids.RELATIVE.isdisjoint(KPIS)
    of_numbers = {name for name, metric in METRICS.items() if "forecasting" in metric.tasks}
    assert of_numbers - bids.RELATIVE == {"mae", "rmse", "medae", "pinball", "r2"}  # means over rows


# --- what comes of a plan --------------------------------------------------------------------------------------------

RECORDS = pd.DataFrame(
    [(0.4, 0.2, 4, 2, 1.0), (0.4, 0.4, 4, 2, 1.0), (0.4, 0.2, 4, 2, 1.0)],
    columns=list(RECORD_COLUMNS),
    index=list("abc"),
)
AUCTION = {"enabled": True, "n_trials": 24}
"""Twelve rounds of two candidates."""
OTHERS = {"rows": 100.0, "before": None}
"""What is told of a fit beside what it cost."""


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[..., pd.DataFrame]:
    """Return a function that plans scenarios, id -> rows, and needs no table: whatever is measured is given."""
    problem = Problem(task="regression", scenario_keys=("s",), sample_id="i", target="y", objective="rmse")
    monkeypatch.setattr(planning, "settings_digest", lambda *_: "settings")
    monkeypatch.setattr(planning, "measure", lambda sizes, _: sizes)

    def make(rows: dict[str, str], past: Past, run_id: str, **plan: Any) -> pd.DataFrame:
        restricted = Run(scenarios=plan.pop("scenarios", ()))
        setup = Setup(problem, AutoML(), Plan(**plan), restricted)
        sizes = pd.DataFrame(
            {"scenario_id": list(rows), "pool_id": POOL, "n_rows": 100, "rows_fingerprint": list(rows.values())}
        )
        sizes = sizes.assign(**{PART_COL: None, "first_timestamp": None, "last_timestamp": None})
        return make_plan(sizes, past, setup, run_id=run_id, n_cores=1)

    return make


def past_of(
    *plans: pd.DataFrame, done: Sequence[str] = (), failed: Sequence[str] = (), records: pd.DataFrame = RECORDS
) -> Past:
    """Return what runs left that fitted the pools, and the scenarios named, of their plans; some of them failed."""
    fits = [
        plan[(plan["action"] == "fit") & plan["scenario_id"].isin([POOL, *done])].assign(
            fitted_at=NIGHT + timedelta(days=number), status="fitted", message=None, fit_seconds=10.0,
            peak_memory_mb=300.0, **{f"{cost}_{name}": value for cost in COSTS for name, value in OTHERS.items()},
        )
        for number, plan in enumerate(plans)
    ]  # fmt: skip
    costs = [name for cost in COSTS for name in (cost, *(f"{cost}_{other}" for other in OTHERS))]
    columns = ["scenario_id", "fingerprint", *Outcome._fields, *costs]
    history = pd.concat(fits)[columns] if fits else pd.DataFrame(columns=columns)
    history.loc[history["scenario_id"].isin(failed), "status"] = "failed"
    everything = pd.concat(plans) if plans else pd.DataFrame(columns=PLAN.names, dtype=object)
    decided = everything[everything["auctioned_by"].notna()].drop_duplicates("scenario_id", keep="last")
    return Past(
        latest=history.drop_duplicates("scenario_id", keep="last"),
        pools=history[history["scenario_id"] == POOL],
        plans=everything[everything["scenario_id"] != POOL],
        look_up=lambda asked: asked.merge(history, on=["scenario_id", "fingerprint"]),
        grants=decided[["scenario_id", "core_fingerprint", *GRANTED]],
        records=records,
    )


def trials(plan: pd.DataFrame) -> dict[str, Any]:
    return dict(plan.loc[plan["scenario_id"] != POOL, ["scenario_id", "n_trials"]].itertuples(index=False, name=None))


def column(plan: pd.DataFrame, name: str) -> dict[str, Any]:
    return dict(plan.loc[plan["scenario_id"] != POOL, ["scenario_id", name]].itertuples(index=False, name=None))


ROWS = {"a": "1", "b": "1", "c": "1", "new": "1"}


def test_when_an_auction_is_held_then_the_plan_says_who_gets_what_and_fingerprints_follow(planned: Any) -> None:
    without = planned(ROWS, past_of(), "run1")
    plan = planned(ROWS, past_of(), "run1", auction=AUCTION)
    # a and c found half of their error, b nothing, so b gets fewer; `new` has no record
    found = trials(plan)
    assert found["a"] >= found["c"] > (found["b"] or 4)
    assert sum((n_trials or 4) - 4 for n_trials in found.values()) == 12
    assert found["new"] is None
    assert set(column(plan, "auctioned_by").values()) == {"run1"}
    same = column(plan, "fingerprint")["new"] == column(without, "fingerprint")["new"]
    others = [column(plan, "fingerprint")[name] != column(without, "fingerprint")[name] for name in "ac"]
    assert (same, others) == (True, [True, True])
    core = column(without, "core_fingerprint")["a"]
    assert column(plan, "core_fingerprint")["a"] == with_trials(core, found["a"])
    assert column(plan, "expected_gain")["a"] > 0


def test_when_there_is_no_auction_then_nothing_of_it_is_in_the_plan(planned: Any) -> None:
    plan = planned(ROWS, past_of(), "run1")
    assert plan[list(GRANTED)].isna().all(axis=None)


def test_when_rows_are_the_same_then_grants_stand_whatever_was_recorded_since(planned: Any) -> None:
    first = planned(ROWS, past_of(), "run1", auction=AUCTION)
    other_records = RECORDS.assign(best_error=[0.4, 0.1, 0.4])
    for done in ([], ["a"], list(ROWS)):  # nothing was fitted since, or something, or all
        again = planned(ROWS, past_of(first, done=done, records=other_records), "run2", auction=AUCTION)
        for name in ("n_trials", "fingerprint", "expected_gain", "auctioned_by"):
            assert column(again, name) == column(first, name)
        assert column(again, "action") == {name: "reuse" if name in done else "fit" for name in ROWS}


def test_when_the_auction_is_off_again_then_its_grants_stand_until_rows_change(planned: Any) -> None:
    first = planned(ROWS, past_of(), "run1", auction=AUCTION)
    past = past_of(first, done=list(ROWS))
    assert set(column(planned(ROWS, past, "run2"), "action").values()) == {"reuse"}
    changed = planned(ROWS | {"a": "2"}, past, "run2")
    assert column(changed, "action")["a"] == "fit"
    assert trials(changed)["a"] is None


@pytest.mark.parametrize("auction", [{}, {"auction": AUCTION}])
def test_when_a_fit_with_more_trials_failed_then_the_next_one_has_the_usual(planned: Any, auction: Any) -> None:
    first = planned(ROWS, past_of(), "run1", auction=AUCTION)
    past = past_of(first, done=list(ROWS), failed=["a"])
    second = planned(ROWS, past, "run2", **auction)
    assert column(second, "action") == {"a": "fit", "b": "reuse", "c": "reuse", "new": "reuse"}
    assert trials(second) == trials(first) | {"a": None}


def test_when_an_auction_comes_later_then_it_makes_nobody_fitted(planned: Any) -> None:
    first = planned(ROWS, past_of(), "run1")
    past = past_of(first, done=list(ROWS))
    plan = planned(ROWS | {"c": "2"}, past, "run2", auction=AUCTION, pool_changed_share=1.0)
    assert column(plan, "action") == {"a": "reuse", "b": "reuse", "c": "fit", "new": "reuse"}
    assert trials(plan) == {"a": None, "b": None, "c": 4 + 12, "new": None}


@pytest.mark.parametrize("refit", ["all", "stale"])
def test_when_a_fit_is_made_again_anyway_then_it_bids_again(planned: Any, refit: str) -> None:
    first = planned(ROWS, past_of(), "run1", auction=AUCTION)
    records = RECORDS.assign(best_error=[0.4, 0.1, 0.4])
    again = planned(ROWS, past_of(first, done=list(ROWS), records=records), "run2", auction=AUCTION, refit=refit)
    assert set(column(again, "auctioned_by").values()) == {"run2"}
    assert trials(again)["b"] > (trials(again)["a"] or 4)


def test_when_the_run_is_restricted_then_only_its_scenarios_bid_and_the_others_keep_their_grants(planned: Any) -> None:
    first = planned({**ROWS, "d": "1"}, past_of(), "run1", auction=AUCTION)
    past = past_of(first, done=["a"])
    plan = planned(ROWS | {"a": "2", "late": "1"}, past, "run2", auction=AUCTION, scenarios=("a",))
    assert trials(plan)["a"] == 4 + 12
    assert {name: trials(plan)[name] for name in "bc"} == {name: trials(first)[name] for name in "bc"}
    assert column(plan, "auctioned_by") == {"a": "run2", "b": "run1", "c": "run1", "new": "run1", "late": None}


def test_when_trials_are_dealt_out_then_the_plan_expects_what_they_cost(planned: Any) -> None:
    first = planned(ROWS, past_of(), "run1")
    past = past_of(first, done=list(ROWS))
    plan = planned(dict.fromkeys(ROWS, "2"), past, "run2", auction=AUCTION)
    seconds = column(plan, "estimated_seconds")
    extra = {name: (n_trials or 4) - 4 for name, n_trials in trials(plan).items()}
    assert seconds == {name: pytest.approx(10.0 + 1.0 * n_extra) for name, n_extra in extra.items()}


def test_when_nobody_may_have_more_than_the_usual_trials_then_the_error_says_so(planned: Any) -> None:
    with pytest.raises(RunError, match=r"plan.auction.max_trials must be above .* 4 .*; found 4"):
        planned(ROWS, past_of(), "run1", auction={**AUCTION, "max_trials": 4})


def test_when_the_usual_trials_are_counted_then_as_searches_do(problem: Problem) -> None:
    def usual(problem: Problem, **tuning: Any) -> int:
        return usual_trials(Setup(problem, AutoML(tuning=Tuning(**tuning)), Plan(), Run()))

    table = Problem(task="regression", scenario_keys=("s",), sample_id="i", target="y")
    assert (usual(problem), usual(table), usual(table, n_trials=2), usual(problem, n_trials=9)) == (1, 4, 2, 9)
