"""What a candidate sees of a split: its rows, and the features learned without the rows it is judged by."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from distributed_automl.errors import ModelError
from distributed_automl.parameters import Costs, Selection
from distributed_automl.scenario.design import Design, FloatArray, Samples, Split
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters
from distributed_automl.scenario.members import clip
from distributed_automl.scenario.pool import PooledModel
from distributed_automl.scenario.selection._base import Selected
from distributed_automl.scenario.selection.vote import select
from distributed_automl.scenario.shift import target_quantile
from distributed_automl.scenario.split import order_of
from distributed_automl.scenario.synthesis import Definitions, EntityTables, design_of, learn_entities

YEAR = pd.Timedelta(weeks=52)


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
