"""What a candidate sees of a split: its rows, the features learned without the rows it is judged by, and its score."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from distributed_automl.errors import ModelError
from distributed_automl.parameters import AutoML, Costs, Selection
from distributed_automl.scenario.classes import class_costs, decide, decision_weights
from distributed_automl.scenario.design import SERIES_COL, Design, FloatArray, IntArray, Samples, Split
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters
from distributed_automl.scenario.members import clip
from distributed_automl.scenario.metrics import gain, is_defined
from distributed_automl.scenario.outcome import Outcome
from distributed_automl.scenario.pool import FINAL, PooledModel
from distributed_automl.scenario.selection._base import Selected
from distributed_automl.scenario.selection.vote import select
from distributed_automl.scenario.shift import learn_shift, target_quantile
from distributed_automl.scenario.split import order_of, split
from distributed_automl.scenario.synthesis import Definitions, EntityTables, design_of, learn_entities

YEAR = pd.Timedelta(weeks=52)
OnStage = Callable[[str], None]
"""Told the name of each stage when it begins."""


def ignore_stage(stage: str) -> None:
    """Do nothing when a stage begins."""


@dataclass(frozen=True)
class Fold:
    """A split with all that was learned from its training rows before any candidate is fitted.

    Attributes:
        split: rows to learn from and to judge by.
        design: canonical rows and the features of all of them.
        entities: what synthesis learned from the training rows.
        selected: the features that won the vote on the training rows.
    """

    split: Split
    design: Design
    entities: EntityTables = field(repr=False)
    selected: Selected

    def fit(self, candidate: Candidate, hyperparameters: Hyperparameters, *, seed: int) -> Fitted:
        """Fit a candidate on the training rows."""
        return candidate.fit(
            self.design, self.split.train, columns=self.selected.columns, hyperparameters=hyperparameters, seed=seed
        )

    def predict(self, fitted: Fitted) -> FloatArray:
        """Predict the validation rows from the training rows' history, not below `target_min`; see Fitted.predict.

        Raises:
            ModelError: a prediction is not finite.
        """
        predicted = fitted.predict(self.design, history=self.split.train, rows=self.split.valid)
        if not np.isfinite(predicted).all():
            raise ModelError(
                f"candidate '{fitted.candidate}' predicted values that are not finite on {self.split.name}"
            )
        return clip(predicted, self.design.samples.problem.target_min)


@dataclass(frozen=True)
class Draft:
    """A split with its features, before any of them is selected."""

    split: Split
    design: Design
    entities: EntityTables = field(repr=False)


def synthesize_splits(
    samples: Samples,
    splits: Sequence[Split],
    definitions: Definitions,
    pool: PooledModel | None,
    *,
    costs: Costs | None = None,
) -> list[Draft]:
    """Synthesize the features of each split, learning from its training rows alone.

    Features that learn nothing (a lag, a calendar) are the same in every split and computed once.
    """
    quantile = target_quantile(samples.problem.objective, costs) if costs else None
    drafts: list[Draft] = []
    for cut in splits:
        entities = learn_entities(samples, definitions, cut.train)
        learned = bool(entities) or not drafts
        design = design_of(samples, definitions, entities) if learned else drafts[0].design
        design = replace(design, pooled=pool.before(cut) if pool else None, quantile=quantile)
        drafts.append(Draft(cut, design, entities))
    return drafts


def select_features(drafts: Sequence[Draft], selection: Selection, *, seed: int) -> list[Fold]:
    """Let the selectors vote on the training rows of each split alone.

    Args:
        drafts: the oldest split first.
        selection: the selectors.
        seed: of every random draw.
    """
    order, hidden = order_of(drafts[0].design.samples), unlearnable(drafts[0])
    return [
        Fold(draft.split, draft.design, draft.entities, _voted(draft, hidden, selection, order, seed=seed))
        for draft in drafts
    ]


def unlearnable(oldest: Draft) -> list[str]:
    """Return the features that no split of a forecast learns from: parts of the year, if the oldest saw no whole year.

    Before a year was seen, the part of it that comes next is one that nothing was learned of; and what no fold could
    judge, the model that ships does not learn from either.
    """
    design, train = oldest.design, oldest.split.train
    if not design.samples.problem.is_forecasting or not design.of_the_year:
        return []
    seen = design.samples.timestamps.iloc[train]
    return [] if seen.max() - seen.min() >= YEAR else sorted(design.of_the_year)


def _voted(draft: Draft, hidden: list[str], selection: Selection, order: FloatArray, *, seed: int) -> Selected:
    samples, train = draft.design.samples, draft.split.train
    return select(
        draft.design.X.iloc[train].drop(columns=hidden),
        samples.y[train],
        selection,
        task=samples.problem.task,
        order=order[train],
        seed=seed,
    )


def places_of(folds: Sequence[Fold]) -> list[slice]:
    """Return where each fold's rows lie in predictions that are concatenated in the folds' order."""
    ends = np.cumsum([0, *(len(fold.split.valid) for fold in folds)])
    return [slice(start, end) for start, end in itertools.pairwise(ends.tolist())]


def actuals(folds: Sequence[Fold]) -> FloatArray:
    """Return what came true in the folds' validation rows, concatenated in their order."""
    return np.concatenate([fold.design.samples.y[fold.split.valid] for fold in folds])


@dataclass(frozen=True)
class Scorer:
    """Judges predictions of the folds' validation rows, pooled over the folds."""

    objective: str
    costs: Costs
    naive_error: float = math.nan
    naive_rmse: float = math.nan

    def outcome(self, folds: Sequence[Fold], predicted: FloatArray, *, decision: FloatArray | None = None) -> Outcome:
        """Pair predictions, concatenated in the folds' order, with what came true.

        Args:
            folds: where the predictions were made.
            predicted: shape (n_valid,); of classes (n_valid, n_classes).
            decision: weight of each class when one is decided for; None: as learned from the first fold.
        """
        samples, y_true = folds[0].design.samples, actuals(folds)
        outcome = Outcome(y_true, predicted, naive_error=self.naive_error, costs=self.costs, naive_rmse=self.naive_rmse)
        if not samples.problem.is_classification:
            return outcome
        weights = decision_weights(samples, folds[0].split.train) if decision is None else decision
        costs = class_costs(samples.problem, samples.classes)
        return replace(outcome, decided=decide(predicted, weights), class_costs=costs)

    @property
    def quantile(self) -> float | None:
        """The quantile of the target that the objective is best served by; None if it is none in particular."""
        return target_quantile(self.objective, self.costs)

    def gain(self, folds: Sequence[Fold], predicted: FloatArray) -> float:
        """Return the objective, greater is better.

        Where the objective is best served by a quantile, predictions are judged after the shift that brings them there:
        the winner gets such a shift, so means, medians and quantiles compete on the same terms.
        """
        if self.quantile is not None:
            shift = learn_shift(actuals(folds), predicted, self.quantile)
            predicted = clip(shift.apply(predicted), folds[0].design.samples.problem.target_min)
        return self.gain_as_is(folds, predicted)

    def is_defined(self, folds: Sequence[Fold], predicted: FloatArray) -> bool:
        """Return whether the objective says anything of these folds; see metrics.is_defined."""
        return is_defined(self.outcome(folds, predicted), self.objective)

    def gain_as_is(self, folds: Sequence[Fold], predicted: FloatArray) -> float:
        """Return the objective of predictions as they stand, greater is better."""
        return gain(self.outcome(folds, predicted), self.objective)


def scorer_of(samples: Samples, rows: IntArray, costs: Costs) -> Scorer:
    """Return the scorer of a problem. The errors of seasonal naive over some rows are the scale of scaled metrics."""
    differences = seasonal_differences(samples, rows)
    if not len(differences):
        return Scorer(samples.problem.objective, costs)
    naive_error, naive_rmse = float(np.abs(differences).mean()), float(np.sqrt(np.square(differences).mean()))
    return Scorer(samples.problem.objective, costs, naive_error, naive_rmse)


@dataclass(frozen=True)
class Arena:
    """Where candidates compete.

    Attributes:
        folds: for every choice, oldest first.
        holdout: for the final score alone.
        everything: all rows whose target is known, for the model that ships; nothing to judge by.
        scorer: the objective.
        seed: of every random draw.
    """

    folds: tuple[Fold, ...]
    holdout: Fold
    everything: Fold
    scorer: Scorer
    seed: int

    @property
    def judged(self) -> tuple[Fold, ...]:
        """The folds and, last, the holdout."""
        return (*self.folds, self.holdout)


def arena_of(
    samples: Samples,
    definitions: Definitions,
    automl: AutoML,
    *,
    pool: PooledModel | None = None,
    seed: int,
    on_stage: OnStage,
) -> Arena:
    """Split the rows, synthesize features and select them in each split, from its training rows alone.

    Args:
        samples: canonical rows.
        definitions: of the features.
        automl: how folds are cut and who selects features.
        pool: the frozen pooled model of similar scenarios; None if there is none.
        seed: of every random draw.
        on_stage: told when a stage begins.

    Raises:
        ScenarioSkipped: the rows are too few for one fold and a holdout.
    """
    on_stage("split")
    splits = split(samples, automl.validation)
    on_stage("synthesize")
    cuts = [*splits.folds, splits.holdout, final_split(samples)]
    drafts = synthesize_splits(samples, cuts, definitions, pool, costs=automl.costs)
    on_stage("select")
    *folds, holdout, everything = select_features(drafts, automl.selection, seed=seed)
    return Arena(tuple(folds), holdout, everything, scorer_of(samples, splits.folds[0].train, automl.costs), seed)


def final_split(samples: Samples) -> Split:
    """Return the split that learns from every row whose target is known and judges none."""
    known = np.flatnonzero(np.isfinite(samples.y))
    return Split(FINAL, train=known, valid=np.array([], dtype=np.intp))


def seasonal_differences(samples: Samples, rows: IntArray) -> FloatArray:
    """Return what the target of some rows lies above that of a season earlier, shape (n_pairs,).

    Every series counts by its known pairs. Empty in tabular tasks and where no pair of rows is a season apart.
    """
    if not samples.problem.is_forecasting:
        return np.empty(0)
    known = np.full(len(samples), np.nan)
    known[rows] = samples.y[rows]
    series = samples.frame[SERIES_COL].to_numpy()
    differences = known[samples.season :] - known[: -samples.season]
    is_pair = (series[samples.season :] == series[: -samples.season]) & np.isfinite(differences)
    return np.asarray(differences[is_pair])
