"""Do one scenario's prediction of an earlier run again, in this process: the same rows, origin, champion and pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from distributed_automl.errors import RunError
from distributed_automl.fleet.asked import Origin, read_question
from distributed_automl.fleet.orders import Order, read_orders, spark_orders
from distributed_automl.fleet.plan import near_misses
from distributed_automl.fleet.predict import PredictJob, contract_of, keys_of_models, of_workers, predict_attempt
from distributed_automl.fleet.replay import code_reasons, debugged
from distributed_automl.fleet.runs import PREDICT, RunRecord, read_record
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL, with_ids, without_helpers
from distributed_automl.parameters import Prediction, Problem, Run


@dataclass(frozen=True)
class RecordedPrediction:
    """One scenario's predictions as their run left them.

    Attributes:
        scenario_id: the scenario.
        rows: its rows of `predictions`.
        run: what the run was set up with.
    """

    scenario_id: str
    rows: pd.DataFrame
    run: RunRecord

    @property
    def problem(self) -> Problem:
        """The use case, as the run knew it."""
        return Problem.model_validate(self.run.parameters["problem"])


@dataclass(frozen=True)
class ReplayedPrediction:
    """How a replay ended.

    Attributes:
        rows: what came out now, the columns of `predictions` but prediction_run_id and origin, by sample_id.
        differing: columns whose values are not the recorded ones.
        reasons: why they may differ; empty if none does.
    """

    rows: pd.DataFrame
    differing: tuple[str, ...]
    reasons: tuple[str, ...]


def find_prediction(
    predictions: DataFrame, runs: DataFrame, scenario_id: str, run_id: str | None
) -> RecordedPrediction:
    """Find a scenario's predictions, and what their run was set up with.

    Args:
        predictions: all runs' rows of `predictions`.
        runs: rows of RUNS.
        scenario_id: the scenario.
        run_id: the run that predicted; None: the latest that did.

    Raises:
        RunError: there is no such scenario, run, or record; names what is there.
    """
    mine = predictions.where(F.col("scenario_id") == scenario_id)
    there = sorted(row[0] for row in mine.select("prediction_run_id").distinct().collect())
    if not there:
        known = sorted(row[0] for row in predictions.select("scenario_id").distinct().collect())
        raise RunError(f"nothing was ever predicted for {near_misses([scenario_id], known)}")
    wanted = run_id or there[-1]
    if wanted not in there:
        raise RunError(f"the run '{wanted}' has not predicted '{scenario_id}'; these have: {there[-10:]}")
    rows = mine.where(F.col("prediction_run_id") == wanted).toPandas()
    return RecordedPrediction(scenario_id, rows, read_record(runs, wanted, PREDICT))


def replay_prediction(
    recorded: RecordedPrediction,
    master_df_predict: DataFrame,
    champions: DataFrame,
    fits: DataFrame,
    *,
    debug: bool = False,
) -> ReplayedPrediction:
    """Predict again, and compare.

    Args:
        recorded: see `find_prediction`.
        master_df_predict: the table at the recorded version.
        champions: rows of CHAMPIONS; decisions since the run do not count.
        fits: rows of FITS, models included; pools fitted since the run do not count.
        debug: stop at the first line of the champion's prediction, and again where an error is raised.

    Raises:
        RunError: the table does not ask for this scenario any more.
    """
    problem = recorded.problem
    rows = with_ids(master_df_predict, problem).where(F.col(SCENARIO_COL) == recorded.scenario_id)
    asked = read_question(rows, problem, Prediction(origin=_origin(recorded)))
    order = _order(recorded, asked.scenarios, champions, fits)
    limits = Run.model_validate(recorded.run.parameters["run"]).limits
    table = of_workers(contract_of(master_df_predict.schema, problem))
    job = PredictJob(problem, limits, asked.origin, table, predict_attempt)
    frame = without_helpers(rows).toPandas()
    with threadpool_limits(limits=1):
        if debug:
            _debug(order, frame, asked.origin)
        predicted = predict_attempt(job, order, frame)
    compared, differing = compare(recorded.rows, predicted)
    return ReplayedPrediction(compared, differing, tuple(_reasons(recorded)) if differing else ())


def _origin(recorded: RecordedPrediction) -> str | int | None:
    """Return the origin that the run found, in the form of `prediction.origin`."""
    if not recorded.problem.is_forecasting:
        return None
    origin = recorded.rows["origin"].iloc[0]
    return int(origin) if pd.api.types.is_integer(origin) else str(origin)


def _order(recorded: RecordedPrediction, scenarios: pd.DataFrame, champions: DataFrame, fits: DataFrame) -> Order:
    """Return the order that the run gave its worker: champion and pool as of then."""
    then = F.lit(recorded.run.started_at)
    known = fits.where(F.col("fitted_at") <= then)
    keys = keys_of_models(scenarios, champions.where(F.col("since") <= then), known)
    wanted = scenarios.assign(**{BUCKET_COL: 0}, fingerprint=None).join(keys)
    return read_orders(spark_orders(known, wanted).toPandas())[0]


def _debug(order: Order, frame: pd.DataFrame, origin: Origin) -> None:
    """Let the champion, or the pool where there is none, answer under pdb; what is raised is raised."""
    from distributed_automl.scenario.ladder import champion_answer, pooled_answer
    from distributed_automl.scenario.model import ScenarioModel
    from distributed_automl.scenario.pool import load_pool

    pool = load_pool(order.pool.data, order.pool.digest) if order.pool else None
    if order.champion is not None:
        model = ScenarioModel.from_bytes(order.champion.data, order.champion.digest)
        debugged(champion_answer, frame, model, pool, origin)
    elif pool is not None:
        debugged(pooled_answer, frame, pool, origin)


def _reasons(recorded: RecordedPrediction) -> Iterator[str]:
    """Yield what may be the cause of a difference."""
    yield from code_reasons(recorded.run)
    version = recorded.run.table_version
    kept = f"it was read at version {version}" if version else "the catalog keeps no versions of it"
    yield f"the rows of master_df_predict may have changed since: {kept}"


def compare(then: pd.DataFrame, now: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Compare to the last bit, sample by sample; return the rows in order, and the columns that differ."""
    now = now.sort_values("sample_id", ignore_index=True)
    then = then.sort_values("sample_id", ignore_index=True)
    if list(then["sample_id"]) != list(now["sample_id"]):
        return now, ("sample_id",)
    judged = [name for name in now.columns if name not in ("sample_id", "timestamp")]
    return now, tuple(name for name in judged if not _equal(then[name], now[name]))


def _equal(then: "pd.Series[Any]", now: "pd.Series[Any]") -> bool:
    """Return whether two columns hold the same; null is null, whether it is None or NaN."""
    return all(
        (pd.isna(one) and pd.isna(other)) if not isinstance(one, dict) and pd.isna(one) else one == other
        for one, other in zip(then, now, strict=True)
    )
