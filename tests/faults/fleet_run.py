"""Training runs of a small fleet in a process of their own, which a test may kill: a driver without Kedro.

    python tests/faults/fleet_run.py ROOT '{"master": "local[2,4]", ...}'

Reads one order per line from standard input as JSON, what `train` or `clean` takes, and answers with one line of JSON
each, in the order in which they end. Models are made
up, but everything round them is the program's own: plan, waves, children with limits, ledgers, results. Each attempt
leaves a note in ROOT/calls, with the processes that it is made by, so that a test can count and choose whom to kill.
"""

import datetime as dt
import hashlib
import json
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

DDL = "store string, day date, units double, promo double"
N_DAYS = 20
FRUGAL = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a JVM that lives for seconds: do not compile what will not run long."""


def main() -> None:
    root, settings = sys.argv[1], json.loads(sys.argv[2])
    spark = start(settings)
    tell({"ready": os.getpid()})
    at_work = []
    for line in sys.stdin:  # orders may overlap
        at_work.append(threading.Thread(target=work, args=(spark, root, json.loads(line))))
        at_work[-1].start()
    for one in at_work:
        one.join()
    spark.stop()


def work(spark: Any, root: str, order: dict[str, Any]) -> None:
    """Do what was asked for, and say what became of it."""
    try:
        tell(clean(root, **order) if order.pop("clean", False) else train(spark, root, **order))
    except Exception as error:
        cause = cause_of(error)
        tell({"error": str(cause), "type": type(cause).__name__, "traceback": traceback.format_exc()})


def tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def cause_of(error: BaseException) -> BaseException:
    """Return the error of ours that a command would tell, else the error itself."""
    from distributed_automl.errors import AutoMLError, causes

    return next((one for one in causes(error) if isinstance(one, AutoMLError)), error)


def start(settings: dict[str, str]) -> Any:
    """Start Spark as the tests do, with some settings of its own."""
    from pyspark.sql import SparkSession

    from distributed_automl.java import ensure_java

    ensure_java()
    options: dict[str, Any] = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.log.level": "OFF",
        "spark.sql.codegen.wholeStage": "false",  # to compile a query takes longer than to run it over some rows
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": FRUGAL,
        "spark.executor.extraJavaOptions": FRUGAL,
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **settings,
    }
    return SparkSession.builder.config(map=options).getOrCreate()


def train(
    spark: Any,
    root: str,
    run_id: str,
    *,
    n_stores: int = 12,
    n_waves: int = 3,
    seconds: float = 0.2,
    model_bytes: int = 1_000,
    held: Sequence[str] = (),
    settings: str = "settings",
    misdeeds: dict[str, str] | None = None,
    limits: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Plan, fit wave by wave, collect and promote.

    Args:
        spark: the session.
        root: folder of the ledgers.
        run_id: of the run.
        n_stores: scenarios.
        n_waves: waves, of the same number of scenarios.
        seconds: how long an attempt takes.
        model_bytes: size of a model.
        held: scenarios whose first attempt in this run goes on only when ROOT/released has a file of that name.
        settings: digest of what decides a fit beside its rows; with another one all is fitted again.
        misdeeds: scenario -> what its attempt does instead of fitting, see `misdo`.
        limits: of a scenario's process.

    Returns:
        See `told`.
    """
    from distributed_automl.datasets import folders
    from distributed_automl.fleet import plan as planning
    from distributed_automl.fleet import train as training
    from distributed_automl.fleet.setup import Setup
    from distributed_automl.parameters import AutoML, Limits, Plan, Problem, Run

    patched: Any = folders
    patched.BEAT_SECONDS = 0.2  # as short as these runs are
    patched = planning
    patched.settings_digest = lambda *_: settings
    patched = training
    patched.define_features = lambda *_: None
    patched.fit_attempt = made_up_attempt(root, seconds, model_bytes, held, misdeeds or {})
    problem = Problem(
        scenario_keys=("store",), timestamp="day", frequency="D", season=7, horizon=7, target="units", levels=(0.8,)
    )
    plan = Plan(n_waves=n_waves, min_wave_scenarios=1, buckets_per_core=1)
    bounds = Limits(**(limits or {"seconds": 600.0, "memory_mb": 1024}))
    setup = Setup(problem, AutoML(), plan, Run(limits=bounds))
    master = spark.createDataFrame(panel(n_stores), schema=DDL)
    tables = Tables.opened(root, run_id)
    with tables.fits.store.running(run_id, tables.fits.as_of):  # as the project's hooks do
        run_pipelines(master, setup, tables)
    return told(tables)


@dataclass(frozen=True)
class Tables:
    """The ledgers as one run sees them."""

    fits: Any
    plan: Any
    plans_before: Any
    training_results: Any
    champions: Any

    @classmethod
    def opened(cls, root: str, run_id: str) -> "Tables":
        began = dt.datetime.now(dt.UTC)
        return cls(
            ledger(root, "fits", run_id, as_of=began),
            ledger(root, "plan", run_id, as_of=began, runs="latest"),
            ledger(root, "plan", run_id, as_of=began),
            ledger(root, "training_results", run_id, as_of=began, runs="latest", returns="pandas"),
            ledger(root, "champions", run_id, as_of=began, returns="pandas"),
        )


def run_pipelines(master: Any, setup: Any, tables: Tables) -> None:
    """Do what the pipelines `train` and `promote` do, in their order."""
    from distributed_automl.fleet import plan as planning
    from distributed_automl.fleet import train as training
    from distributed_automl.fleet.past import Past
    from distributed_automl.fleet.progress import Progress
    from distributed_automl.fleet.results import collect_results
    from distributed_automl.monitoring.promotion import decide_champions, fits_there

    past = Past.read(tables.fits.load(), tables.plans_before.load(), setup)
    tables.plan.save(planning.make_plan(master, past, setup, run_id=tables.fits.run_id, n_cores=2))
    for fitting in (training.fit_pools, training.fit_scenarios):
        for wave in fitting(master, tables.plan.load(), tables.fits.load(), setup, Progress()):
            tables.fits.save(wave)
    tables.training_results.save(collect_results(tables.plan.load(), tables.fits.load()))
    results = tables.training_results.load()
    there = fits_there(tables.fits.load(), set(results["fit_run_id"].dropna()))
    decided = decide_champions(results, tables.champions.load(), there, now=dt.datetime.now(dt.UTC))
    if len(decided):
        tables.champions.save(decided)


def clean(
    root: str, run_id: str, *, grace_seconds: float = 0.0, n_runs: int = 1, now: str | None = None
) -> dict[str, Any]:
    """Clean up, as if a folder took the place of others at once; say what went.

    Args:
        root: folder of the ledgers.
        run_id: of the clean-up.
        grace_seconds: for which a writer may be silent.
        n_runs: outcomes of a scenario that stay.
        now: when the clean-up takes place; None: now.
    """
    from distributed_automl.datasets import ledger as ledgers_module
    from distributed_automl.fleet.cleanup import Ledgers, Rules, clean_up, survey

    patched: Any = ledgers_module
    patched.LEAD = dt.timedelta(0)
    ledgers = Ledgers(*(ledger(root, table, run_id) for table in ("fits", "plan", "champions")))
    rules = Rules(n_runs, 1, dt.timedelta(seconds=grace_seconds))
    moment = dt.datetime.fromisoformat(now) if now else dt.datetime.now(dt.UTC)
    found = survey(ledgers, rules, now=moment)
    clean_up(ledgers, found, rules, now=moment)
    one = found.rewriting
    return {
        "aborted": len(found.aborted),
        "replaced": len(found.replaced),
        "waiting": len(found.waiting),
        "rewritten": len(one.sources) if one else 0,
        "freed_fits": one.n_fits - one.n_kept if one else 0,
    }


OUTCOME = ["scenario_id", "pool_id", "estimator", "n_samples", "model_bytes", "model_digest"]
"""What of a result does not depend on when, where, in how many goes and with which settings it was made."""


def told(tables: Tables) -> dict[str, Any]:
    """Return what a test wants to know of what is stored, narrow enough for a line.

    Returns:
        status -> scenarios of the results; reasons of failures; n_results; n_fits of all runs and n_keys, distinct ones
        among them; n_scenarios that have one; digests of the results and of the models that predict from now on.
    """
    results = tables.training_results.load()
    fits = tables.fits.load().select("scenario_id", "run_id", "model_digest").toPandas()
    champions = tables.champions.load().sort_values("since").groupby("scenario_id", as_index=False).last()
    chosen = champions.merge(fits, left_on=["scenario_id", "fit_run_id"], right_on=["scenario_id", "run_id"])
    return {
        "status": {str(name): int(n) for name, n in results["status"].value_counts().items()},
        "reasons": results.loc[results["status"] == "failed"].set_index("scenario_id")["reason"].to_dict(),
        "n_results": len(results),
        "n_fits": len(fits),
        "n_keys": len(fits[["scenario_id", "run_id"]].drop_duplicates()),
        "n_scenarios": int(fits["scenario_id"].nunique()),
        "results": digest_of(results[OUTCOME]),
        "champions": digest_of(chosen[["scenario_id", "model_digest"]]),
    }


def digest_of(rows: pd.DataFrame) -> str:
    """Return the digest of rows in whatever order, one per scenario."""
    return hashlib.sha256(rows.sort_values("scenario_id").to_csv(index=False).encode()).hexdigest()


def panel(n_stores: int) -> pd.DataFrame:
    """Return rows of stores s000, s001, ..."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(N_DAYS)]
    return pd.DataFrame(
        [(f"s{number:03d}", day, float(number + day.day % 3), 0.0) for number in range(n_stores) for day in days],
        columns=["store", "day", "units", "promo"],
    )


def ledger(root: str, table: str, run_id: str, *, as_of: dt.datetime | None = None, **options: Any) -> Any:
    """Open a ledger, as the catalog and the project's hooks do."""
    from distributed_automl.datasets.ledger import LedgerDataset

    opened = LedgerDataset(filepath=f"{root}/{table}", table=table, **options)
    opened.run_id, opened.as_of = run_id, as_of or opened.as_of
    return opened


def made_up_attempt(root: str, seconds: float, model_bytes: int, held: Sequence[str], misdeeds: dict[str, str]) -> Any:
    """Return an attempt that notes its call, takes a while, and returns a model that its scenario's name decides."""
    calls = Path(root, "calls")
    calls.mkdir(exist_ok=True)

    def attempt(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> dict[str, Any]:
        from distributed_automl.tables import FITS

        name = order.scenario_id
        on_stage("tune")
        mine = {"scenario": name, "run": job.run_id, "wave": job.wave, "fingerprint": order.fingerprint}
        is_first = not any(mine.items() <= json.loads(path.read_text()).items() for path in calls.glob("*.json"))
        draft = calls / f"{uuid.uuid4().hex}.draft"
        draft.write_text(json.dumps({**mine, "pids": ancestors()}))
        draft.rename(draft.with_suffix(".json"))
        misdo(misdeeds.get(name))
        while name in held and is_first and not Path(root, "released", name).exists():
            time.sleep(0.05)
        time.sleep(seconds)
        model = hashlib.shake_128(f"{name}|{len(frame)}|{frame['units'].sum()}".encode()).digest(model_bytes)
        return {
            **dict.fromkeys(FITS.names),
            "scenario_id": name,
            "status": "fitted",
            "n_samples": len(frame),
            "n_features": 1,
            "fit_seconds": 1.0,
            "estimator": "made up",
            "model": model,
            "model_bytes": len(model),
            "model_digest": hashlib.sha256(model).hexdigest(),
            "pool_digest": order.pool.digest if order.pool else None,
        }

    return attempt


def misdo(misdeed: str | None) -> None:
    """Do what a library might: really hang in C, really touch address zero, really allocate without end."""
    if misdeed == "hang in C":
        import ctypes

        ctypes.PyDLL(None).sleep(600)  # C code that keeps the interpreter's lock
    if misdeed == "segfault":
        import ctypes

        ctypes.string_at(0)
    if misdeed == "exit":
        os._exit(3)
    if misdeed == "swell":
        hog = bytearray()
        while True:
            hog += b"x" * 20_000_000
    if misdeed == "be killed":
        os.kill(os.getpid(), 9)


def ancestors() -> list[int]:
    """Return this process, its parent (the Python worker), its grandparent, and so on up to the first."""
    pids = [os.getpid()]
    while pids[-1] > 1:
        pids.append(int(Path(f"/proc/{pids[-1]}/stat").read_text().rsplit(")", 1)[1].split()[1]))
    return pids


if __name__ == "__main__":
    main()
