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
from distributed_automl.scenario.design import Timestamp
from distributed_automl.scenario.fit import Fit, fit_scenario
from distributed_automl.scenario.fit_pool import fit_pool
from distributed_automl.scenario.folds import OnStage, ignore_stage
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

T = TypeVar("T")


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
    """Do once, before a process forks a child per scenario, what every child would do again.

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
) -> dict[str, Any]:
    """Fit one scenario; see `fit_scenario`.

    Returns:
        The row of `fits`, without run_id, wave, fingerprint, fitted_at and peak_memory_mb. Always.
    """

    def work(note: OnStage) -> Fit[Any]:
        note("pool")
        pooled = load_pool(pool.data, pool.digest) if pool else None
        return fit_scenario(
            frame, problem, automl, definitions=definitions, pool=pooled, portfolio=portfolio, on_stage=note
        )

    return _timed_row(work, scenario_id, len(frame), on_stage)


def attempt_fit_pool(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    scenario_id: str,
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> dict[str, Any]:
    """Fit one pool, see `fit_pool`; returns a row as `attempt_fit` does."""

    def work(note: OnStage) -> Fit[Any]:
        return fit_pool(frame, problem, automl, pool_id=scenario_id, definitions=definitions, on_stage=note)

    return _timed_row(work, scenario_id, len(frame), on_stage)


def attempt_pilot(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    scenario_id: str,
    judge: Callable[..., list[PilotTrial]],
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> dict[str, Any]:
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
        A row as `attempt_fit` does, without a model; its leaderboard lists the trials.
    """
    started = time.perf_counter()
    trials = attempt(lambda note: judge(frame, problem, automl, definitions=definitions, on_stage=note), on_stage)
    seconds = {"fit_seconds": time.perf_counter() - started}
    if isinstance(trials, Failure):
        return unfitted_row(scenario_id, trials, len(frame)) | seconds
    row = dict.fromkeys(unfitted_row(scenario_id, Failure("", "", "", "")))
    told = {"scenario_id": scenario_id, "status": "fitted", "n_samples": len(frame), "n_trials": len(trials)}
    return row | told | seconds | {"leaderboard": json.dumps([asdict(trial) for trial in trials])}


def _timed_row(work: Callable[[OnStage], Fit[Any]], scenario_id: str, n_rows: int, on_stage: OnStage) -> dict[str, Any]:
    started = time.perf_counter()
    fit = attempt(lambda note: _fitted_row(scenario_id, work(note), note), on_stage)
    row = unfitted_row(scenario_id, fit, n_rows) if isinstance(fit, Failure) else fit
    return {**row, "fit_seconds": time.perf_counter() - started}


def _fitted_row(scenario_id: str, fit: Fit[Any], note: OnStage) -> dict[str, Any]:
    note("serialize")
    model = fit.model.to_bytes()
    return {
        "scenario_id": scenario_id,
        "status": "fitted",
        "stage": None,
        "error_type": None,
        "message": None,
        "traceback": None,
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


def unfitted_row(scenario_id: str, failure: Failure, n_rows: int = 0) -> dict[str, Any]:
    """Return the row of `fits` of a scenario without a model."""
    return {
        "scenario_id": scenario_id,
        "status": failure.status,
        "stage": failure.stage,
        "error_type": failure.error_type,
        "message": failure.message,
        "traceback": failure.traceback,
        "n_samples": n_rows,
        "n_features": None,
        "n_trials": None,
        "estimator": None,
        "hyperparameters": None,
        "features": None,
        "selection": None,
        "leaderboard": None,
        "metrics": None,
        "kpis": None,
        "model": None,
        "model_bytes": None,
        "model_digest": None,
        "pool_digest": None,
        "fit_seconds": None,
    }


def failed_row(scenario_id: str, stage: str, error_type: str, message: str) -> dict[str, Any]:
    """Return the row of `fits` of a scenario whose process was stopped from outside or died."""
    return unfitted_row(scenario_id, Failure("failed", stage, error_type, message))


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
