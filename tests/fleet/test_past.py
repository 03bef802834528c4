"""What a plan is told of earlier runs: a row per scenario, and how fits of the same fingerprint ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from distributed_automl.fleet.past import Past
from distributed_automl.fleet.plan import sample_members
from distributed_automl.tables import FITS, PLAN

pytestmark = pytest.mark.spark

POOL = "__pooled__/all"
NIGHT = datetime(2026, 1, 1)
NO_PLANS = pd.DataFrame(columns=PLAN.names)


def fit(night: int, scenario_id: str, fingerprint: str, status: str = "fitted", **row: object) -> dict[str, object]:
    told = {"run_id": f"run{night}", "scenario_id": scenario_id, "fingerprint": fingerprint, "status": status}
    return told | {"fitted_at": NIGHT + timedelta(days=night), "n_samples": 10, "fit_seconds": 1.0} | row


@pytest.fixture
def read(on_spark: Any, make_setup: Any) -> Callable[..., Past]:
    """Return a function that reads what outcomes and plans, none by default, left."""

    def past(*fits: dict[str, object], plans: pd.DataFrame = NO_PLANS) -> Past:
        rows = pd.DataFrame(fits, columns=FITS.names)
        return Past.read(on_spark(rows, FITS), on_spark(plans, PLAN), make_setup())

    return past


def runs_of(past: Past, **fingerprints: str) -> list[list[str]]:
    wanted = pd.DataFrame({"scenario_id": list(fingerprints), "fingerprint": list(fingerprints.values())})
    return [[one.run_id for one in outcomes] for outcomes in past.outcomes_of(wanted)]


def test_when_outcomes_are_asked_for_then_they_are_those_of_the_fingerprint_oldest_first(read: Any) -> None:
    past = read(
        fit(3, "a", "new"), fit(2, "a", "old"), fit(1, "a", "new", "failed"), fit(1, "b", "new"), fit(1, "c", "old")
    )
    assert runs_of(past, c="new", a="new", unknown="new", b="new") == [[], ["run1", "run3"], [], ["run1"]]
    told = next(past.outcomes_of(pd.DataFrame({"scenario_id": ["a"], "fingerprint": ["old"]})))
    assert [tuple(one) for one in told] == [("run2", pd.Timestamp(NIGHT + timedelta(days=2), tz="UTC"), "fitted", None)]


def test_when_a_scenario_failed_night_after_night_then_the_first_and_the_last_time_are_told(read: Any) -> None:
    past = read(
        *(fit(night, "a", "f", "failed", message=f"night {night}") for night in range(1, 6)),
        *(fit(night, "a", "f") for night in (6, 7, 8)),
        fit(3, "b", "f", "skipped"),
    )
    assert runs_of(past, a="f", b="f") == [["run1", "run5", "run6", "run8"], ["run3"]]


def test_when_nobody_was_ever_tried_then_nothing_is_looked_up(read: Any) -> None:
    past = read()
    assert runs_of(past, a="new", b="new") == [[], []]
    assert past.latest.empty
    assert runs_of(read(fit(1, "other", "new")), a="new") == [[]]


def test_when_scenarios_were_fitted_for_many_nights_then_one_row_of_each_tells_the_costs(read: Any) -> None:
    past = read(
        *(fit(night, "a", f"rows{night}", fit_seconds=float(night), n_samples=night) for night in range(1, 6)),
        fit(6, "a", "rows6", "failed", fit_seconds=99.0),
        fit(7, "a", "rows7", fit_seconds=float("nan"), peak_memory_mb=300.0),
        fit(8, "b", "rows", "skipped", fit_seconds=None),
    )
    latest = past.latest.set_index("scenario_id").sort_index()
    assert latest["run_id"].to_dict() == {"a": "run7", "b": "run8"}
    assert latest.loc["a", ["fit_seconds", "fit_seconds_rows", "fit_seconds_before"]].tolist() == [5.0, 5.0, 4.0]
    assert latest.loc["a", "peak_memory_mb"] == 300.0
    assert latest.loc["b"].drop("run_id").isna().all()


def test_when_a_pool_was_fitted_night_after_night_then_the_sample_of_its_latest_fit_is_all_that_comes(
    read: Any, make_setup: Any
) -> None:
    most = make_setup().plan.pool_max_samples
    members = pd.DataFrame({"scenario_id": [f"ä{number}" for number in range(50)], "rows_fingerprint": "r"})
    sizes = [most // 10 + number for number in range(50)]
    planned = members.assign(pool_id=POOL, n_rows=sizes, **{"run_id": "run2"})
    plans = pd.concat([planned, planned.assign(run_id="run1"), planned.assign(run_id="run3")])
    past = read(fit(1, POOL, "p"), fit(2, POOL, "q"), fit(3, POOL, "r", "failed"), plans=plans)
    own = past.of_pool(POOL).plans
    assert set(own["run_id"]) == {"run2"}
    assert {*own["scenario_id"]} == {*sample_members(planned, most)}
    alone = read(fit(2, POOL, "q"), plans=planned.iloc[:1].assign(n_rows=2 * most))
    assert len(alone.plans) == 1


def test_when_there_are_pools_then_their_fits_and_the_plans_of_those_runs_are_all_there(read: Any) -> None:
    plans = pd.DataFrame(
        [("run1", "a", POOL, "A", 10), ("run1", POOL, POOL, "P", 10), ("run2", "a", POOL, "B", 10)],
        columns=["run_id", "scenario_id", "pool_id", "rows_fingerprint", "n_rows"],
    )
    past = read(fit(1, POOL, "p"), fit(0, POOL, "q", "failed", message="because"), fit(2, "a", "f"), plans=plans)
    own = past.of_pool(POOL)
    assert own.fits["run_id"].tolist() == ["run0", "run1"]
    assert [one.message for one in own.outcomes("q")] == ["because"]
    assert own.plans[["run_id", "scenario_id"]].to_numpy().tolist() == [["run1", "a"]]
    assert past.of_pool("__pooled__/other").fits.empty
