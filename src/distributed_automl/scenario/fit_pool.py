"""One pool, fitted: what the scenarios that resemble each other have in common, in every vintage the folds need."""

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from distributed_automl.parameters import AutoML, Problem, Selection, Tuning
from distributed_automl.scenario.design import FloatArray, Timestamp
from distributed_automl.scenario.ensemble import Mixture, reweighted
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.estimators._base import Hyperparameters
from distributed_automl.scenario.estimators.lightgbm import LightGBM
from distributed_automl.scenario.fit import (
    OnStage,
    PoolFit,
    ignore_stage,
    leaderboard,
)
from distributed_automl.scenario.folds import (
    Arena,
    Fold,
    Scorer,
    final_split,
    naive_error,
    select_features,
    synthesize_splits,
)
from distributed_automl.scenario.model import seed_of
from distributed_automl.scenario.pool import PooledModel, Vintage, pool_samples
from distributed_automl.scenario.scoring import calibrate_on, score_holdout
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import Definitions
from distributed_automl.scenario.tuning import Tuned, tune

LEARNER = LightGBM()
ALL_FEATURES = Selection(methods=())
ONE_TRIAL = Tuning(n_trials=1)
SQUARED_OBJECTIVES = frozenset({"rmse", "r2"})


def fit_pool(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    pool_id: str,
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> PoolFit:
    """Fit one learner over the rows of many scenarios.

    The folds are those of the scenarios: a rolling origin is the same date for all, and a row of a tabular task falls
    into the same part by its sample id. The learner's configuration is fixed: with this many rows a search costs more
    than it gains.

    Args:
        frame: rows of at least one scenario, the user's columns, in any order.
        problem: the use case.
        automl: how scenarios are searched.
        pool_id: the pool.
        definitions: of the features, the same for the whole fleet.
        on_stage: told when a stage begins.

    Raises:
        ScenarioSkipped: no scenario has rows that can be used, or they are too short for one fold and a holdout.
    """
    on_stage("validate")
    samples = pool_samples(frame, problem, definitions, pool_id)
    seed = seed_of(automl.seed, pool_id)
    on_stage("split")
    splits = split(samples, automl.validation)
    on_stage("synthesize")
    drafts = synthesize_splits(samples, [*splits.folds, splits.holdout, final_split(samples)], definitions, None)
    on_stage("select")
    *folds, holdout, everything = select_features(drafts, ALL_FEATURES, seed=seed)
    scorer = Scorer(problem.objective, automl.costs, naive_error(samples, splits.folds[0].train))
    arena = Arena(tuple(folds), holdout, everything, scorer, seed)
    on_stage("tune")
    baseline = tune(CANDIDATES[BASELINES[problem.task]], arena, ONE_TRIAL)
    vintages = [fit_vintage(fold, seed) for fold in arena.judged]
    winner, held_out = judge(vintages, arena)
    on_stage("score")
    metrics, costs = score_holdout(winner, [held_out], baseline, arena)
    on_stage("refit")
    vintages.append(fit_vintage(everything, seed))
    shipped = reweighted(winner, [held_out], arena, automl.ensemble)
    return PoolFit(
        model=assembled(shipped, vintages, baseline, arena, definitions),
        estimator="pooled",
        n_samples=len(samples),
        n_trials=len(winner.members),
        features=tuple(everything.selected.columns),
        hyperparameters={LEARNER.name: dict(configuration(problem))},
        leaderboard=leaderboard(winner.members, baseline, winner, winner.weights),
        metrics=metrics,
        kpis=costs,
    )


def assembled(
    shipped: Mixture, vintages: Sequence[Vintage], baseline: Tuned, arena: Arena, definitions: Definitions
) -> PooledModel:
    """Put the model together: every vintage, and intervals calibrated on all that was predicted out of fold."""
    everything = arena.everything
    samples = everything.design.samples
    return PooledModel(
        pool_id=samples.scenario_id,
        problem=samples.problem,
        definitions=definitions,
        entities=everything.entities,
        vintages=tuple(vintages),
        calibration=calibrate_on(shipped, arena.judged),
        baseline=everything.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed),
    )


def configuration(problem: Problem) -> Hyperparameters:
    """Return the learner's configuration: larger than a scenario's own, because a pool has many times its rows.

    Forecasts are learned as logarithms, so that small scenarios count beside large ones; where the objective squares
    its errors, as they are.
    """
    squared = problem.objective in SQUARED_OBJECTIVES or not problem.is_forecasting
    return {
        "target_transform": "none" if squared else "log1p",
        "loss": "l2",
        "n_trees": 120,
        "learning_rate": 0.08,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.6,
    }


def fit_vintage(fold: Fold, seed: int) -> Vintage:
    """Fit the learner on what a split may know."""
    fitted = fold.fit(LEARNER, configuration(fold.design.samples.problem), seed=seed)
    return Vintage(fold.split.name, _cutoff(fold), fitted)


def _cutoff(fold: Fold) -> Timestamp | None:
    samples = fold.design.samples
    if fold.split.cutoff is not None or not samples.problem.is_forecasting:
        return fold.split.cutoff
    latest: Timestamp = samples.timestamps.max()
    return latest


def judge(vintages: Sequence[Vintage], arena: Arena) -> tuple[Mixture, FloatArray]:
    """Return the learner with its out-of-fold predictions, and its predictions of the holdout."""
    started = time.perf_counter()
    *folds, held_out = (fold.predict(one.fitted) for one, fold in zip(vintages, arena.judged, strict=True))
    predicted = np.concatenate(folds)
    gain = arena.scorer.gain(arena.folds, predicted)
    problem = arena.holdout.design.samples.problem
    learner = Tuned(LEARNER, configuration(problem), predicted, gain, 1, time.perf_counter() - started)
    return Mixture((learner,), (1.0,), predicted, gain), held_out
