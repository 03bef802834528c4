"""Training on Spark and here: each scenario once, whatever its neighbours do."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import plan as planning
from distributed_automl.fleet import progress as progress_module
from distributed_automl.fleet import train
from distributed_automl.fleet.fingerprint import code_digest, measure
from distributed_automl.fleet.fitting import require_same_code
from distributed_automl.fleet.plan import Past, make_plan
from distributed_automl.fleet.progress import Progress, watching
from distributed_automl.fleet.results import collect_results, count_failures, require_tolerable
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL
from distributed_automl.narrow import typed
from distributed_automl.tables import PLAN, TRAINING_RESULTS

pytestmark = pytest.mark.spark

RUN_ID = "20260101T000000Z-aaaaaa"
STORES = ["a", "b/..", "c d", "001"]


@pytest.fixture
def do_train(monkeypatch: pytest.MonkeyPatch, make_ledger: Any, to_spark: Any) -> Callable[..., pd.DataFrame]:
    """Return a function that plans, fits and collects with a given attempt."""
    monkeypatch.setattr(planning, "settings_digest", lambda *_: "settings")
    monkeypatch.setattr(train, "define_features", lambda *_: None)

    def run(rows: pd.DataFrame, setup: Any, attempt: Any, run_id: str = RUN_ID, root: str = "") -> pd.DataFrame:
        monkeypatch.setattr(train, "fit_attempt", attempt)
        master, progress = to_spark(rows), Progress()
        fits = make_ledger(f"{root}fits", run_id, table="fits")
        fits.watch = watching
        plans = make_ledger(f"{root}plan", run_id, table="plan", runs="latest")
        before = make_ledger(f"{root}plan", run_id, table="plan").load()
        past = Past.read(fits.load(), before, setup)
        plans.save(make_plan(master, past, setup, run_id=run_id, n_cores=2))
        for pooled in train.fit_pools(master, plans.load(), fits.load(), setup, progress):
            fits.save(pooled)
        for wave in train.fit_scenarios(master, plans.load(), fits.load(), setup, progress):
            fits.save(wave)
        return collect_results(plans.load(), fits.load()).toPandas()

    return run


def test_when_trained_on_spark_then_every_scenario_is_fitted_exactly_once(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any
) -> None:
    results = do_train(panel(STORES), make_setup(), fake_attempt())
    assert fake_attempt.calls() == sorted(["__pooled__/all", *STORES])
    assert list(results.columns) == TRAINING_RESULTS.names
    assert list(results["scenario_id"]) == sorted(STORES)
    assert set(results["status"]) == {"fitted"}
    fits = make_ledger("fits", table="fits").load().toPandas().set_index("scenario_id")
    assert fits.loc["b/..", "model"].decode() == (
        "b/..|['day', 'price.in`usd', 'promo', 'store', 'units']|20|39.0|digest of __pooled__/all"
    )
    assert fits["peak_memory_mb"].min() > 1
    assert sorted(fits["wave"]) == [0, 1, 1, 2, 2]
    assert fits.loc["a", "metrics"] == {"wape": 0.25}


def test_when_trained_here_then_the_rows_are_those_of_spark(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any
) -> None:
    do_train(panel(STORES), make_setup(), fake_attempt(), root="spark/")
    do_train(panel(STORES), make_setup(run={"engine": "local"}), fake_attempt(), root="local/")
    differing = ["wave", "fitted_at", "peak_memory_mb"]
    found = [
        make_ledger(f"{root}/fits", table="fits").load().toPandas().sort_values("scenario_id", ignore_index=True)
        for root in ("spark", "local")
    ]
    assert found[1]["peak_memory_mb"].isna().all()
    pd.testing.assert_frame_equal(found[0].drop(columns=differing), found[1].drop(columns=differing))


def test_when_a_task_ends_then_progress_moves_before_its_wave_does(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, seen = fake_attempt({"a": "failed"}), tmp_path / "seen"

    def tell(figures: dict[str, float]) -> None:
        if (figures.get("scenarios_done"), figures.get("scenarios_failed")) == (1, 1):
            seen.touch()

    def wait_for_a(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> dict[str, Any]:
        deadline = time.monotonic() + 100
        while order.scenario_id == "b" and not seen.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return dict(attempt(job, order, frame, on_stage))

    monkeypatch.setattr(progress_module, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(progress_module, "sinks", [tell])
    setup = make_setup(n_waves=1, limits={"seconds": 120.0, "memory_mb": 1024})
    results = do_train(panel(["a", "b"]), setup, wait_for_a)
    assert list(results["status"]) == ["failed", "fitted"]
    assert seen.exists()


def test_when_the_auction_gives_trials_then_the_fits_get_them_and_a_rerun_changes_nothing(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any
) -> None:
    plain = fake_attempt()

    def attempt(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> dict[str, Any]:
        n_trials = job.automl.with_trials(order.n_trials).tuning.n_trials
        first, best = (-5.0, -4.0) if order.scenario_id == "a" else (-1.0, -1.0)
        tuned = {"gain": best, "first_gain": first, "n_trials": 2, "seconds": 1.0}
        return {**plain(job, order, frame, on_stage), "n_trials": n_trials, "leaderboard": json.dumps([tuned])}

    rows, runs = panel(["a", "b"]), ["20260101T000000Z-a", "20260102T000000Z-b", "20260103T000000Z-c"]
    setup = make_setup(auction={"enabled": True, "n_trials": 6}, pool_changed_share=1.0)
    do_train(rows, setup, attempt, runs[0])  # nothing is recorded: all have the usual trial of a forecast
    do_train(rows.assign(promo=rows["promo"] + 1.0), setup, attempt, runs[1])
    again = do_train(rows.assign(promo=rows["promo"] + 1.0), setup, attempt, runs[2])
    assert set(again["status"]) == {"reused"}
    fits = make_ledger("fits", table="fits").load().toPandas().set_index(["run_id", "scenario_id"])["n_trials"]
    assert fits.loc[runs[0]].isna().all()
    dealt = fits.loc[runs[1]]
    assert (dealt["a"] - 1) + (dealt["b"] - 1) == 6
    assert dealt["a"] > dealt["b"]
    plans = make_ledger("plan", table="plan").load().toPandas().set_index(["run_id", "scenario_id"])
    assert plans.loc[(runs[1], "a"), "n_trials"] == dealt["a"]
    kept = ["fingerprint", "n_trials", "expected_gain", "auctioned_by"]
    pd.testing.assert_frame_equal(plans.loc[runs[2], kept], plans.loc[runs[1], kept])


def test_when_a_worker_has_other_code_then_nothing_is_fitted() -> None:
    job: Any = SimpleNamespace(code=code_digest())
    require_same_code(job)
    with pytest.raises(RunError, match=r"a worker's code differs from the driver's: expected digest other,"):
        require_same_code(SimpleNamespace(code="other"))  # type: ignore[arg-type]


def test_when_workers_differ_from_the_driver_then_the_wave_fails_loudly(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "code_digest", lambda: "other")
    with pytest.raises(Exception, match="a worker's code differs from the driver's"):
        do_train(panel(["a"]), make_setup(), fake_attempt())


def test_when_nothing_changed_then_nothing_is_fitted_again(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any
) -> None:
    do_train(panel(STORES), make_setup(), fake_attempt())
    n_before = len(fake_attempt.calls())
    again = do_train(panel(STORES), make_setup(), fake_attempt(), run_id="20260102T000000Z-bbbbbb")
    assert len(fake_attempt.calls()) == n_before
    assert set(again["status"]) == {"reused"}
    assert set(again["fit_run_id"]) == {RUN_ID}
    assert set(again["run_id"]) == {"20260102T000000Z-bbbbbb"}


def test_when_scenarios_fail_or_are_skipped_then_they_do_so_alone_and_only_failures_count(
    spark: Any, do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any
) -> None:
    misdeeds = {"e": "failed", "f": "failed", "k": "skipped"}
    results = do_train(panel(["a", "z", *misdeeds]), make_setup(n_waves=1), fake_attempt(misdeeds))
    status = results.set_index("scenario_id")["status"].to_dict()
    assert status == {"a": "fitted", "z": "fitted", "e": "failed", "f": "failed", "k": "skipped"}
    assert len(fake_attempt.calls()) == 1 + len(results)
    failures = count_failures(typed(spark, results, TRAINING_RESULTS.ddl))
    with pytest.raises(RunError, match=r"2 of 5 scenarios failed \(40.0%\)"):
        require_tolerable(failures, 0.05)
    require_tolerable(failures, 0.4)


def test_when_a_pool_fails_then_its_scenarios_are_fitted_without_it_and_again_when_it_is_there(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any, caplog: Any
) -> None:
    first = do_train(panel(["a", "b"]), make_setup(), fake_attempt({"__pooled__/all": "failed"}), RUN_ID)
    told = "the pool '__pooled__/all' was failed in stage 'tune': failed on purpose"
    assert set(first["reason"]) == {f"new; without a pool: {told}"}
    assert f"{told}; its scenarios do without it" in caplog.messages
    fits = make_ledger("fits", table="fits").load().toPandas()
    assert fits["pool_digest"].isna().all()
    second = do_train(panel(["a", "b"]), make_setup(), fake_attempt(), "20260102T000000Z-bbbbbb")
    assert set(second["status"]) == {"reused"}
    third = do_train(panel(["a", "b"]), make_setup(), fake_attempt(), "20260103T000000Z-cccccc")
    assert set(third["status"]) == {"fitted"}
    assert not third["reason"].str.contains("without a pool").any()


def test_when_a_wave_was_lost_then_only_that_wave_is_fitted_again(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any
) -> None:
    whole = do_train(panel(STORES), make_setup(), fake_attempt())
    last = make_ledger("fits", table="fits").folders()[-1]
    (make_path(last) / "_SUCCESS").unlink()
    n_before = len(fake_attempt.calls())
    again = do_train(panel(STORES), make_setup(), fake_attempt(), run_id="20260102T000000Z-bbbbbb")
    assert len(fake_attempt.calls()) - n_before == 2
    assert sorted(again["status"]) == ["fitted", "fitted", "reused", "reused"]
    pd.testing.assert_series_equal(again["model_digest"], whole["model_digest"])


def make_path(uri: str) -> Any:
    from pathlib import Path

    return Path(uri)


def test_when_the_run_is_restricted_then_only_its_scenarios_are_in_the_results(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any
) -> None:
    results = do_train(panel(STORES), make_setup(run={"scenarios": ("c d",)}), fake_attempt())
    assert list(results["scenario_id"]) == ["c d"]
    assert fake_attempt.calls() == ["__pooled__/all", "c d"]


def test_when_a_folder_of_fits_vanished_then_collecting_names_the_lost(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any
) -> None:
    do_train(panel(STORES), make_setup(), fake_attempt())
    plan = make_ledger("plan", table="plan").load()
    (make_path(make_ledger("fits", table="fits").folders()[-1]) / "_SUCCESS").unlink()
    with pytest.raises(RunError, match="expected one outcome for each of 4 scenarios; 2 have none"):
        collect_results(plan, make_ledger("fits", table="fits").load())


def test_when_results_are_narrow_then_they_are_json_able(
    do_train: Any, panel: Any, make_setup: Any, fake_attempt: Any
) -> None:
    results = do_train(panel(["a", "b"]), make_setup(), fake_attempt())
    assert "model" not in results
    assert json.loads(results[["metrics", "kpis"]].to_json())["kpis"]["0"] == {"units_short": 1.0}


def test_when_the_table_has_parts_then_a_wave_opens_the_files_of_its_own(
    tmp_path: Path, spark: Any, panel: Any, make_setup: Any, fake_attempt: Any, make_ledger: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(train, "define_features", lambda *_: None)
    monkeypatch.setattr(train, "fit_attempt", fake_attempt())
    master = in_parts(spark, panel(["a", "b", "c", "d"]), tmp_path / "master")
    setup = make_setup()
    sizes = measure(master, setup.problem).assign(
        run_id=RUN_ID, action="fit", fingerprint="f", core_fingerprint="c", pool_fingerprint=None, estimated_seconds=1.0
    )
    planned = sizes.join(planning.place(sizes, setup.plan, 2))
    assert planned.groupby("wave")["scenario_bucket"].agg(set).tolist() == [{0}, {1}]
    make_ledger("plan", table="plan").save(planned.reindex(columns=PLAN.names))
    plan, nothing = make_ledger("plan", table="plan").load(), make_ledger("fits", table="fits").load()
    waves = train.fit_scenarios(master, plan, nothing, setup, Progress())
    first = next(waves)
    for file in (tmp_path / "master" / "scenario_bucket=1").glob("*.parquet"):
        file.write_bytes(b"not parquet")
    fitted = first.select("scenario_id", "n_samples", "model").toPandas()
    assert sorted(fitted["scenario_id"]) == sorted(planned.loc[planned["wave"] == 1, "scenario_id"])
    assert b"scenario_bucket" not in fitted["model"].iloc[0]
    with pytest.raises(Exception, match="not a Parquet file"):
        next(waves).toPandas()


def in_parts(spark: Any, rows: pd.DataFrame, folder: Path) -> Any:
    """Write the panel as somebody else would, two stores in each part, and read it again."""
    codes = rows["store"].astype("category").cat.codes // 2
    spark.createDataFrame(rows.assign(scenario_bucket=codes)).write.partitionBy("scenario_bucket").parquet(str(folder))
    return spark.read.parquet(str(folder))


@pytest.mark.parametrize("adaptive", ["true", "false"])
def test_when_adaptive_execution_is_on_or_off_then_a_bucket_is_a_task_and_the_first_is_started_first(
    spark: Any, adaptive: str
) -> None:
    places = range(40)
    rows = pd.DataFrame(
        {"y": places, SCENARIO_COL: [f"s{i % 10}" for i in places], BUCKET_COL: [i % 5 for i in places]}
    )
    orders = pd.DataFrame({BUCKET_COL: range(5)})
    left = spark.createDataFrame(rows, f"y int, `{SCENARIO_COL}` string, `{BUCKET_COL}` int")
    right = spark.createDataFrame(orders, f"`{BUCKET_COL}` int")
    before = spark.conf.get("spark.sql.adaptive.enabled")
    spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    try:
        found = train.apply_by_bucket(tell_task, left, right, 5, "bucket int, task int, n_rows int").toPandas()
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", before)
    assert found.sort_values("task").to_numpy().tolist() == [[number, number, 8] for number in range(5)]


def tell_task(rows: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Say which task, by its number, works on a bucket; Spark starts them in the order of their numbers."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    return pd.DataFrame({"bucket": orders[BUCKET_COL], "task": context.partitionId(), "n_rows": len(rows)})
