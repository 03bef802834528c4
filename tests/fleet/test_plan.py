"""Plans: what is fitted, reused, skipped, and why; when a pool is frozen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import past
from distributed_automl.fleet import plan as planning
from distributed_automl.fleet.past import Outcome, Past
from distributed_automl.fleet.plan import changed_share, judge, make_plan, near_misses, sample_members
from distributed_automl.fleet.waves import pack
from distributed_automl.parameters import AutoML, Ensemble, Plan, Tuning
from distributed_automl.scenario.portfolio import Portfolio
from distributed_automl.tables import FITS, PLAN

POOL = "__pooled__/all"
NOW = datetime.now(UTC).replace(tzinfo=None)


def outcomes(*statuses: str, age_days: float = 1.0) -> list[Outcome]:
    fitted_at = NOW - timedelta(days=age_days)
    return [Outcome(f"run{i}", fitted_at, status, f"{status} because") for i, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("before", "plan", "action", "run_id"),
    [
        (outcomes(), Plan(), "fit", None),
        (outcomes("fitted", "fitted"), Plan(), "reuse", "run0"),
        (outcomes("failed", "fitted", "failed"), Plan(), "reuse", "run1"),
        (outcomes("failed"), Plan(), "fit", None),
        (outcomes("failed"), Plan(retry_failed=False), "skip", "run0"),
        (outcomes("skipped"), Plan(), "skip", "run0"),
        (outcomes("fitted"), Plan(refit="all"), "fit", None),
        (outcomes("fitted", age_days=40), Plan(), "reuse", "run0"),
        (outcomes("fitted", age_days=40), Plan(refit="stale"), "fit", None),
        (outcomes("fitted", age_days=40), Plan(refit="stale", max_age_days=50), "reuse", "run0"),
    ],
)
def test_when_there_are_outcomes_of_this_fingerprint_then_the_verdict_follows(
    before: list[Outcome], plan: Plan, action: str, run_id: str | None
) -> None:
    verdict = judge(before, plan, known=True)
    assert (verdict.action, verdict.fit_run_id) == (action, run_id)


def test_when_a_scenario_is_skipped_again_then_the_recorded_reason_is_given() -> None:
    assert judge(outcomes("skipped"), Plan(), known=True).reason == "skipped because"


def test_when_pools_are_sampled_then_whole_scenarios_up_to_the_cap_in_an_order_of_their_own() -> None:
    members = pd.DataFrame({"scenario_id": list("abcdef"), "n_rows": 10, "rows_fingerprint": list("ABCDEF")})
    chosen = sample_members(members, 35)
    assert len(chosen) == 3
    assert sample_members(members.iloc[::-1], 35) == chosen
    assert set(sample_members(members, 25)) < set(chosen)
    assert len(sample_members(members, 5)) == 1
    assert all(rows == name.upper() for name, rows in chosen.items())


def test_when_scenarios_come_go_or_change_then_the_share_counts_them() -> None:
    assert changed_share({"a": "1", "b": "1"}, {"a": "1", "b": "1"}) == 0
    assert changed_share({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == 3 / 4


def test_when_a_name_is_misspelt_then_those_that_look_like_it_are_given() -> None:
    told = near_misses(["soft drink", "zzz"], ["SOFT DRINKS", "BEER"])
    assert told == "'soft drink' (did you mean ['SOFT DRINKS']?); 'zzz' (there are 2, e.g. ['SOFT DRINKS', 'BEER'])"
    many = near_misses([f"beer {number}" for number in range(1_000)], ["BEER"])
    assert many.endswith("; 'beer 4' (did you mean ['BEER']?); and 995 more")


# --- with Spark ------------------------------------------------------------------------------------------------------


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch, to_spark: Any, read_past: Any) -> Callable[..., pd.DataFrame]:
    """Return a function that plans a panel; features' definitions, which need featuretools, stand still."""
    monkeypatch.setattr(planning, "settings_digest", lambda *_: "settings")

    def make(rows: pd.DataFrame, setup: Any, *history: pd.DataFrame, run_id: str = "run2") -> pd.DataFrame:
        return make_plan(to_spark(rows), read_past(setup, *history), setup, run_id=run_id, n_cores=2)

    return make


@pytest.fixture
def read_past(on_spark: Any) -> Callable[..., Past]:
    """Return a function that reads the past of outcomes and plans; without them there is none."""
    nothing = (pd.DataFrame(columns=FITS.names), pd.DataFrame(columns=PLAN.names))

    def read(setup: Any, *history: pd.DataFrame) -> Past:
        fits, before = history or nothing
        return Past.read(on_spark(fits, FITS), on_spark(before, PLAN), setup)

    return read


def fitted(planned: pd.DataFrame, run_id: str = "run1", status: str = "fitted") -> pd.DataFrame:
    """Return the outcomes of a plan that was carried out an hour ago."""
    rows = planned[planned["action"] == "fit"]
    done = rows.assign(run_id=run_id, fitted_at=NOW - timedelta(hours=1), status=status, stage="tune")
    done = done.assign(message="because", n_samples=rows["n_rows"], fit_seconds=1.0, peak_memory_mb=300.0)
    return done


def actions(planned: pd.DataFrame) -> dict[str, str]:
    return dict(zip(planned["scenario_id"], planned["action"], strict=True))


@pytest.mark.spark
def test_when_all_is_new_then_all_is_fitted_and_placed(plans: Any, panel: Any, make_setup: Any) -> None:
    planned = plans(panel(list("abcd")), make_setup())
    assert list(planned.columns) == PLAN.names
    assert actions(planned) == {POOL: "fit", **dict.fromkeys("abcd", "fit")}
    assert list(planned["wave"]) == [0, 1, 2, 1, 2]
    assert sorted(zip(planned["wave"][1:], planned["bucket"][1:], strict=True)) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert set(planned["pool_id"]) == {POOL}


@pytest.mark.spark
def test_when_the_frequency_is_finer_than_the_data_then_the_plan_warns(
    plans: Any, panel: Any, make_setup: Any, caplog: pytest.LogCaptureFixture
) -> None:
    setup = make_setup()
    hourly = replace(setup, problem=setup.problem.model_copy(update={"frequency": "h"}))
    plans(panel(list("abcd")), setup)
    assert "finer than the data" not in caplog.text
    plans(panel(list("abcd")), hourly)
    assert "`problem.frequency: h` finer than the data?" in caplog.text


@pytest.mark.spark
def test_when_nothing_changed_then_all_is_reused(plans: Any, panel: Any, make_setup: Any) -> None:
    first = plans(panel(list("abcd")), make_setup(), run_id="run1")
    again = plans(panel(list("abcd")), make_setup(), fitted(first), first)
    assert set(again["action"]) == {"reuse"}
    assert set(again["fit_run_id"]) == {"run1"}
    assert again["wave"].isna().all()


@pytest.mark.spark
def test_when_what_changes_is_about_scenarios_alone_then_the_pool_is_not_fitted_again(
    to_spark: Any, read_past: Any, panel: Any, make_setup: Any
) -> None:
    rows = to_spark(panel(list("abcd")))
    first = make_plan(rows, read_past(make_setup()), make_setup(), run_id="run1", n_cores=2)
    changed = make_setup()
    changed = replace(changed, automl=changed.automl.model_copy(update={"ensemble": Ensemble(max_members=2)}))
    again = make_plan(rows, read_past(changed, fitted(first), first), changed, run_id="run2", n_cores=2)
    assert actions(again) == {POOL: "reuse", **dict.fromkeys("abcd", "fit")}


@pytest.mark.spark
def test_when_the_portfolio_changes_then_the_scenarios_are_fitted_again_and_the_pool_is_not(
    plans: Any, panel: Any, make_setup: Any
) -> None:
    rows, setup = panel(list("ab")), make_setup()
    own = [
        replace(setup, portfolio=Portfolio({"forecasting": {"ridge": [{"alpha": alpha}]}})) for alpha in (1.0, 1.0, 2.0)
    ]
    first = plans(rows, own[0], run_id="run1")
    same, other, general = (plans(rows, one, fitted(first), first) for one in (own[1], own[2], setup))
    assert set(same["action"]) == {"reuse"}
    for again in (other, general):
        assert actions(again) == {POOL: "reuse", "a": "fit", "b": "fit"}
        assert again["reason"].iloc[-1] == "its rows, parameters, code, portfolio or pool changed"
    unused = [replace(one, automl=AutoML(tuning=Tuning(portfolio=False))) for one in (setup, own[2])]
    assert len({tuple(plans(rows, one)["fingerprint"]) for one in unused}) == 1


@pytest.mark.spark
def test_when_one_scenario_changes_then_one_is_fitted_and_the_pool_stays_frozen(
    plans: Any, panel: Any, make_setup: Any
) -> None:
    rows = panel(list("abcdefgh"))
    first = plans(rows, make_setup(), run_id="run1")
    changed = rows.assign(units=rows["units"] + (rows["store"] == "c"))
    again = plans(changed, make_setup(pool_changed_share=0.2), fitted(first), first)
    assert [name for name, action in actions(again).items() if action == "fit"] == ["c"]
    pool = again.set_index("scenario_id").loc[POOL]
    assert pool["reason"] == "frozen: 12.5% of its scenarios changed, at most 20.0% may"
    assert (
        set(again["pool_fingerprint"].dropna()) == {pool["fingerprint"]} == set(first.query("wave == 0")["fingerprint"])
    )


@pytest.mark.spark
def test_when_too_many_scenarios_change_then_the_pool_and_all_its_scenarios_are_fitted(
    plans: Any, panel: Any, make_setup: Any
) -> None:
    rows = panel(list("abcd"))
    first = plans(rows, make_setup(), run_id="run1")
    changed = rows.assign(units=rows["units"] + (rows["store"] == "c"))
    again = plans(changed, make_setup(pool_changed_share=0.2), fitted(first), first)
    assert set(again["action"]) == {"fit"}


@pytest.mark.spark
def test_when_a_frozen_pool_drifts_step_by_step_then_steps_add_up(plans: Any, panel: Any, make_setup: Any) -> None:
    rows, setup = panel(list("abcdefgh")), make_setup(pool_changed_share=0.2)
    first = plans(rows, setup, run_id="run1")
    rows = rows.assign(units=rows["units"] + (rows["store"] == "c"))
    second = plans(rows, setup, fitted(first), first, run_id="run2")
    fits = pd.concat([fitted(first), fitted(second, "run2")])
    rows = rows.assign(units=rows["units"] + (rows["store"] == "d"))
    third = plans(rows, setup, fits, pd.concat([first, second]), run_id="run3")
    assert actions(second)[POOL] == "reuse"
    assert actions(third)[POOL] == "fit"


@pytest.mark.spark
def test_when_the_run_is_restricted_then_the_rest_is_outside_but_the_pool_is_made_from_all(
    plans: Any, panel: Any, make_setup: Any
) -> None:
    everything = plans(panel(list("abcd")), make_setup())
    planned = plans(panel(list("abcd")), make_setup(run={"scenarios": ("b",)}))
    assert actions(planned) == {POOL: "fit", "a": "outside", "b": "fit", "c": "outside", "d": "outside"}
    assert list(planned["fingerprint"]) == list(everything["fingerprint"])


@pytest.mark.spark
def test_when_a_pool_failed_before_then_its_scenarios_do_without_it(plans: Any, panel: Any, make_setup: Any) -> None:
    first = plans(panel(list("ab")), make_setup(), run_id="run1")
    pool_failed = fitted(first.iloc[:1], status="failed")
    second = plans(panel(list("ab")), make_setup(), pool_failed, first)
    assert actions(second)[POOL] == "fit"
    assert second["pool_fingerprint"].isna().all()
    assert set(second["fingerprint"][1:]).isdisjoint(first["fingerprint"][1:])


@pytest.mark.spark
@pytest.mark.parametrize(
    ("changes", "asked"), [({}, ["abcd"]), ({"refit": "all"}, []), ({"run": {"scenarios": ("c", "b")}}, ["bc"])]
)
def test_when_a_plan_asks_the_past_then_of_those_alone_that_it_decides_on(
    plans: Any, panel: Any, make_setup: Any, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], asked: list[str]
) -> None:
    rows, setup = panel(list("abcd")), make_setup(**changes)
    first = plans(rows, make_setup(), run_id="run1")
    found: list[str] = []
    look_up = past.outcomes_with
    monkeypatch.setattr(
        past, "outcomes_with", lambda fits, ids: found.append("".join(ids["scenario_id"])) or look_up(fits, ids)
    )
    plans(rows, setup, fitted(first), first)
    assert found == asked


@pytest.mark.spark
def test_when_an_unknown_scenario_is_asked_for_then_the_error_helps(plans: Any, panel: Any, make_setup: Any) -> None:
    with pytest.raises(RunError, match=r"'north1' \(did you mean \['north'\]\?\)"):
        plans(panel(["north", "south"]), make_setup(run={"scenarios": ("north1",)}))


@pytest.mark.spark
def test_when_there_are_no_rows_then_the_error_says_so(plans: Any, panel: Any, make_setup: Any) -> None:
    with pytest.raises(RunError, match="master_df has no rows"):
        plans(panel(["a"]).iloc[:0], make_setup())


def test_when_everything_is_reused_then_nothing_is_packed() -> None:
    assert len(pack([], Plan(), 2).waves) == 0
