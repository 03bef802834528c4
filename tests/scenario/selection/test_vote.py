import numpy as np
import pandas as pd
import pytest

from distributed_automl.parameters import Selection
from distributed_automl.scenario.selection import SELECTORS, select
from distributed_automl.scenario.selection.vote import usable_columns

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


def votes(name, frame=X, y=Y, max_features=3, seed=0):
    frame = frame[usable_columns(frame)]
    mask = SELECTORS[name](frame, y, seed=seed, max_features=max_features)
    return list(frame.columns[mask])


# Every selector


@pytest.mark.parametrize("name", sorted(SELECTORS))
class TestEverySelector:
    def test_when_features_matter_then_they_get_the_votes(self, name):
        assert set(votes(name, max_features=2)) >= {"signal"}
        assert "step" in votes(name, max_features=3)

    @pytest.mark.parametrize("max_features", [1, 2, 24])
    def test_when_votes_are_limited_then_no_more_are_given(self, name, max_features):
        assert 1 <= len(votes(name, max_features=max_features)) <= max_features

    def test_when_it_votes_again_then_the_votes_are_the_same(self, name):
        assert votes(name, seed=7) == votes(name, seed=7)

    def test_when_a_row_is_null_everywhere_then_it_still_votes(self, name):
        frame = X.copy()
        frame.loc[0] = [np.nan, np.nan, None, np.nan, np.nan, np.nan, None, np.nan]
        assert "signal" in votes(name, frame)

    def test_when_there_are_four_rows_then_it_does_not_fail(self, name):
        frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": np.array(["x", "y", "z", None], dtype=object)})
        assert set(votes(name, frame, np.array([1.0, 2.0, 3.0, 5.0]))) <= {"a", "b"}

    def test_when_the_target_is_constant_then_it_votes_for_nothing_or_anything_but_does_not_fail(self, name):
        assert set(votes(name, y=np.ones(N_ROWS))) <= set(X.columns)


# The vote


def test_when_methods_vote_then_columns_keep_the_order_of_the_frame():
    selected = select(X, Y, Selection(max_features=3), seed=0)
    assert selected.columns == [name for name in X if name in selected.columns]
    assert {"signal", "step"} <= set(selected.columns)
    assert set(selected.votes) == {"univariate", "tree_importance"}


def test_when_columns_are_constant_empty_or_copies_then_they_never_pass():
    selected = select(X, Y, Selection(), seed=0)
    assert not {"constant", "empty", "nothing", "copy"} & set(selected.columns)


def test_when_two_votes_are_needed_then_only_what_both_methods_chose_stays():
    selected = select(X, Y, Selection(min_votes=2, max_features=2), seed=0)
    both = set(selected.votes["univariate"]) & set(selected.votes["tree_importance"])
    assert set(selected.columns) == both


def test_when_methods_agree_on_nothing_then_the_best_supported_stay(monkeypatch):
    monkeypatch.setattr(
        "distributed_automl.scenario.selection.vote.SELECTORS",
        {
            "univariate": lambda X, y, *, seed, max_features: X.columns == "noise",
            "tree_importance": lambda X, y, *, seed, max_features: X.columns == "signal",
        },
    )
    assert select(X, Y, Selection(min_votes=2), seed=0).columns == ["noise", "signal"]


def test_when_no_method_votes_then_every_usable_column_stays():
    selected = select(X, Y, Selection(methods=()), seed=0)
    assert selected.columns == ["noise", "signal", "step", "gaps"]
    assert selected.votes == {}


def test_when_nothing_goes_with_the_target_then_what_varies_stays():
    constant = select(X[["noise", "step"]], np.ones(N_ROWS), Selection(), seed=0)
    assert set(constant.columns) <= {"noise", "step"}
    assert constant.columns


@pytest.mark.parametrize("columns", [[], ["constant"], ["empty", "nothing"]])
def test_when_no_column_varies_then_nothing_is_selected(columns):
    assert select(X[columns], Y, Selection(), seed=0).columns == []


def test_when_a_column_is_known_in_too_few_rows_then_it_is_left_out():
    sparse = np.full(N_ROWS, np.nan)
    sparse[:9] = Y[:9]
    frame = X.assign(sparse=sparse)
    assert "sparse" not in select(frame, Y, Selection(), seed=0).columns
    assert select(frame[["constant", "sparse"]], Y, Selection(), seed=0).columns == ["sparse"]


def test_when_two_categories_tell_the_rows_apart_in_the_same_way_then_the_first_stays():
    frame = pd.DataFrame({"a": ["x", "y", None], "b": ["y", "x", None], "c": ["x", "x", "y"]}, dtype=object)
    assert usable_columns(frame) == ["a", "c"]


def test_when_rows_come_in_another_order_then_a_linear_test_votes_the_same():
    order = np.random.default_rng(1).permutation(N_ROWS)
    assert votes("univariate", X.iloc[order], Y[order]) == votes("univariate")


def test_when_a_method_is_unknown_then_the_error_lists_the_valid_ones():
    with pytest.raises(ValueError, match=r"unknown selection methods \['oracle'\]: expected some of"):
        select(X, Y, Selection(methods=("oracle",)), seed=0)
