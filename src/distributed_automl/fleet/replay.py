"""Do one fit or prediction of an earlier run again, in this process: the same rows, parameters, seed, pool, portfolio.

It goes the way of the local engine, so that a breakpoint anywhere in the core stops there. What a debugger is to see is
called plainly: an error is raised where it happens, instead of becoming a row.
"""

import pdb
from bdb import BdbQuit
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console

from distributed_automl.errors import RunError
from distributed_automl.fleet.fingerprint import code_digest, digest_of, measure, with_pool
from distributed_automl.fleet.fitting import FitJob, Row, fit_attempt
from distributed_automl.fleet.limits import OnStage
from distributed_automl.fleet.orders import Order
from distributed_automl.fleet.plan import FIT, OUTSIDE, near_misses, sample_members
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.runs import TRAIN, RunRecord, packages_here, read_record
from distributed_automl.fleet.scenario_ids import SCENARIO_COL, with_ids, without_helpers
from distributed_automl.fleet.setup import Setup
from distributed_automl.fleet.train import fit_pools, fit_scenarios
from distributed_automl.parameters import AutoML, Plan, Problem, Run
from distributed_automl.tables import is_pool

COMPARED = ("status", "stage", "error_type", "message", "estimator", "n_samples", "model_digest", "metrics", "kpis")
"""Columns of `fits` that a replay must reproduce."""
_RECORDED = ("scenario_id", "run_id", "fingerprint", "fitted_at", *COMPARED)


@dataclass(frozen=True)
class Recorded:
    """A fit as its run left it.

    Attributes:
        fit: its row of `fits`, without the model.
        plan: the run's plan: rows of PLAN of the scenario, or of the pool and its members.
        run: what the run was set up with.
    """

    fit: Mapping[str, Any]
    plan: DataFrame
    run: RunRecord

    @property
    def scenario_id(self) -> str:
        return str(self.fit["scenario_id"])

    @property
    def setup(self) -> Setup:
        """The run's parameters, but for the engine: here there is only this process."""
        from distributed_automl.scenario.portfolio import Portfolio

        blocks = self.run.parameters
        return Setup(
            Problem.model_validate(blocks["problem"]),
            AutoML.model_validate(blocks["automl"]),
            Plan.model_validate(blocks["plan"]),
            Run.model_validate(blocks["run"]).model_copy(update={"engine": "local", "scenarios": ()}),
            Portfolio.from_json(self.run.portfolio),
        )


@dataclass(frozen=True)
class Replayed:
    """How a replay ended.

    Attributes:
        found: what came out now, COMPARED -> value.
        differing: names of COMPARED whose values are not the recorded ones.
        reasons: why they may differ; empty if none does.
    """

    found: Mapping[str, Any]
    differing: tuple[str, ...]
    reasons: tuple[str, ...]


def find_fit(fits: DataFrame, plans: DataFrame, runs: DataFrame, scenario_id: str, run_id: str | None) -> Recorded:
    """Find a fit, and what its run was set up with.

    Args:
        fits: rows of FITS.
        plans: rows of PLAN.
        runs: rows of RUNS.
        scenario_id: a scenario, or a pool.
        run_id: the run that fitted it, or reused its fit; None: the latest that fitted it.

    Raises:
        RunError: there is no such scenario, run, or record; names what is there.
    """
    mine = fits.where(F.col("scenario_id") == scenario_id).select(*_RECORDED).toPandas()
    if mine.empty:
        known = sorted(row[0] for row in fits.select("scenario_id").distinct().collect())
        raise RunError(f"nothing was ever fitted for {near_misses([scenario_id], known)}")
    found = mine.sort_values(["fitted_at", "run_id"])
    if run_id is not None:
        found = found[found["run_id"] == _fitted_by(plans, scenario_id, run_id)]
    if found.empty:
        raise RunError(
            f"the run '{run_id}' has no fit of '{scenario_id}'; there are fits by {list(mine['run_id'].tail(10))}"
        )
    fit = {str(name): value for name, value in found.iloc[-1].items()}
    own = F.col("scenario_id") == scenario_id
    members = F.col("pool_id") == scenario_id
    plan = plans.where((F.col("run_id") == fit["run_id"]) & (own | members))
    return Recorded(fit, plan, read_record(runs, str(fit["run_id"]), TRAIN))


def _fitted_by(plans: DataFrame, scenario_id: str, run_id: str) -> str:
    """Return the run whose fit a run has: its own, or the one that it reused."""
    row = plans.where((F.col("run_id") == run_id) & (F.col("scenario_id") == scenario_id)).select("fit_run_id").first()
    return str(row["fit_run_id"]) if row is not None and row["fit_run_id"] else run_id


def replay_fit(recorded: Recorded, master_df: DataFrame, fits: DataFrame, *, debug: bool = False) -> Replayed:
    """Fit again, and compare.

    Args:
        recorded: see `find_fit`.
        master_df: the table at the recorded version.
        fits: rows of FITS, models included: the pool's is taken from there.
        debug: stop at the first line of the fit, and again where an error is raised.
    """
    fit = fit_pools if is_pool(recorded.scenario_id) else fit_scenarios
    attempt = fit_under_debugger if debug else fit_attempt
    progress = Progress(Console(stderr=True, force_terminal=False) if debug else None)  # no live line over pdb's prompt
    waves = fit(master_df, _alone(recorded), fits, recorded.setup, progress, attempt=attempt)
    row = next(frame for frame in waves if isinstance(frame, pd.DataFrame)).iloc[0]
    found = {name: row[name] for name in COMPARED}
    differing = tuple(name for name in COMPARED if not _same(found[name], recorded.fit[name]))
    return Replayed(found, differing, tuple(reasons(recorded, master_df)) if differing else ())


def _alone(recorded: Recorded) -> DataFrame:
    """Return the plan with nothing to fit but this one; without its pool, if it was fitted without."""
    is_own = F.col("scenario_id") == recorded.scenario_id
    plan = recorded.plan.withColumns(
        {
            "action": F.when(is_own, F.lit(FIT)).otherwise(F.lit(OUTSIDE)),
            "wave": F.lit(1).cast("int"),
            "bucket": F.lit(0).cast("int"),
        }
    )
    own = recorded.plan.where(is_own).select("core_fingerprint").first()
    if own is None:
        raise RunError(f"the plan of the run {recorded.run.run_id} is gone: it has no row of '{recorded.scenario_id}'")
    if with_pool(own["core_fingerprint"], None) == recorded.fit["fingerprint"]:
        plan = plan.withColumn("pool_fingerprint", F.lit(None).cast("string"))
    return plan


def _same(one: Any, other: Any) -> bool:
    """Compare to the last bit; null is null, whether it is None or NaN, and a map may be pairs."""
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return _pairs(one) == _pairs(other)
    return bool(one == other) or (pd.isna(one) and pd.isna(other))


def _pairs(values: Any) -> dict[str, str]:
    if values is None or isinstance(values, float):
        return {}
    return {key: repr(None if one != one else one) for key, one in dict(values).items()}  # NaN stands for null


# --- why it is not the same ------------------------------------------------------------------------------------------


def reasons(recorded: Recorded, master_df: DataFrame) -> Iterator[str]:
    """Yield what is not as it was: code, libraries, rows; or that nothing is known to differ."""
    known = [*code_reasons(recorded.run), *_row_reasons(recorded, master_df)]
    yield from known or [
        "code, libraries, rows and parameters are the recorded ones: the fit is not deterministic, or was stopped then "
        "from outside (run.limits, which do not hold here)"
    ]


def code_reasons(run: RunRecord) -> Iterator[str]:
    """Yield what is not as it was in code and libraries, if anything is."""
    if run.code == code_digest():
        return
    now = packages_here()
    changed = [
        f"{name} {then} -> {now.get(name, 'none')}" for name, then in run.packages.items() if now.get(name) != then
    ]
    what = ", ".join(changed) if changed else "the sources of scenario/"
    yield f"the code differs: {what} (digest {run.code[:12]} then, {code_digest()[:12]} now)"


def _row_reasons(recorded: Recorded, master_df: DataFrame) -> Iterator[str]:
    setup = recorded.setup
    planned = recorded.plan.select("scenario_id", "pool_id", "n_rows", "rows_fingerprint").toPandas()
    then = planned.set_index("scenario_id").loc[recorded.scenario_id]
    members = [name for name in planned["scenario_id"] if not is_pool(name)]
    rows = with_ids(master_df, setup.problem).where(F.col(SCENARIO_COL).isin(members))
    now = measure(without_helpers(rows), setup.problem)
    if is_pool(recorded.scenario_id):
        sampled = sample_members(now, setup.plan.pool_max_samples)
        print_now = digest_of(sorted(sampled.items()))
        n_now = int(now.loc[now["scenario_id"].isin(list(sampled)), "n_rows"].sum())
    else:
        print_now, n_now = "".join(now["rows_fingerprint"]), int(now["n_rows"].sum())
    if print_now != then["rows_fingerprint"]:
        version = recorded.run.table_version
        kept = f"master_df was at version {version}" if version else "master_df keeps no versions"
        yield f"the rows differ: {int(then['n_rows']):,} then, {n_now:,} now ({kept})"


# --- under the debugger ----------------------------------------------------------------------------------------------


def fit_under_debugger(job: FitJob, order: Order, frame: pd.DataFrame, on_stage: OnStage) -> Row:
    """Fit as `fit_attempt` does, under pdb; what is raised is raised, after a look at where."""
    from distributed_automl.scenario.fit import fit_scenario
    from distributed_automl.scenario.fit_pool import fit_pool
    from distributed_automl.scenario.pool import load_pool
    from distributed_automl.scenario.serialize import digest_of as digest_of_model

    shared: dict[str, Any] = {"definitions": job.definitions, "on_stage": on_stage}
    if is_pool(order.scenario_id):
        fit = debugged(fit_pool, frame, job.problem, job.automl, pool_id=order.scenario_id, **shared)
    else:
        shared["pool"] = load_pool(order.pool.data, order.pool.digest) if order.pool else None
        automl = job.automl.with_trials(order.n_trials)
        fit = debugged(fit_scenario, frame, job.problem, automl, portfolio=job.portfolio, **shared)
    return {
        "scenario_id": order.scenario_id,
        "status": "fitted",
        "estimator": fit.estimator,
        "n_samples": fit.n_samples,
        "metrics": fit.metrics,
        "kpis": fit.kpis,
        "model_digest": digest_of_model(fit.model.to_bytes()),
    }


def debugged(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call under pdb, from the first line on; if it raises, look at where, and raise it again."""
    try:
        return pdb.runcall(call, *args, **kwargs)
    except BdbQuit:
        raise
    except Exception as error:
        pdb.post_mortem(error.__traceback__)
        raise
