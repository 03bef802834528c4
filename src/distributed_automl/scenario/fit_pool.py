"""One pool, fitted: what the scenarios that resemble each other have in common, in every vintage the folds need."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Ensemble, Problem, Selection
from distributed_automl.scenario.arena import Arena, OnStage, arena_of, ignore_stage
from distributed_automl.scenario.committee import Committee
from distributed_automl.scenario.design import FloatArray, Samples, Timestamp
from distributed_automl.scenario.ensemble import Mixture, at_quantile, best_mixture, reweighted
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.estimators.lightgbm import ABSOLUTE_OBJECTIVES, LightGBM
from distributed_automl.scenario.estimators.lightgbm_classifier import LightGBMClassifier
from distributed_automl.scenario.estimators.logistic_regression import LogisticRegression
from distributed_automl.scenario.estimators.ridge import Ridge
from distributed_automl.scenario.fit import PoolFit, leaderboard
from distributed_automl.scenario.folds import Fold, places_of
from distributed_automl.scenario.grouped import Grouped, groupings
from distributed_automl.scenario.members import Mixed
from distributed_automl.scenario.model import seed_of
from distributed_automl.scenario.pool import PooledModel, Vintage, pool_samples
from distributed_automl.scenario.scoring import calibrate_on, forecasts_alone, score_holdout
from distributed_automl.scenario.synthesis import Definitions
from distributed_automl.scenario.tuning import ONE_TRIAL, Tuned, tune

ALL_FEATURES = Selection(methods=())
SQUARED_OBJECTIVES = frozenset({"rmse", "rmsse", "r2"})
COMMITTEE = Ensemble(tolerance=0.15, single_margin=0.02, max_members=12, n_rounds=8)
"""A pool has thousands of out-of-fold rows: its votes may follow them further than a scenario's. Sizes do not count."""
SIZE = {"n_trees": 120, "learning_rate": 0.08, "num_leaves": 31, "min_data_in_leaf": 50, "feature_fraction": 0.6}
"""Of the trees that learn from the rows of many scenarios."""
BETTER = "the better"
"""What a lesson learns that follows what did better so far; its name must not tell which, before that is known."""


@dataclass(frozen=True)
class Taught:
    """One lesson, fitted on what every split may know.

    Attributes:
        tuned: the lesson with its out-of-fold predictions.
        fitted: of each fold and, last, of the holdout's split.
        held_out: its predictions of the holdout.
    """

    tuned: Tuned
    fitted: tuple[Fitted, ...]
    held_out: FloatArray


def fit_pool(
    frame: pd.DataFrame,
    problem: Problem,
    automl: AutoML,
    *,
    pool_id: str,
    definitions: Definitions,
    on_stage: OnStage = ignore_stage,
) -> PoolFit:
    """Fit a committee over the rows of many scenarios.

    The folds are those of the scenarios: a rolling origin is the same date for all, and a row of a tabular task falls
    into the same part by its sample id. The members' configurations are fixed: with this many rows a search costs more
    than it gains. Who is in the committee, and with what weight, the folds decide.

    Args:
        frame: rows of at least one scenario, the user's columns, in any order.
        problem: the use case.
        automl: how scenarios are searched.
        pool_id: the pool.
        definitions: of the features, the same for the whole fleet.
        on_stage: told when a stage begins.

    Raises:
        ScenarioSkipped: no scenario has rows that can be used, they are too short for one fold and a holdout, or the
            committee does not beat the baseline on the folds.
    """
    on_stage("validate")
    samples = pool_samples(frame, problem, definitions, pool_id)
    seed = seed_of(automl.seed, pool_id)
    every_feature = automl.model_copy(update={"selection": ALL_FEATURES})
    arena = arena_of(samples, definitions, every_feature, seed=seed, on_stage=on_stage)
    on_stage("tune")
    baseline = tune(CANDIDATES[BASELINES[problem.task]], arena, ONE_TRIAL)
    taught = teach_all(samples, arena)
    mixture = best_mixture([one.tuned for one in taught], arena.folds, arena.scorer, COMMITTEE)
    winner = at_quantile(mixture, arena.folds, arena.scorer)
    require_better(winner, baseline)
    on_stage("score")
    held_out = [one.held_out for member in mixture.members for one in taught if one.tuned is member]
    metrics, costs = score_holdout(winner, held_out, baseline, arena)
    on_stage("refit")
    shipped = at_quantile(reweighted(mixture, held_out, arena, COMMITTEE), arena.judged, arena.scorer)
    last = [arena.everything.fit(one.tuned.candidate, one.tuned.hyperparameters, seed=seed) for one in taught]
    vintages = [*earlier_vintages(taught, mixture, arena), vintage(arena.everything, taught, last, shipped)]
    return PoolFit(
        model=assembled(shipped, vintages, baseline, arena, definitions),
        estimator="pooled",
        n_samples=len(samples),
        n_trials=len(taught),
        features=tuple(arena.everything.selected.columns),
        selection=dict(arena.everything.selected.votes),
        hyperparameters={one.candidate.name: dict(one.hyperparameters) for one in winner.members},
        leaderboard=leaderboard([one.tuned for one in taught], baseline, winner, shipped.weights),
        metrics=metrics,
        kpis=costs,
    )


def require_better(winner: Mixture, baseline: Tuned) -> None:
    """Raise ScenarioSkipped unless the committee beats the baseline: else the baseline's rung answers better."""
    if not winner.gain > baseline.gain:
        raise ScenarioSkipped(
            f"nothing that was learned over the pool's scenarios beats {baseline.candidate.name} on the folds: "
            f"{winner.gain:.4g} against {baseline.gain:.4g}, greater is better"
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
        calibration=calibrate_on(shipped, arena.judged, rivals=forecasts_alone(arena)),
        baseline=everything.fit(baseline.candidate, baseline.hyperparameters, seed=arena.seed),
        strata=arena.holdout.split.strata,
        shift=shipped.shift,
    )


def teach_all(samples: Samples, arena: Arena) -> list[Taught]:
    """Teach each family over all rows, and over every group of rows what did better over all of them.

    Forecasts are learned as logarithms, so that small scenarios count beside large ones; where the objective squares
    its errors, as they are. Both are learned in absolute terms and relative to the level. Which of the two the groups
    learn, the folds before each split decide over all rows. Where the objective is absolute, medians are learned too.
    """
    problem = samples.problem
    if not problem.is_forecasting:
        return [teach_one(lesson, arena) for lesson in lessons_of_tables(samples)]
    squared = problem.objective in SQUARED_OBJECTIVES
    transforms, scale = (("level", "none"), "none") if squared else (("log_level", "log1p"), "log1p")
    overall = [teach_one(trees(transform), arena) for transform in transforms]
    better = [transforms[place] for place in best_before(overall, arena)]
    columns = groupings(samples)
    medians = [[trees(one, loss="l1", of=BETTER) for one in better]] if problem.objective in ABSOLUTE_OBJECTIVES else []
    by_group = [[trees(one, column, of=BETTER) for one in better] for column in columns]
    lines = [[line(one, scale, column) for one in better] for column in [None, *columns]]
    return overall + [teach(lessons, arena) for lessons in [*medians, *by_group, *lines]]


def best_before(taught: Sequence[Taught], arena: Arena) -> list[int]:
    """Return who did best before each split: of the folds, the holdout and, last, everything.

    Before the first fold nothing is known, and the first counts as the best.
    """
    predicted = [np.concatenate([one.tuned.predicted, one.held_out]) for one in taught]
    ends = [own.stop for own in places_of(arena.judged)]
    best = [0]
    for n_folds, end in enumerate(ends, start=1):
        gains = [arena.scorer.gain(arena.judged[:n_folds], one[:end]) for one in predicted]
        best.append(int(np.argmax(gains)))
    return best


def trees(transform: str, column: str | None = None, *, loss: str = "l2", of: str | None = None) -> Grouped:
    """Return the lesson of boosted trees, over all rows or per group."""
    return Grouped(LightGBM(), column, {"target_transform": transform, "loss": loss, **SIZE}, of=of)


def line(transform: str, scale: str, column: str | None) -> Grouped:
    """Return the lesson of a line, over all rows or per group."""
    learned = {"target_transform": transform, "feature_transform": scale, "alpha": 0.01}
    return Grouped(Ridge(), column, learned, of=BETTER)


def lessons_of_tables(samples: Samples) -> list[Grouped]:
    """Return what a pool of tables tries to teach: trees over all rows and per group; of classes a line as well."""
    if samples.problem.is_classification:
        per_class = {**SIZE, "n_trees": 80, "num_leaves": 15, "extra_trees": False}  # a tree per class in every round
        line = {"feature_transform": "none", "alpha": 0.003}
        return [Grouped(LightGBMClassifier(), None, per_class), Grouped(LogisticRegression(), None, line)]
    return [trees("none", column) for column in [None, *groupings(samples)]]


def teach_one(lesson: Grouped, arena: Arena) -> Taught:
    """Teach the same lesson at every split; see teach."""
    return teach([lesson] * (len(arena.judged) + 1), arena)


def teach(lessons: Sequence[Grouped], arena: Arena) -> Taught:
    """Fit a lesson on the folds and on the holdout's split, and judge it on the folds.

    Args:
        lessons: what is taught at each split, one family over the same rows: on the folds, on the holdout's split and,
            last, on everything. All have one name.
        arena: the splits.
    """
    started = time.perf_counter()
    *earlier, last = lessons
    fitted = tuple(
        fold.fit(lesson, lesson.hyperparameters, seed=arena.seed)
        for fold, lesson in zip(arena.judged, earlier, strict=True)
    )
    predictions = [fold.predict(one) for fold, one in zip(arena.judged, fitted, strict=True)]
    *folds, held_out = predictions
    predicted = np.concatenate(folds)
    gain = arena.scorer.gain(arena.folds, predicted)
    tuned = Tuned(last, last.hyperparameters, predicted, gain, gain, 1, time.perf_counter() - started)
    return Taught(tuned, fitted, held_out)


def earlier_vintages(taught: Sequence[Taught], mixture: Mixture, arena: Arena) -> list[Vintage]:
    """Return the vintage of every fold and of the holdout, each weighed by nothing but the folds before it.

    Before the first fold nothing speaks for anyone: all count alike. So a vintage, weights and all, knows of nothing
    after its cutoff.

    Args:
        taught: every lesson.
        mixture: as the whole of the folds weighs them.
        arena: the folds and the holdout.
    """
    starts = [own.start for own in places_of(arena.judged)]
    vintages = []
    for place, fold in enumerate(arena.judged):
        before = [replace(one.tuned, predicted=one.tuned.predicted[: starts[place]]) for one in taught]
        if place == 0:
            weighed = equals(before)
        elif place < len(arena.folds):
            folds = arena.folds[:place]
            judged = [replace(one, gain=arena.scorer.gain(folds, one.predicted)) for one in before]
            weighed = best_mixture(judged, folds, arena.scorer, COMMITTEE)
        else:
            weighed = mixture
        vintages.append(vintage(fold, taught, [one.fitted[place] for one in taught], weighed))
    return vintages


def equals(tuned: Sequence[Tuned]) -> Mixture:
    """Return the mixture in which all count alike; nothing is known of how well it does."""
    weights = (1.0 / len(tuned),) * len(tuned)
    return Mixture(tuple(tuned), weights, Mixed(np.empty(0), np.empty(0)), -np.inf)


def vintage(fold: Fold, taught: Sequence[Taught], fitted: Sequence[Fitted], mixture: Mixture) -> Vintage:
    """Return the committee as it was fitted on what a split may know.

    Args:
        fold: the split.
        taught: every lesson; whoever is not in the mixture has no weight.
        fitted: each lesson, fitted on the split's training rows.
        mixture: who counts how much.
    """
    names = [one.tuned.candidate.name for one in taught]
    counts = dict(zip([one.candidate.name for one in mixture.members], mixture.weights, strict=True))
    weights = {name: counts.get(name, 0.0) for name in names}
    return Vintage(fold.split.name, _cutoff(fold), Committee(dict(zip(names, fitted, strict=True)), weights))


def _cutoff(fold: Fold) -> Timestamp | None:
    samples = fold.design.samples
    if fold.split.cutoff is not None or not samples.problem.is_forecasting:
        return fold.split.cutoff
    latest: Timestamp = samples.timestamps.max()
    return latest
