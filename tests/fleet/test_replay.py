"""A fit of an earlier run again: the same, and what is said when it is not."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import plan as planning
from distributed_automl.fleet import replay, train
from distributed_automl.fleet.plan import Past, make_plan
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.replay import find_fit, replay_fit
from distributed_automl.fleet.runs import record_training
from distributed_automl.fleet.setup import Setup
from distributed_automl.parameters import AutoML, Limits, Plan, Problem, Run
from distributed_automl.tables import FITS

pytestmark = pytest.mark.spark

POOL = "__pooled__/all"
FIRST, SECOND = "20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"
VERSION = "2026-01-01T00.00.00.000Z"
TABULAR = Problem(task="regression", scenario_keys=("shop",), sample_id="i", target="y", objective="rmse")
SEARCHED = AutoML(candidates=("lightgbm",), tuning={"n_trials": 4, "portfolio": False}, ensemble={"enabled": False})
"""One candidate that searches, so that one trial of the auction is one trial."""


@dataclass(frozen=True)
class Store:
    """What the runs of a test left; `replay` does one of their fits again."""

    fits: Any
    plans: Any
    runs: Any

    def find(self, scenario_id: str, run_id: str | None = None) -> replay.Recorded:
        return find_fit(self.fits.load(), self.plans.load(), self.runs.load(), scenario_id, run_id)


@pytest.fixture
def run_once(monkeypatch: pytest.MonkeyPatch, make_ledger: Any, to_spark: Any, make_setup: Any) -> Callable[..., Store]:
    """Return a function that trains in this process with a given attempt, and opens what it left."""
    monkeypatch.setattr(planning, "settings_digest", lambda *_: "settings")
    monkeypatch.setattr(train, "define_features", lambda *_: None)

    def run(rows: pd.DataFrame, attempt: Any, run_id: str = FIRST) -> Store:
        monkeypatch.setattr(train, "fit_attempt", attempt)
        monkeypatch.setattr(replay, "fit_attempt", attempt)
        return carry_out(to_spark(rows), make_setup(run={"engine": "local"}), run_id, make_ledger)

    return run


def carry_out(master: Any, setup: Setup, run_id: str, make_ledger: Any) -> Store:
    """Plan and train; return what it left."""
    store = Store(*(make_ledger(name, run_id, table=name) for name in ("fits", "plan", "runs")))
    past = Past.read(store.fits.load(), store.plans.load(), setup)
    store.plans.save(make_plan(master, past, setup, run_id=run_id, n_cores=1))
    store.runs.save(record_training(setup, run_id, VERSION).row())
    own = make_ledger("plan", run_id, table="plan", runs="latest").load()
    for fit in (train.fit_pools, train.fit_scenarios):
        for wave in fit(master, own, store.fits.load(), setup, Progress()):
            store.fits.save(wave)
    return store


def test_when_a_fit_is_replayed_then_it_gets_the_rows_pool_and_parameters_of_its_run(
    run_once: Any, panel: Any, to_spark: Any, fake_attempt: Any
) -> None:
    rows = panel(["a", "b/.."])
    store = run_once(rows, fake_attempt())
    recorded = store.find("b/..")
    assert recorded.run.table_version == VERSION
    assert recorded.setup.run.engine == "local"
    replayed = replay_fit(recorded, to_spark(rows), store.fits.load())
    assert (replayed.differing, replayed.reasons) == ((), ())
    assert replayed.found["model_digest"] == "digest of b/.."
    assert fake_attempt.calls() == [POOL, "a", "b/..", "b/.."]
    assert replay_fit(store.find(POOL), to_spark(rows), store.fits.load()).differing == ()


def test_when_rows_or_code_changed_then_the_replay_says_so(
    run_once: Any, panel: Any, to_spark: Any, fake_attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = panel(["a", "b"])
    store = run_once(rows, fake_attempt())
    other = to_spark(rows[(rows["store"] != "a") | (rows["units"] > 0)])
    worse = fake_attempt({"a": "failed", POOL: "failed"})
    monkeypatch.setattr(replay, "fit_attempt", worse)
    replayed = replay_fit(store.find("a"), other, store.fits.load())
    assert set(replayed.differing) == {"status", "stage", "error_type", "message", "n_samples"}
    assert replayed.reasons == (f"the rows differ: 20 then, 13 now (master_df was at version {VERSION})",)
    pooled = replay_fit(store.find(POOL), other, store.fits.load())
    assert pooled.reasons == (f"the rows differ: 40 then, 33 now (master_df was at version {VERSION})",)
    recorded = store.find("a")
    older = replace(recorded.run, code="0123456789abcdef", packages=recorded.run.packages | {"numpy": "1.0"})
    (told,) = replay.code_reasons(older)
    assert told.startswith("the code differs: numpy 1.0 -> 2")
    (unknown,) = replay_fit(recorded, to_spark(rows), store.fits.load()).reasons
    assert unknown.startswith("code, libraries, rows and parameters are the recorded ones")


def test_when_a_fit_was_made_without_its_pool_and_reused_then_the_replay_finds_it_and_does_without_too(
    run_once: Any, panel: Any, to_spark: Any, fake_attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = panel(["a", "b"])
    run_once(rows, fake_attempt({POOL: "failed"}))
    store = run_once(rows, fake_attempt(), SECOND)  # the pool is there now, and the scenario's fit is reused
    recorded = store.find("a", SECOND)
    assert recorded.fit["run_id"] == FIRST
    seen: list[Any] = []

    def look(job: Any, order: Any, frame: Any, on_stage: Any) -> dict[str, Any]:
        seen.append(order.pool)
        return fake_attempt()(job, order, frame, on_stage)

    monkeypatch.setattr(replay, "fit_attempt", look)
    replay_fit(recorded, to_spark(rows), store.fits.load())
    assert seen == [None]


def test_when_an_auction_gave_trials_then_the_fit_is_the_same_on_spark_and_here_and_replayed(
    spark: Any, make_ledger: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 120))
    rows = pd.DataFrame({"shop": "a", "i": [f"r{number}" for number in range(120)], "x": x, "z": z})
    master = spark.createDataFrame(rows.assign(y=x**2 + np.sign(z) + rng.normal(size=120)))

    def trained(root: str, run_id: str, engine: str, **auction: Any) -> Store:
        plan = Plan(refit="all", auction={"enabled": bool(auction), **auction})
        setup = Setup(TABULAR, SEARCHED, plan, Run(engine=engine, limits=Limits(seconds=300.0)))
        return carry_out(master, setup, run_id, lambda name, *args, **kw: make_ledger(f"{root}/{name}", *args, **kw))

    usual = trained("here", FIRST, "local").find("a")
    shutil.copytree(tmp_path / "here", tmp_path / "spark")
    stores = [
        trained(*run, n_trials=16, max_trials=12) for run in (("here", SECOND, "local"), ("spark", SECOND, "spark"))
    ]
    here, there = (store.find("a", SECOND) for store in stores)
    assert there.plan.where("scenario_id = 'a'").first()["n_trials"] == 12
    assert (here.fit["n_samples"], here.fit["status"]) == (120, "fitted")
    assert here.fit["model_digest"] != usual.fit["model_digest"]  # the trials have found another model
    compared = ["fingerprint", *replay.COMPARED]
    assert repr([there.fit[name] for name in compared]) == repr([here.fit[name] for name in compared])
    assert replay_fit(there, master, stores[1].fits.load()).differing == ()


def test_when_a_name_is_unknown_then_the_error_names_what_is_there(make_ledger: Any) -> None:
    store = Store(*(make_ledger(name, FIRST, table=name) for name in ("fits", "plan", "runs")))
    fit = {"scenario_id": "north", "run_id": FIRST, "status": "fitted", "fitted_at": pd.Timestamp("2026-01-01")}
    store.fits.save(pd.DataFrame([dict.fromkeys(FITS.names) | fit], dtype=object))
    with pytest.raises(RunError, match=r"nothing was ever fitted for 'nort' \(did you mean \['north'\]\?\)"):
        store.find("nort")
    with pytest.raises(RunError, match=rf"the run 'x' has no fit of 'north'; there are fits by \['{FIRST}'\]"):
        store.find("north", "x")
    with pytest.raises(RunError, match=rf"the run {FIRST} \(train\) left no record in the ledger `runs`"):
        store.find("north")


def test_when_an_error_is_raised_under_the_debugger_then_its_place_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(replay.pdb, "runcall", lambda call, *args, **kwargs: call(*args, **kwargs))
    monkeypatch.setattr(replay.pdb, "post_mortem", looked.append)

    def fail(text: str, *, times: int) -> None:
        raise ValueError(text * times)

    with pytest.raises(ValueError, match="nono"):
        replay.debugged(fail, "no", times=2)
    (traceback,) = looked
    assert traceback.tb_next.tb_next.tb_frame.f_locals["times"] == 2
    assert replay.debugged(len, "four") == 4
