"""What a candidate sees of a split: its rows, the features learned without the rows it is judged by, and its score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from distributed_automl.errors import ModelError
from distributed_automl.parameters import Costs, Selection
from distributed_automl.scenario.design import SERIES_COL, Design, FloatArray, IntArray, Samples, Split
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters
from distributed_automl.scenario.members import clip
from distributed_automl.scenario.metrics import Outcome, gain
from distributed_automl.scenario.pool import FINAL, PooledModel
from distributed_automl.scenario.selection._base import Selected
from distributed_automl.scenario.selection.vote import select
from distributed_automl.scenario.synthesis import Definitions, EntityTables, learn_entities, synthesize


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
        """Predict the validation rows from the training rows' history, shape (n_valid,), not below `target_min`.

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
    samples: Samples, splits: Sequence[Split], definitions: Definitions, pool: PooledModel | None
) -> list[Draft]:
    """Synthesize the features of each split, learning from its training rows alone.

    Features that learn nothing (a lag, a calendar) are the same in every split and computed once.
    """
    drafts: list[Draft] = []
    for split in splits:
        entities = learn_entities(samples, definitions, split.train)
        learned = bool(entities.tables) or not drafts
        X = synthesize(samples, definitions, entities) if learned else drafts[0].design.X
        drafts.append(Draft(split, Design(samples, X, pool.before(split) if pool else None), entities))
    return drafts


def select_features(drafts: Sequence[Draft], selection: Selection, *, seed: int) -> list[Fold]:
    """Let the selectors vote on the training rows of each split alone."""
    return [
        Fold(
            draft.split,
            draft.design,
            draft.entities,
            select(
                draft.design.X.iloc[draft.split.train],
                draft.design.samples.y[draft.split.train],
                selection,
                seed=seed,
            ),
        )
        for draft in drafts
    ]


@dataclass(frozen=True)
class Scorer:
    """Judges predictions of the folds' validation rows, pooled over the folds."""

    objective: str
    costs: Costs
    naive_error: float

    def outcome(self, folds: Sequence[Fold], predicted: FloatArray) -> Outcome:
        """Pair predictions, concatenated in the folds' order, with what came true."""
        y_true = np.concatenate([fold.design.samples.y[fold.split.valid] for fold in folds])
        return Outcome(y_true=y_true, y_pred=predicted, naive_error=self.naive_error, costs=self.costs)

    def gain(self, folds: Sequence[Fold], predicted: FloatArray) -> float:
        """Return the objective, greater is better."""
        return gain(self.outcome(folds, predicted), self.objective)


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


def final_split(samples: Samples) -> Split:
    """Return the split that learns from every row whose target is known and judges none."""
    known = np.flatnonzero(np.isfinite(samples.y))
    return Split(FINAL, train=known, valid=np.array([], dtype=np.intp))


def naive_error(samples: Samples, rows: IntArray) -> float:
    """Return the mean absolute seasonal difference of the target over some rows, the scale of MASE.

    Every series counts by its number of known pairs. NaN in tabular tasks and where no pair of rows is a season apart.
    """
    if not samples.problem.is_forecasting:
        return math.nan
    known = np.full(len(samples), np.nan)
    known[rows] = samples.y[rows]
    series = samples.frame[SERIES_COL].to_numpy()
    differences = np.abs(known[samples.season :] - known[: -samples.season])
    pairs = differences[(series[samples.season :] == series[: -samples.season]) & np.isfinite(differences)]
    return float(pairs.mean()) if len(pairs) else math.nan
