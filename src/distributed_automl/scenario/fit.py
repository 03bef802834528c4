"""One scenario, fitted: from its raw rows to a model with honest scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import pandas as pd

from distributed_automl.parameters import AutoML, Ensemble, Problem, Tuning
from distributed_automl.scenario.arena import Arena, OnStage, arena_of, ignore_stage
from distributed_automl.scenario.calendar import season_of
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.ensemble import Mixture, alone, at_quantile, best_mixture, on_every_fold, reweighted
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES, competitors
from distributed_automl.scenario.estimators._base import Candidate, Fitted
from distributed_automl.scenario.estimators.pooled import Pooled
from distributed_automl.scenario.folds import Fold
from distributed_automl.scenario.model import ScenarioModel, seed_of
from distributed_automl.scenario.pool import PooledModel
from distributed_automl.scenario.portfolio import Portfolio, portfolio_in_use
from distributed_automl.scenario.scoring import calibrate_on, score_holdout
from distributed_automl.scenario.synthesis import Definitions, define
from distributed_automl.scenario.tuning import Tuned, tune
from distributed_automl.scenario.validate import validate

Model = TypeVar("Model", ScenarioModel, PooledModel)


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """One scenario, or one pool, trained once.

    Attributes:
        model: what predicts from now on.
        estimator: name of the winner: a candidate, "ensemble" or the baseline.
        n_samples: rows after completion of the calendar.
        n_trials: trials over all candidates.
        features: of the final model, in order.
        selection: method -> the features that it voted for, of the final model.
        hyperparameters: member -> its hyper-parameters.
        leaderboard: every candidate, the ensemble and the baseline, best first, with the score on the folds (greater is
            better), weight in the winner, trials and seconds.
        metrics: of the winner on the holdout; "baseline_" + name is the baseline's.
        kpis: of the winner on the holdout, likewise.
    """

    model: Model
    estimator: str
    n_samples: int
    n_trials: int
    features: tuple[str, ...]
    selection: dict[str, list[str]]
    hyperparameters: dict[str, Any]
    leaderboard: list[dict[str, Any]]
    metrics: dict[str, float]
    kpis: dict[str, float]

    def __str__(self) -> str:
        return json.dumps({"estimator": self.estimator, "metrics": self.metrics, "kpis": self.kpis}, indent=2)


ScenarioFit = Fit[ScenarioModel]
PoolFit = Fit[PooledModel]


def fit_scenario(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    definitions: Definitions | None = None,
    pool: PooledModel | None = None,
    portfolio: Portfolio | None = None,
    on_stage: OnStage = ignore_stage,
) -> ScenarioFit:
    """Fit one scenario: validate, split, synthesize, select, tune, ensemble, score, refit, calibrate.

    The result depends on the arguments alone: not on the order of the rows, the clock or other scenarios.

    Args:
        frame: the scenario's rows of `master_df`, shape (n_rows, n_columns), in any order.
        problem: the use case.
        automl: how the scenario is searched.
        definitions: of the features, the same for the whole fleet; None derives them from the frame.
        pool: the frozen pooled model of similar scenarios; None if there is none.
        portfolio: what did well on other scenarios and is tried first; None: the general one.
        on_stage: told when a stage begins.

    Raises:
        ScenarioSkipped: the scenario cannot be modelled, with the reason.
        TableError: the frame does not keep the contract of `master_df`.
    """
    definitions = definitions or definitions_of(frame, problem, automl)
    arena = scenario_arena(frame, problem, automl, definitions=definitions, pool=pool, on_stage=on_stage)
    on_stage("tune")
    first = partial(portfolio_in_use(automl.tuning, portfolio).for_candidate, design=arena.folds[0].design)
    tuned = [tune(one, arena, automl.tuning, first=first(one)) for one in competing(automl, arena)]
    baseline = tuned_baseline(tuned, arena, automl.tuning)
    on_stage("ensemble")
    winner = at_quantile(winning_mixture(tuned, baseline, arena, automl.ensemble), arena.folds, arena.scorer)
    on_stage("score")
    held_out = predict_members(winner, arena.holdout, arena.seed)
    metrics, costs = score_holdout(winner, held_out, baseline, arena)
    on_stage("refit")
    shipped = at_quantile(reweighted(winner, held_out, arena, automl.ensemble), arena.judged, arena.scorer)
    return ScenarioFit(
        model=refit(shipped, baseline, arena, definitions, pool),
        estimator=winner.name,
        n_samples=len(arena.everything.design.samples),
        n_trials=sum(one.n_trials for one in each_once(tuned, baseline)),
        features=tuple(arena.everything.selected.columns),
        selection=dict(arena.everything.selected.votes),
        hyperparameters={one.candidate.name: dict(one.hyperparameters) for one in winner.members},
        leaderboard=leaderboard(tuned, baseline, winner, shipped.weights),
        metrics=metrics,
        kpis=costs,
    )


def definitions_of(frame: pd.DataFrame, problem: Problem, automl: AutoML) -> Definitions:
    """Derive the features' definitions from one scenario's columns."""
    return define(kinds_of(frame, problem), problem, automl.synthesis, season_of(problem))


def scenario_arena(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    definitions: Definitions,
    pool: PooledModel | None = None,
    on_stage: OnStage = ignore_stage,
) -> Arena:
    """Validate a scenario's rows, split them, synthesize and select features: where its candidates compete.

    Raises:
        ScenarioSkipped: the scenario cannot be modelled, with the reason.
        TableError: the frame does not keep the contract of `master_df`.
    """
    on_stage("validate")
    samples = validate(frame, problem, automl, definitions.kinds)
    seed = seed_of(automl.seed, samples.scenario_id)
    return arena_of(samples, definitions, automl, pool=pool, seed=seed, on_stage=on_stage)


def competing(automl: AutoML, arena: Arena) -> list[Candidate]:
    """Return the listed candidates that apply to every fold and the holdout."""
    candidates = competitors(automl.candidates, arena.holdout.design.samples.problem.task)
    return [one for one in candidates if all(one.applies(fold.design) for fold in arena.judged)]


def tuned_baseline(tuned: Sequence[Tuned], arena: Arena, tuning: Tuning) -> Tuned:
    """Return the task's baseline: as it competes, if it does, else fitted for comparison."""
    name = BASELINES[arena.holdout.design.samples.problem.task]
    competes = [one for one in tuned if one.candidate.name == name]
    return competes[0] if competes else tune(CANDIDATES[name], arena, tuning)


def each_once(tuned: Sequence[Tuned], baseline: Tuned) -> list[Tuned]:
    """Return the candidates and the baseline, which may be one of them."""
    return [*tuned, *([] if any(one is baseline for one in tuned) else [baseline])]


def winning_mixture(tuned: Sequence[Tuned], baseline: Tuned, arena: Arena, ensemble: Ensemble) -> Mixture:
    """Return the best ensemble or candidate; the baseline where that is nowhere better, on no fold and not overall."""
    if not tuned:
        return alone(baseline)
    best = best_mixture(tuned, arena.folds, arena.scorer, ensemble)
    is_worse = best.gain <= baseline.gain and on_every_fold(baseline, best, arena.folds, arena.scorer)
    return alone(baseline) if is_worse else best


def fit_members(winner: Mixture, fold: Fold, seed: int) -> tuple[Fitted, ...]:
    """Fit every member of a mixture on a fold's training rows."""
    return tuple(fold.fit(one.candidate, one.hyperparameters, seed=seed) for one in winner.members)


def predict_members(winner: Mixture, fold: Fold, seed: int) -> list[FloatArray]:
    """Fit each member on a fold's training rows and predict its validation rows, shape (n_valid,) each."""
    return [fold.predict(member) for member in fit_members(winner, fold, seed)]


def refit(
    shipped: Mixture, baseline: Tuned, arena: Arena, definitions: Definitions, pool: PooledModel | None
) -> ScenarioModel:
    """Fit the winner's members and the baseline on every row whose target is known, and calibrate the intervals."""
    everything = arena.everything
    needs_pool = any(one.candidate.name == Pooled.name for one in shipped.members)
    return ScenarioModel(
        scenario_id=everything.design.samples.scenario_id,
        problem=everything.design.samples.problem,
        definitions=definitions,
        entities=everything.entities,
        members=fit_members(shipped, everything, arena.seed),
        weights=shipped.weights,
        calibration=calibrate_on(shipped, arena.judged, shape=pool.shape if pool else None),
        baseline=everything.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed),
        pool_digest=pool.digest if pool and needs_pool else None,
        shift=shipped.shift,
    )


def leaderboard(
    tuned: Sequence[Tuned], baseline: Tuned, winner: Mixture, weights: Sequence[float]
) -> list[dict[str, Any]]:
    """Rank every candidate, the baseline and the winning ensemble by their gain on the folds, best first.

    Args:
        tuned: the candidates.
        baseline: what they had to beat.
        winner: the mixture that won on the folds.
        weights: of its members in the model that ships.
    """
    weight_of = {one.candidate.name: weight for one, weight in zip(winner.members, weights, strict=True)}
    rows: list[dict[str, Any]] = [
        {
            "candidate": one.candidate.name,
            "gain": one.gain,
            "first_gain": one.first_gain,
            "weight": weight_of.get(one.candidate.name, 0.0),
            "n_trials": one.n_trials,
            "seconds": round(one.seconds, 4),
        }
        for one in each_once(tuned, baseline)
    ]
    if len(winner.members) > 1:
        mixed = {"gain": winner.gain, "first_gain": None, "weight": 1.0, "n_trials": 0, "seconds": 0.0}
        rows.append({"candidate": winner.name, **mixed})
    ranked = sorted(rows, key=lambda row: -row["gain"])
    return [{"rank": rank, **row} for rank, row in enumerate(ranked, start=1)]
