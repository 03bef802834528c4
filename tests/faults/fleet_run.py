"""Training runs of a small fleet in a process of their own, which a test may kill: a driver without Kedro.

    python tests/faults/fleet_run.py ROOT '{"master": "local[2,4]", ...}'

Reads one run per line from standard input as JSON, see `Order`, and answers with one line of JSON each. Models are made
up, but everything round them is the program's own: plan, waves, children with limits, ledgers, results. Each attempt
leaves a note in ROOT/calls, with the processes that it is made by, so that a test can count and choose whom to kill.
"""

import datetime as dt
import hashlib
import json
import os
import sys
import time
import traceback
import uuid
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
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        try:
            options = json.loads(line)
            answer = clean(root, **options) if options.pop("clean", False) else train(spark, root, **options)
        except Exception as error:
            cause = cause_of(error)
            answer = {"error": str(cause), "type": type(cause).__name__, "traceback": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
    spark.stop()


def cause_of(error: BaseException) -> BaseException:
    """Return the error of ours that a command would tell, else the error itself."""
    from distributed_automl.errors import AutoMLError

    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, AutoMLError):
        seen = seen.__cause__ or seen.__context__
    return seen or error


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
    slow_once: str | None = None,
    misdeeds: dict[str, str] | None = None,
    limits: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Plan, fit wave by wave, and collect; see the test of the fleet's training.

    Args:
        spark: the session.
        root: folder of the ledgers.
        run_id: of the run.
        n_stores: scenarios.
        n_waves: waves, of the same number of scenarios.
        seconds: how long an attempt takes.
        model_bytes: size of a model.
        slow_once: a scenario whose first attempt takes a minute, on whatever machine it is made.
        misdeeds: scenario -> what its attempt does instead of fitting, see `misdo`.
        limits: of a scenario's process.

    Returns:
        status -> scenarios of the results; n_rows of `fits` and distinct keys among them; digest of all models.
    """
    from distributed_automl.fleet import plan as planning
    from distributed_automl.fleet import train as training
    from distributed_automl.fleet.plan import Past
    from distributed_automl.fleet.progress import Progress
    from distributed_automl.fleet.results import collect_results
    from distributed_automl.fleet.setup import Setup
    from distributed_automl.parameters import AutoML, Limits, Plan, Problem, Run

    patched: Any = planning
    patched.settings_digest = lambda *_: "settings"
    patched = training
    patched.define_features = lambda *_: None
    patched.fit_attempt = made_up_attempt(root, seconds, model_bytes, slow_once, misdeeds or {})
    problem = Problem(
        scenario_keys=("store",), timestamp="day", frequency="D", season=7, horizon=7, target="units", levels=(0.8,)
    )
    plan = Plan(n_waves=n_waves, min_wave_scenarios=1, buckets_per_core=1)
    setup = Setup(problem, AutoML(), plan, Run(limits=Limits(**(limits or {"seconds": 60.0, "memory_mb": 1024}))))
    master = spark.createDataFrame(panel(n_stores), schema=DDL)
    fits, plans = ledger(root, "fits", run_id), ledger(root, "plan", run_id, runs="latest")
    past = Past.read(fits.load(), ledger(root, "plan", run_id).load())
    plans.save(planning.make_plan(master, past, setup, run_id=run_id, n_cores=2))
    for fitting in (training.fit_pools, training.fit_scenarios):
        for wave in fitting(master, plans.load(), fits.load(), setup, Progress()):
            fits.save(wave)
    results = collect_results(plans.load(), fits.load())
    ledger(root, "training_results", run_id).save(results)
    return told(results, fits.load().select("scenario_id", "run_id").toPandas())


def clean(root: str, run_id: str, *, grace_seconds: float = 0.0, n_runs: int = 1) -> dict[str, Any]:
    """Clean up, as if the moment from which a folder takes the place of others were now; say what went."""
    from datetime import UTC, datetime, timedelta

    from distributed_automl.datasets import ledger as ledgers_module
    from distributed_automl.fleet.cleanup import Ledgers, Rules, clean_up, survey

    patched: Any = ledgers_module
    patched.LEAD = timedelta(0)
    ledgers = Ledgers(ledger(root, "fits", run_id), ledger(root, "plan", run_id), ledger(root, "champions", run_id), ())
    rules, now = Rules(n_runs, timedelta(seconds=grace_seconds)), datetime.now(UTC)
    found = survey(ledgers, rules, now=now)
    clean_up(ledgers, found, rules, now=now)
    one = found.rewriting
    return {
        "aborted": len(found.aborted),
        "replaced": len(found.replaced),
        "waiting": len(found.waiting),
        "rewritten": len(one.sources) if one else 0,
        "freed_fits": one.n_fits - one.n_kept if one else 0,
    }


def told(results: pd.DataFrame, fits: pd.DataFrame) -> dict[str, Any]:
    """Return what a test wants to know, narrow enough for a line."""
    models = results.set_index("scenario_id")["model_digest"].sort_index().astype(str)
    return {
        "status": {str(name): int(n) for name, n in results["status"].value_counts().items()},
        "reasons": results.loc[results["status"] == "failed"].set_index("scenario_id")["reason"].to_dict(),
        "n_results": len(results),
        "n_fits": len(fits),
        "n_keys": len(fits.drop_duplicates()),
        "n_scenarios": int(fits["scenario_id"].nunique()),
        "models": hashlib.sha256("|".join(models).encode()).hexdigest(),
    }


def panel(n_stores: int) -> pd.DataFrame:
    """Return rows of stores s000, s001, ..."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(N_DAYS)]
    return pd.DataFrame(
        [(f"s{number:03d}", day, float(number + day.day % 3), 0.0) for number in range(n_stores) for day in days],
        columns=["store", "day", "units", "promo"],
    )


def ledger(root: str, table: str, run_id: str, **options: Any) -> Any:
    """Open a ledger, as the catalog does."""
    from distributed_automl.datasets.ledger import LedgerDataset

    options = {"returns": "pandas", "runs": "latest"} | options if table == "training_results" else options
    opened = LedgerDataset(filepath=f"{root}/{table}", table=table, **options)
    opened.run_id = run_id
    return opened


def made_up_attempt(
    root: str, seconds: float, model_bytes: int, slow_once: str | None, misdeeds: dict[str, str]
) -> Any:
    """Return an attempt that notes its call, takes a while, and returns a model that its scenario's name decides."""
    calls = Path(root, "calls")
    calls.mkdir(exist_ok=True)

    def attempt(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> dict[str, Any]:
        from distributed_automl.tables import FITS

        name = order.scenario_id
        on_stage("tune")
        is_first = not any(json.loads(path.read_text())["scenario"] == name for path in calls.glob("*.json"))
        note = {"scenario": name, "run": job.run_id, "wave": job.wave, "pids": ancestors()}
        draft = calls / f"{uuid.uuid4().hex}.draft"
        draft.write_text(json.dumps(note))
        draft.rename(draft.with_suffix(".json"))
        misdo(misdeeds.get(name))
        time.sleep(60.0 if name == slow_once and is_first else seconds)
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
