"""The one place where an unexpected error becomes data: a scenario's failure is a row, not the end of the run."""

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

import pandas as pd
from threadpoolctl import threadpool_limits

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Problem
from distributed_automl.scenario.arena import Arena, OnStage, ignore_stage
from distributed_automl.scenario.design import Timestamp
from distributed_automl.scenario.fit import Fit, fit_scenario, scenario_arena
from distributed_automl.scenario.fit_pool import fit_pool
from distributed_automl.scenario.ladder import (
    Answer,
    baseline_answer,
    champion_answer,
    constant_answer,
    pooled_answer,
    with_levels,
)
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.pilots import PilotTrial
from distributed_automl.scenario.pool import PooledModel, load_pool
from distributed_automl.scenario.portfolio import Portfolio
from distributed_automl.scenario.predict import as_predictions
from distributed_automl.scenario.serialize import digest_of
from distributed_automl.scenario.synthesis import Definitions
from distributed_automl.tables import FITS, PILOTS, Table

T = TypeVar("T")
Row = dict[str, Any]

_OF_THE_FLEET = frozenset({"run_id", "wave", "fingerprint", "fitted_at", "peak_memory_mb"})
"""Columns of `fits` and `pilots` that whoever attempts a scenario does not know."""


@dataclass(frozen=True)
class Failure:
    """Work that ended without a result.

    Attributes:
        status: "skipped" if the scenario cannot be modelled, "failed" if something went wrong.
        stage: the stage that was under way.
        error_type: class of the error.
        message: the error's message.
        traceback: of a failure; None if skipped.
    """

    status: str
    stage: str
    error_type: str
    message: str
    traceback: str | None = None

    def __str__(self) -> str:
        return f"{self.error_type}: {self.message}"


@dataclass(frozen=True)
class StoredModel:
    """A model as it is stored: bytes, the digest recorded for them, and the run that fitted it."""

    data: bytes
    digest: str
    run_id: str


def preload(definitions: Definitions | None = None) -> None:
    """Do once, before a process forks children, what each of them would do again.

    Args:
        definitions: of the features that the children will synthesize; None if their models bring their own.
    """
    for module in ("lightgbm", "sklearn.ensemble"):
        import_module(module)
    threadpool_limits(limits=1)  # for good: sums over threads would depend on how many there are
    if definitions is not None:
        definitions.load()


def attempt(work: Callable[[OnStage], T], on_stage: OnStage = ignore_stage) -> T | Failure:
    """Do some work; whatever goes wrong in it comes back as a Failure that names the stage and the cause.

    Args:
        work: told whom to tell when a stage begins.
        on_stage: told so too, from outside.
    """
    stage = "start"

    def note(name: str) -> None:
        nonlocal stage
        stage = name
        on_stage(name)

    try:
        return work(note)
    except ScenarioSkipped as skipped:
        return Failure("skipped", stage, type(skipped).__name__, str(skipped))
    except Exception as error:
        return Failure("failed", stage, type(error).__name__, str(error), traceback.format_exc())


def attempt_fit(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    scenario_id: str,
    definitions: Definitions,
    pool: StoredModel | None = None,
    portfolio: Portfolio | None = None,
    on_stage: OnStage = ignore_stage,
) -> Row:
    """Fit one scenario; see `fit_scenario`.

    Returns:
        The row of `fits`, without run_id, wave, fingerprint, fitted_at and peak_memory_mb. Always.
    """

    def work(note: OnStage) -> Row:
        note("pool")
        fit = fit_scenario(
            frame, problem, automl, definitions=definitions, pool=_loaded(pool), portfolio=portfolio, on_stage=note
        )
        return _fitted_row(fit, note)

    return _timed_row(work, FITS, scenario_id, len(frame), on_stage)


def attempt_fit_pool(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    scenario_id: str,
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> Row:
    """Fit one pool, see `fit_pool`; returns a row as `attempt_fit` does."""

    def work(note: OnStage) -> Row:
        fit = fit_pool(frame, problem, automl, pool_id=scenario_id, definitions=definitions, on_stage=note)
        return _fitted_row(fit, note)

    return _timed_row(work, FITS, scenario_id, len(frame), on_stage)


def attempt_pilot(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    scenario_id: str,
    judge: Callable[[Arena, AutoML], list[PilotTrial]],
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> Row:
    """Search one pilot, or try configurations on it; see `pilots`.

    Args:
        frame: the pilot's rows.
        problem: the use case.
        automl: how scenarios are searched.
        scenario_id: the pilot.
        judge: `search_pilot` or `try_on_pilot`, with what is theirs.
        definitions: of the features.
        on_stage: told when a stage begins.

    Returns:
        The row of `pilots`, without run_id, fingerprint and peak_memory_mb. Always.
    """

    def work(note: OnStage) -> Row:
        arena = scenario_arena(frame, problem, automl, definitions=definitions, on_stage=note)
        note("tune")
        trials = json.dumps([asdict(trial) for trial in judge(arena, automl)])
        return {"status": "judged", "n_samples": len(arena.everything.design.samples), "trials": trials}

    return _timed_row(work, PILOTS, scenario_id, len(frame), on_stage)


def _timed_row(work: Callable[[OnStage], Row], table: Table, scenario_id: str, n_rows: int, on_stage: OnStage) -> Row:
    """Return the row of a table that some work made, or one that says why there is none; what is unknown is None."""
    started = time.perf_counter()
    done = attempt(work, on_stage)
    told = _failure_row(done, n_rows) if isinstance(done, Failure) else done
    seconds = time.perf_counter() - started
    return _empty_row(table) | told | {"scenario_id": scenario_id, "fit_seconds": seconds}


def _empty_row(table: Table) -> Row:
    return {name: None for name in table.names if name not in _OF_THE_FLEET}


def _failure_row(failure: Failure, n_rows: int) -> Row:
    return {**asdict(failure), "n_samples": n_rows}


def _fitted_row(fit: Fit[Any], note: OnStage) -> Row:
    note("serialize")
    model = fit.model.to_bytes()
    return {
        "status": "fitted",
        "n_samples": fit.n_samples,
        "n_features": len(fit.features),
        "n_trials": fit.n_trials,
        "estimator": fit.estimator,
        "hyperparameters": json.dumps(fit.hyperparameters, sort_keys=True),
        "features": list(fit.features),
        "selection": json.dumps(fit.selection),
        "leaderboard": json.dumps(fit.leaderboard),
        "metrics": fit.metrics,
        "kpis": fit.kpis,
        "model": model,
        "model_bytes": len(model),
        "model_digest": digest_of(model),
        "pool_digest": fit.model.pool_digest if isinstance(fit.model, ScenarioModel) else None,
    }


def failed_row(table: Table, scenario_id: str, stage: str, stopped: BaseException) -> Row:
    """Return the row of `fits` or `pilots` of a scenario whose process was stopped from outside or died."""
    failure = Failure("failed", stage, type(stopped).__name__, str(stopped))
    return _empty_row(table) | _failure_row(failure, 0) | {"scenario_id": scenario_id}


def attempt_predict(
    frame: pd.DataFrame,
    problem: Problem,
    *,
    scenario_id: str,
    champion: StoredModel | None = None,
    pool: StoredModel | None = None,
    origin: Timestamp | None = None,
    on_stage: OnStage = ignore_stage,
) -> pd.DataFrame:
    """Predict the rows asked for of one scenario, by the highest rung that can.

    Args:
        frame: history and future of the scenario, the columns of `master_df_predict`.
        problem: the use case.
        scenario_id: of the scenario.
        champion: its champion's model; None if it has none.
        pool: the pooled model that the champion was fitted with, or that of the scenario's pool.
        origin: last timestamp that may be known; None: the latest with any target.
        on_stage: told when a rung is tried.

    Returns:
        One row per row asked for, always: the columns of `predictions` but prediction_run_id and origin.
    """
    reasons: list[str] = []
    for rung in _rungs(frame, problem, champion, pool, origin):
        if rung.answer is None:
            reasons.append(f"no {rung.name}")
            continue
        answer = attempt(_with_stage(rung.name, rung.answer), on_stage)
        if not isinstance(answer, Failure):
            answer, missing = with_levels(answer, problem)
            reasons += [f"no interval at {level}: the model was fitted for other levels" for level in missing]
            labels = {"rung": rung.name, "reason": "; ".join(reasons) or None, "fit_run_id": rung.run_id}
            return as_predictions(frame, problem, answer).assign(scenario_id=scenario_id, **labels)
        reasons.append(f"{rung.name}: {answer.message}")
    raise AssertionError("the last rung is a constant and always answers")


@dataclass(frozen=True)
class _Rung:
    """One rung of the ladder: what it is called, whose model it is, and how it answers; None if it is not there."""

    name: str
    run_id: str | None
    answer: Callable[[], Answer] | None


def _rungs(
    frame: pd.DataFrame,
    problem: Problem,
    champion: StoredModel | None,
    pool: StoredModel | None,
    origin: Timestamp | None,
) -> list[_Rung]:
    def from_champion(stored: StoredModel) -> Answer:
        model = ScenarioModel.from_bytes(stored.data, stored.digest)
        return champion_answer(frame, model, _loaded(pool), origin)

    def from_pool(stored: StoredModel) -> Answer:
        return pooled_answer(frame, load_pool(stored.data, stored.digest), origin)

    return [
        _Rung("champion", champion.run_id, partial(from_champion, champion))
        if champion
        else _Rung("champion", None, None),
        _Rung("pooled", pool.run_id, partial(from_pool, pool)) if pool else _Rung("pooled", None, None),
        _Rung("baseline", None, partial(baseline_answer, frame, problem, origin)),
        _Rung("baseline", None, partial(constant_answer, frame, problem, origin)),
    ]


def _loaded(pool: StoredModel | None) -> PooledModel | None:
    return load_pool(pool.data, pool.digest) if pool else None


def _with_stage(name: str, answer: Callable[[], Answer]) -> Callable[[OnStage], Answer]:
    def work(note: OnStage) -> Answer:
        note(name)
        return answer()

    return work
