"""The program itself, through its public core and without Spark: the pools first, then every scenario, in one process.

Run as the peers are. The scenarios go through `attempt_fit` and `attempt_predict`, as in the fleet: a scenario that
cannot be modelled is answered for by the next rung, and every model is written to bytes and read again. OUTPUT also
gets `scenarios-<part>.parquet`: what each scenario's fit was.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.accuracy.peers.interface import Answer, Part, serve
from threadpoolctl import threadpool_limits

from distributed_automl.parameters import AutoML, Plan, Problem
from distributed_automl.scenario.attempt import StoredModel, attempt_fit, attempt_fit_pool, attempt_predict, preload
from distributed_automl.scenario.fit import definitions_of
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.naming import scenario_id_of
from distributed_automl.scenario.synthesis import Definitions

BUDGETS: dict[str, dict[str, Any]] = {"small": {}, "large": {"tuning": {"n_trials": 8}}}
"""Name -> the `automl` block; {} is the program's default."""
POOL_ID = "__pooled__/all"
RUN_ID = "benchmark"


@dataclass(frozen=True)
class Fleet:
    """What all scenarios of a part share.

    Attributes:
        problem: the use case.
        automl: how scenarios are searched.
        definitions: of the features.
        pools: id -> what was learned over many scenarios.
        origin: what all may know of; None: each scenario its own latest period with a target, and in tabular tasks.
    """

    problem: Problem
    automl: AutoML
    definitions: Definitions
    pools: Mapping[str, StoredModel]
    origin: pd.Timestamp | int | None


def forecast(part: Part, budget: str) -> Answer:
    """Fit and predict one part; see the module."""
    problem = Problem(**{name: tupled(value) for name, value in part.problem.items()})
    fleet = prepared(part.train, problem, AutoML(**BUDGETS[budget]), common_origin(part, problem))
    answers, fits = [], []
    for scenario_id, rows, asked in scenarios(part, problem):
        fit = fit_one(rows, fleet, scenario_id)
        answers.append(predict_one(asked, fleet, fit))
        fits.append(described(fit, answers[-1]))
    keep(part, fits)
    size = sum(fit["model_bytes"] or 0 for fit in fits) + sum(len(pool.data) for pool in fleet.pools.values())
    return labelled(pd.concat(answers, ignore_index=True), part), size


def prepared(frame: pd.DataFrame, problem: Problem, automl: AutoML, origin: pd.Timestamp | int | None) -> Fleet:
    """Define the features and fit the pools."""
    definitions = definitions_of(frame, problem, automl)
    preload(definitions)
    return Fleet(problem, automl, definitions, fit_pools(frame, problem, automl, definitions), origin)


def tupled(value: object) -> object:
    """Return what JSON made a list as the tuple that the parameters expect."""
    return tuple(value) if isinstance(value, list) else value


def scenarios(part: Part, problem: Problem) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield each scenario's id, training rows and rows asked for with their history."""
    keys = part.scenario_keys
    train = dict(list(part.train.groupby(keys)))
    for key, asked in part.asked.groupby(keys):
        name = scenario_id_of(dict(zip(keys, key, strict=True)), problem)
        yield name, train.get(key, part.train.iloc[:0]), asked


def fit_pools(
    frame: pd.DataFrame, problem: Problem, automl: AutoML, definitions: Definitions
) -> Mapping[str, StoredModel]:
    """Fit what is learned over the scenarios; empty where there is one scenario or the pool cannot be fitted."""
    keys = list(problem.scenario_keys)
    if frame[keys].drop_duplicates().shape[0] == 1:
        return {}
    sample = whole_scenarios(frame, problem, Plan().pool_max_samples)
    row = attempt_fit_pool(sample, problem, automl, scenario_id=POOL_ID, definitions=definitions)
    if row["status"] != "fitted":
        sys.stderr.write(f"the pool was {row['status']}: {row['message']}\n{row['traceback'] or ''}")
        return {}
    return {POOL_ID: StoredModel(row["model"], row["model_digest"], RUN_ID)}


def whole_scenarios(frame: pd.DataFrame, problem: Problem, max_rows: int) -> pd.DataFrame:
    """Return the rows of whole scenarios, in the order of their ids' hashes, up to a cap, as the plan chooses them."""
    keys = list(problem.scenario_keys)
    sizes = frame.groupby(keys).size().rename("n_rows").reset_index()
    names = [scenario_id_of(row, problem) for row in sizes.to_dict("records")]
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    ordered = sizes.assign(hash=hashes).sort_values("hash")
    fits = ordered["n_rows"].cumsum().le(max_rows)
    fits.iloc[:1] = True
    return frame.merge(ordered.loc[fits, keys], on=keys)


def fit_one(rows: pd.DataFrame, fleet: Fleet, scenario_id: str) -> dict[str, Any]:
    """Fit one scenario; here and in `predict_one` alone is known how pools are passed."""
    started = time.process_time()
    fit = attempt_fit(
        rows,
        fleet.problem,
        fleet.automl,
        scenario_id=scenario_id,
        definitions=fleet.definitions,
        pool=fleet.pools.get(POOL_ID),
    )
    return {**fit, "cpu_seconds": time.process_time() - started}


def predict_one(asked: pd.DataFrame, fleet: Fleet, fit: Mapping[str, Any]) -> pd.DataFrame:
    """Predict one scenario's rows by the highest rung that can."""
    champion = StoredModel(fit["model"], fit["model_digest"], RUN_ID) if fit["status"] == "fitted" else None
    return attempt_predict(
        asked,
        fleet.problem,
        scenario_id=fit["scenario_id"],
        champion=champion,
        pool=fleet.pools.get(POOL_ID),
        origin=fleet.origin,
    )


def common_origin(part: Part, problem: Problem) -> pd.Timestamp | int | None:
    """Return the latest period with a target, as the fleet takes it; None where scenarios have clocks of their own."""
    if not problem.is_forecasting:
        return None
    known, time = part.asked[problem.target].notna(), part.asked[problem.timestamp]
    latest = time[known].max()
    ends = part.asked[~known].groupby(list(problem.scenario_keys))[problem.timestamp].max()
    if (ends <= latest).any():
        return None
    return pd.Timestamp(latest) if time.dtype.kind == "M" else int(latest)


def described(fit: Mapping[str, Any], predictions: pd.DataFrame) -> dict[str, Any]:
    """Return what the table and the curious want to know of one fit."""
    load_ms = np.nan
    if fit["status"] == "fitted":
        started = time.perf_counter()
        ScenarioModel.from_bytes(fit["model"], fit["model_digest"])
        load_ms = (time.perf_counter() - started) * 1000.0
    names = ("scenario_id", "status", "message", "traceback", "estimator", "leaderboard", "hyperparameters")
    numbers = ("n_samples", "n_features", "n_trials", "fit_seconds", "cpu_seconds", "model_bytes")
    rung = predictions["rung"].iloc[0] if len(predictions) else None
    return {name: fit[name] for name in (*names, *numbers)} | {"load_ms": load_ms, "rung": rung}


def keep(part: Part, fits: list[dict[str, Any]]) -> None:
    """Write one row per scenario beside the answer."""
    folder = Path(sys.argv[3])
    pd.DataFrame(fits).to_parquet(folder / f"scenarios-{part.name}.parquet", index=False)
    failed = [fit for fit in fits if fit["status"] == "failed"]
    for fit in failed[:3]:
        sys.stderr.write(f"{fit['scenario_id']}: {fit['message']}\n{fit['traceback']}\n")


def labelled(predictions: pd.DataFrame, part: Part) -> pd.DataFrame:
    """Name the rows as the part does, and write probabilities as JSON."""
    own = "timestamp" if part.is_forecasting else "sample_id"
    rows = predictions.drop(columns=part.row_keys[-1], errors="ignore") if own != part.row_keys[-1] else predictions
    rows = rows.rename(columns={own: part.row_keys[-1]})
    if part.problem["task"] != "classification":
        return rows.drop(columns="probabilities", errors="ignore")
    return rows.assign(probabilities=[json.dumps(dict(row)) for row in rows["probabilities"]]).drop(
        columns="predicted_value", errors="ignore"
    )


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        serve(forecast)
