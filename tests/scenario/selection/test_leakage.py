"""No selector sees a row that its vote is judged by."""

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import demand_frame, demand_problem

from distributed_automl.parameters import AutoML, Selection, Synthesis, Validation
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.folds import select_features, synthesize_splits
from distributed_automl.scenario.selection import SELECTORS
from distributed_automl.scenario.split import split
from distributed_automl.scenario.synthesis import define
from distributed_automl.scenario.validate import validate

PROBLEM, AUTOML = demand_problem(), AutoML(validation=Validation(n_folds=2, min_train_periods=28))


def votes_of(frame: pd.DataFrame, name: str) -> list[dict[str, list[str]]]:
    """Return each fold's votes, the oldest fold first."""
    kinds = kinds_of(frame, PROBLEM)
    samples = validate(frame, PROBLEM, AUTOML, kinds)
    splits = split(samples, AUTOML.validation)
    drafts = synthesize_splits(samples, splits.folds, define(kinds, PROBLEM, Synthesis(), 7), None)
    return [dict(fold.selected.votes) for fold in select_features(drafts, Selection(methods=(name,)), seed=0)]


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_when_what_comes_after_a_folds_cutoff_changes_then_its_votes_do_not(name: str) -> None:
    frame = demand_frame()
    changed = frame.copy()
    is_later = changed.index >= len(frame) - 2 * PROBLEM.horizon  # the second fold's validation rows and the holdout
    noise = np.random.default_rng(5).permutation(len(frame)) * 100.0
    for column in ("units", "visitors"):
        changed[column] = changed[column].mask(is_later, noise)
    before, after = votes_of(frame, name), votes_of(changed, name)
    assert before == after
    assert before[1][name]


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_when_what_came_before_the_cutoff_changes_then_so_do_the_votes(name: str) -> None:
    frame = demand_frame()
    changed = frame.assign(units=np.random.default_rng(6).permutation(frame["units"]), visitors=1.0 * frame.index)
    assert votes_of(frame, name) != votes_of(changed, name)
