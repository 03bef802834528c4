"""What every selector keeps, whatever it looks at."""

import numpy as np
import pandas as pd
import pytest

from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.selection import SELECTORS, Ballot

N_ROWS = 300
TASKS = ("forecasting", "regression", "classification")


def signals(seed: int = 0, n_noise: int = 8) -> pd.DataFrame:
    """Return an informative number, an informative category and noise of both kinds."""
    rng = np.random.default_rng(seed)
    noise = {f"noise_{number}": rng.normal(size=N_ROWS) for number in range(n_noise)}
    return pd.DataFrame(
        {
            **noise,
            "signal": rng.normal(size=N_ROWS),
            "chance": rng.choice(["a", "b", "c"], N_ROWS).astype(object),
            "step": rng.choice(["low", "high"], N_ROWS).astype(object),
        }
    )


def target(X: pd.DataFrame, task: str) -> FloatArray:
    """Return a target that goes with `signal` and `step`; three classes in a classification."""
    value = 2.0 * X["signal"].fillna(0.0) + 2.0 * (X["step"] == "high") + 0.2 * np.sin(np.arange(len(X)))
    values = value.to_numpy(dtype=np.float64)
    return np.digitize(values, [0.0, 2.0]).astype(np.float64) if task == "classification" else values


def ballot(X: pd.DataFrame, y: FloatArray, task: str = "regression", *, max_features: int = 3, seed: int = 0) -> Ballot:
    return Ballot(X, y, task, np.arange(len(X)) >= 0.75 * len(X), max_features, seed)


def votes(name: str, of: Ballot) -> list[str]:
    mask = SELECTORS[name](of)
    assert mask.dtype == np.bool_
    return list(of.X.columns[mask])


@pytest.mark.parametrize("name", sorted(SELECTORS))
class TestEverySelector:
    @pytest.mark.parametrize("task", TASKS)
    def test_when_two_columns_matter_among_noise_then_they_get_the_votes(self, name: str, task: str) -> None:
        X = signals()
        assert set(votes(name, ballot(X, target(X, task), task, max_features=2))) == {"signal", "step"}

    def test_when_the_classes_are_two_then_the_informative_columns_are_found(self, name: str) -> None:
        X = signals()
        y = (target(X, "regression") > 1.0).astype(np.float64)
        assert set(votes(name, ballot(X, y, "classification", max_features=2))) == {"signal", "step"}

    @pytest.mark.parametrize("max_features", [1, 2, 24])
    def test_when_votes_are_limited_then_no_more_are_given(self, name: str, max_features: int) -> None:
        X = signals()
        assert 1 <= len(votes(name, ballot(X, target(X, "regression"), max_features=max_features))) <= max_features

    @pytest.mark.parametrize("task", TASKS)
    def test_when_it_votes_again_then_the_votes_are_the_same(self, name: str, task: str) -> None:
        X = signals()
        one, two = (votes(name, ballot(X, target(X, task), task, max_features=24, seed=7)) for _ in range(2))
        assert one == two

    @pytest.mark.parametrize("task", TASKS)
    def test_when_rows_come_in_another_order_then_what_matters_is_found(self, name: str, task: str) -> None:
        X = signals()
        order = np.random.default_rng(1).permutation(N_ROWS)
        shuffled = ballot(X.iloc[order], target(X, task)[order], task, max_features=2)
        assert set(votes(name, shuffled)) == {"signal", "step"}

    def test_when_values_are_missing_then_it_still_finds_what_matters(self, name: str) -> None:
        X = signals()
        y = target(X, "regression")
        rng = np.random.default_rng(2)
        X = X.mask(pd.DataFrame(rng.random(X.shape) < 0.1, columns=X.columns))
        X[["chance", "step"]] = X[["chance", "step"]].astype(object).where(X[["chance", "step"]].notna(), None)
        assert {"signal", "step"} <= set(votes(name, ballot(X, y)))

    @pytest.mark.parametrize("task", TASKS)
    def test_when_there_is_one_column_then_it_gets_the_vote(self, name: str, task: str) -> None:
        X = signals()
        assert votes(name, ballot(X[["signal"]], target(X, task), task)) == ["signal"]
        assert votes(name, ballot(X[["step"]], target(X, task), task)) == ["step"]

    @pytest.mark.parametrize("n_rows", [2, 4, 9])
    @pytest.mark.parametrize("task", TASKS)
    def test_when_there_are_few_rows_then_it_does_not_fail(self, name: str, n_rows: int, task: str) -> None:
        frame = pd.DataFrame(
            {
                "a": np.arange(n_rows, dtype=np.float64),
                "b": np.array([*["x", None] * n_rows][:n_rows], dtype=object),
                "c": np.array([1.0, *[np.nan] * (n_rows - 1)]),
            }
        )
        y = np.arange(n_rows) % 3.0 if task == "classification" else np.arange(n_rows) * 1.0
        of = Ballot(frame, y, task, np.arange(n_rows) == n_rows - 1, 3, 0)
        assert set(votes(name, of)) <= {"a", "b", "c"}

    @pytest.mark.parametrize("task", TASKS)
    def test_when_the_target_is_constant_then_it_does_not_fail(self, name: str, task: str) -> None:
        X = signals()
        assert set(votes(name, ballot(X, np.zeros(N_ROWS), task))) <= set(X.columns)

    @pytest.mark.parametrize("task", TASKS)
    def test_when_a_column_is_known_or_varies_only_among_the_held_out_rows_then_it_does_not_fail(
        self, name: str, task: str
    ) -> None:
        is_late, count = np.arange(N_ROWS) >= N_ROWS - 20, np.arange(N_ROWS) * 1.0
        X = signals().assign(late=np.where(is_late, count, np.nan), new=np.where(is_late, count, 1.0))
        X["chance"] = X["chance"].mask(is_late, "unseen")
        assert {"signal", "step"} <= set(votes(name, ballot(X, target(X, task), task, max_features=5)))

    def test_when_values_are_huge_then_it_still_finds_what_matters(self, name: str) -> None:
        X = signals()
        y = 1e9 * target(X, "regression")
        assert set(votes(name, ballot(X.assign(signal=1e12 + 1e6 * X["signal"]), y, max_features=2))) == {
            "signal",
            "step",
        }
