"""Where candidates compete: the folds, the holdout and everything there is to learn from, each with its features."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from distributed_automl.parameters import AutoML
from distributed_automl.scenario.design import Samples, Split
from distributed_automl.scenario.folds import Fold, select_features, synthesize_splits
from distributed_automl.scenario.pool import FINAL, PooledModel
from distributed_automl.scenario.scorer import Scorer, scorer_of
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import Definitions

OnStage = Callable[[str], None]
"""Told the name of each stage when it begins."""


def ignore_stage(stage: str) -> None:
    """Do nothing when a stage begins."""


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
