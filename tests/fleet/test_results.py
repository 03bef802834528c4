"""Plan and outcomes put together on Spark: what each scenario tells, and that it stays there."""

import datetime as dt
import math
from functools import partialmethod
from typing import Any

import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.results import collect_results
from distributed_automl.fleet.setup import Setup
from distributed_automl.fleet.train import fit_scenarios
from distributed_automl.monitoring.promotion import RESULT_COLUMNS
from distributed_automl.parameters import AutoML, Plan, Problem, Run, Tracking
from distributed_automl.pipelines.track import nodes as tracking
from distributed_automl.pipelines.train.nodes import require_few_failures
from distributed_automl.reporting.scores import COLUMNS_AT_ONCE, NARROW_COLUMNS
from distributed_automl.reporting.training import NAMED_SCORES
from distributed_automl.tables import FITS, PLAN, TRAINING_RESULTS, Table

pytestmark = pytest.mark.spark

RUN, EARLIER = "20260102T000000Z-b", "20260101T000000Z-a"
POOL = "__pooled__/all"
PROBLEM = Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units")
WIDE = {"model", "features", "traceback", "hyperparameters", "selection", "leaderboard", "metrics", "kpis"}
"""Columns that are most of a row: none of them for every scenario on the driver."""


def table_of(spark: Any, table: Table, *rows: dict[str, object]) -> Any:
    cells = [[row.get(name) for name in table.names] for row in rows]
    return spark.createDataFrame(cells, table.ddl)


def planned(name: str, action: str, *, pool_print: str | None = "p", **row: object) -> dict[str, object]:
    given = {"run_id": RUN, "pool_id": POOL, "reason": "new", "fingerprint": f"{name} {pool_print}"}
    return {**given, "scenario_id": name, "action": action, "pool_fingerprint": pool_print, **row}


def fit(name: str, run_id: str = RUN, *, pool_print: str | None = "p", **row: object) -> dict[str, object]:
    known = {
        "status": "fitted",
        "fingerprint": f"{name} {pool_print}",
        "metrics": {"wape": 0.5},
        "leaderboard": "[]",
        "fit_seconds": 1.0,
    }
    return {**known, "scenario_id": name, "run_id": run_id, "fitted_at": dt.datetime(2026, 1, 2), "wave": 1, **row}


def test_when_put_together_then_each_scenario_has_its_outcome_and_why(spark: Any) -> None:
    plan = table_of(
        spark, PLAN,
        planned(POOL, "fit"), planned("d", "fit"), planned("c", "skip", fit_run_id=EARLIER),
        planned("b", "reuse", fit_run_id=EARLIER), planned("a", "fit"), planned("x", "outside"),
    )  # fmt: skip
    fits = table_of(
        spark, FITS,
        fit(POOL), fit("a"), fit("a", EARLIER), fit("b", EARLIER), fit("x"),
        fit("c", EARLIER, status="skipped", stage="validate", message="too short"),
        fit("d", status="failed", stage="tune", error_type="ValueError", message="boom"),
    )  # fmt: skip
    results = collect_results(plan, fits).toPandas()
    assert list(results.columns) == TRAINING_RESULTS.names
    told = results[["scenario_id", "status", "reason", "fit_run_id"]].astype(object).where(results.notna(), None)
    assert told.to_numpy().tolist() == [
        ["a", "fitted", "new", RUN],
        ["b", "reused", "new", EARLIER],
        ["c", "skipped", "too short", None],
        ["d", "failed", "boom", None],
    ]
    assert results["metrics"].tolist()[0] == {"wape": 0.5}


def test_when_a_pool_failed_then_only_scenarios_fitted_without_it_say_so(spark: Any) -> None:
    plan = table_of(
        spark, PLAN,
        planned(POOL, "fit"), planned("a", "fit"), planned("b", "reuse", fit_run_id=EARLIER),
        planned("c", "fit", pool_print=None),
    )  # fmt: skip
    pool = fit(POOL, status="failed", stage="tune", message="boom")
    fits = table_of(spark, FITS, pool, fit("a", pool_print=None), fit("b", EARLIER), fit("c", pool_print=None))
    reasons = collect_results(plan, fits).toPandas().set_index("scenario_id")["reason"].to_dict()
    lost = f"new; without a pool: the pool '{POOL}' was failed in stage 'tune': boom"
    assert reasons == {"a": lost, "b": "new", "c": lost}


def test_when_outcomes_are_lost_or_doubled_then_collecting_names_them(spark: Any) -> None:
    plan = table_of(spark, PLAN, planned("a", "fit"), planned("b", "fit"), planned("c", "fit"))
    fits = table_of(spark, FITS, fit("b"), fit("b"), fit("c"), fit("a", EARLIER))
    with pytest.raises(RunError, match=r"each of 3 scenarios; 1 have none \(e.g. \['a'\]\), 1 have several.*\['b'\]"):
        collect_results(plan, fits)


def test_when_a_fleet_is_trained_then_no_wide_column_of_all_scenarios_comes_to_the_driver(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, setup = 40, Setup(PROBLEM, AutoML(), Plan(), Run())
    names = [f"s{number:02d}" for number in range(n)]
    plan = table_of(spark, PLAN, *(planned(name, "fit", wave=1, bucket=0, estimated_seconds=1.0) for name in names))
    fits = table_of(spark, FITS, *map(fit, names))
    fetched: list[tuple[int, set[str]]] = []
    kind = type(plan)

    def recorded(frame: Any, fetch: Any) -> Any:
        found = fetch(frame)
        fetched.append((len(found), set(frame.columns)))
        return found

    monkeypatch.setattr(kind, "toPandas", partialmethod(recorded, kind.toPandas))
    monkeypatch.setattr(kind, "toArrow", partialmethod(recorded, kind.toArrow))
    monkeypatch.setattr("distributed_automl.fleet.train.define_features", lambda *_: None)
    master = spark.createDataFrame(
        [(name, dt.date(2026, 1, 1), 1.0) for name in names], "store string, day date, units double"
    )
    next(fit_scenarios(master, plan, fits.limit(0), setup, Progress()))
    results = collect_results(plan, fits)
    tracking.track_training(results, PROBLEM, Tracking(max_child_runs=4))
    require_few_failures(results, True, Run())
    results.select(*RESULT_COLUMNS).toPandas()
    of_all = [columns for length, columns in fetched if length >= n]
    n_parts = math.ceil(len(NAMED_SCORES) / COLUMNS_AT_ONCE)
    assert len(of_all) == 4 + n_parts  # the plan's waves and one wave of it, the scores' texts, what is asked for here
    assert not WIDE & set().union(*of_all)
    assert max(map(len, of_all)) <= len(NARROW_COLUMNS)
