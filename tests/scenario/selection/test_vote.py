import numpy as np
import pandas as pd
import pytest

from distributed_automl.parameters import Selection
from distributed_automl.scenario.selection import SELECTORS, select
from distributed_automl.scenario.selection.vote import held_out, usable_columns

RNG = np.random.default_rng(0)
N_ROWS = 200
SIGNAL = RNG.normal(size=N_ROWS)
STEP = RNG.choice(["low", "high"], N_ROWS).astype(object)
Y = 3.0 * SIGNAL + 5.0 * (STEP == "high") + 0.1 * RNG.normal(size=N_ROWS)


def features():
    return pd.DataFrame(
        {
            "noise": RNG.normal(size=N_ROWS),
            "signal": SIGNAL,
            "step": STEP,
            "gaps": np.where(RNG.random(N_ROWS) < 0.3, np.nan, SIGNAL),
            "constant": 1.0,
            "empty": np.nan,
            "nothing": pd.Series([None] * N_ROWS, dtype=object),
            "copy": SIGNAL,
        }
    )


X = features()


def chosen(frame=X, y=Y, selection=None, order=None):
    order = np.arange(len(frame), dtype=np.float64) if order is None else order
    selection = selection or Selection()
    return select(frame, y, selection, task="regression", order=order, seed=0)


# The vote


def test_when_methods_vote_then_columns_keep_the_order_of_the_frame():
    selected = chosen(selection=Selection(max_features=3))
    assert selected.columns == [name for name in X if name in selected.columns]
    assert {"signal", "step"} <= set(selected.columns)
    assert set(selected.votes) == {"univariate", "tree_importance"}


def test_when_columns_are_constant_empty_or_copies_then_they_never_pass():
    selected = chosen()
    assert not {"constant", "empty", "nothing", "copy"} & set(selected.columns)


def test_when_two_votes_are_needed_then_only_what_both_methods_chose_stays():
    selected = chosen(selection=Selection(min_votes=2, max_features=2))
    both = set(selected.votes["univariate"]) & set(selected.votes["tree_importance"])
    assert set(selected.columns) == both


def test_when_methods_agree_on_nothing_then_the_best_supported_stay(monkeypatch):
    monkeypatch.setattr(
        "distributed_automl.scenario.selection.vote.SELECTORS",
        {
            "univariate": lambda ballot: ballot.X.columns == "noise",
            "tree_importance": lambda ballot: ballot.X.columns == "signal",
        },
    )
    assert chosen(selection=Selection(min_votes=2)).columns == ["noise", "signal"]


def test_when_no_method_votes_then_every_usable_column_stays():
    selected = chosen(selection=Selection(methods=()))
    assert selected.columns == ["noise", "signal", "step", "gaps"]
    assert selected.votes == {}


def test_when_nothing_goes_with_the_target_then_what_varies_stays():
    constant = chosen(X[["noise", "step"]], np.ones(N_ROWS))
    assert set(constant.columns) <= {"noise", "step"}
    assert constant.columns


@pytest.mark.parametrize("columns", [[], ["constant"], ["empty", "nothing"]])
def test_when_no_column_varies_then_nothing_is_selected(columns):
    assert chosen(X[columns]).columns == []


def test_when_a_column_is_known_in_too_few_rows_then_it_is_left_out():
    sparse = np.full(N_ROWS, np.nan)
    sparse[:9] = Y[:9]
    frame = X.assign(sparse=sparse)
    assert "sparse" not in chosen(frame).columns
    assert chosen(frame[["constant", "sparse"]]).columns == ["sparse"]


def test_when_two_categories_tell_the_rows_apart_in_the_same_way_then_the_first_stays():
    frame = pd.DataFrame({"a": ["x", "y", None], "b": ["y", "x", None], "c": ["x", "x", "y"]}, dtype=object)
    assert usable_columns(frame) == ["a", "c"]


def test_when_every_method_votes_then_all_votes_are_told():
    found = chosen(selection=Selection(methods=tuple(SELECTORS), min_votes=len(SELECTORS), max_features=3))
    assert set(found.votes) == set(SELECTORS)
    assert {"signal", "step"} <= set(found.columns)
    assert all(set(found.columns) <= set(columns) for columns in found.votes.values())


def test_when_rows_are_held_out_then_they_are_the_last_quarter_and_times_stay_together():
    assert held_out(np.arange(8.0)).tolist() == [False] * 6 + [True] * 2
    assert held_out(np.array([3.0, 1.0, 2.0, 3.0, 3.0, 1.0])).tolist() == [True, False, False, True, True, False]


@pytest.mark.parametrize("n_rows", [2, 3, 8])
def test_when_all_rows_are_of_one_time_then_the_last_ones_are_held_out(n_rows):
    mask = held_out(np.zeros(n_rows))
    assert mask[-1]
    assert not mask[0]
    assert mask.sum() == max(1, n_rows // 4)


@pytest.mark.parametrize("name", ["sequential", "l1", "permutation"])
def test_when_the_last_rows_contradict_the_others_then_methods_that_judge_by_them_do_not_vote_for_it(name):
    frame = X[["noise"]].assign(fickle=np.where(np.arange(N_ROWS) < 0.75 * N_ROWS, Y, -Y))
    selection = Selection(methods=(name,), max_features=4)
    assert "fickle" not in chosen(frame, selection=selection).votes[name]
    shuffled = np.random.default_rng(0).permutation(N_ROWS) * 1.0
    assert "fickle" in chosen(frame, selection=selection, order=shuffled).votes[name]


def test_when_a_method_is_unknown_then_the_error_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"unknown selection methods \['oracle'\]: expected some of"):
        chosen(selection=Selection(methods=("oracle",)))
