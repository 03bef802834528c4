import pandas as pd
import pytest

from distributed_automl.tracking.children import Child, children_of, choose_scenarios


def fleet(n_fitted: int, n_failed: int, n_reused: int = 1) -> pd.DataFrame:
    """Scenario fit_0 is the best; higher numbers are worse."""
    rows = [
        {"scenario_id": f"fit_{i}", "status": "fitted", "wape": i / 10, "bias": 0.5 - i / 10, "r2": 1 - i / 10}
        for i in range(n_fitted)
    ]
    rows += [{"scenario_id": f"fail_{i}", "status": "failed", "stage": "tune"} for i in range(n_failed)]
    rows += [{"scenario_id": f"old_{i}", "status": "reused", "wape": 9.0} for i in range(n_reused)]
    columns = ["scenario_id", "status", "stage", "estimator", "n_samples", "wape", "bias", "r2"]
    return pd.DataFrame(rows, columns=columns).assign(estimator="ridge", n_samples=50.0)


def choose_children(results: pd.DataFrame, objective: str, max_child_runs: int) -> list[Child]:
    return children_of(choose_scenarios(results, objective, max_child_runs))


@pytest.mark.parametrize(
    ("n_fitted", "n_failed", "cap", "expected"),
    [
        (9, 0, 4, ["fit_8", "fit_7", "fit_0", "fit_1"]),
        (9, 9, 6, ["fail_0", "fail_1", "fail_2", "fit_8", "fit_7", "fit_0"]),
        (1, 9, 4, ["fail_0", "fail_1", "fail_2", "fit_0"]),
        (0, 1, 4, ["fail_0"]),
        (2, 0, 9, ["fit_1", "fit_0"]),
        (9, 9, 0, []),
        (9, 9, 1, ["fit_8"]),
    ],
)
def test_when_places_are_few_then_failed_worst_and_best_share_them(n_fitted, n_failed, cap, expected) -> None:
    assert [child.name for child in choose_children(fleet(n_fitted, n_failed), "wape", cap)] == expected


@pytest.mark.parametrize(("objective", "worst"), [("wape", "fit_8"), ("r2", "fit_8"), ("bias", "fit_0")])
def test_when_the_objective_has_a_sign_then_the_worst_is_the_worst(objective: str, worst: str) -> None:
    (child,) = choose_children(fleet(9, 0), objective, 1)
    assert child.name == worst


def test_when_a_scenario_becomes_a_run_then_it_says_what_it_is() -> None:
    failed, fitted = choose_children(fleet(1, 1), "wape", 2)
    assert failed.failed
    assert failed.tags == {"scenario_id": "fail_0", "status": "failed", "stage": "tune"}
    assert not fitted.failed
    assert fitted.parameters == {"estimator": "ridge", "n_samples": "50"}
    assert fitted.metrics["wape"] == 0.0


def test_when_the_objective_is_unknown_somewhere_then_that_scenario_is_not_ranked() -> None:
    results = fleet(2, 0)
    results.loc[0, "wape"] = float("nan")
    assert [child.name for child in choose_children(results, "wape", 5)] == ["fit_1"]
