"""A fleet of five scenarios whose figures can be worked out by hand."""

import json

import pandas as pd
import pytest

from distributed_automl.parameters import Problem
from distributed_automl.reporting.scores import CANDIDATE_COLUMNS
from distributed_automl.reporting.training import NAMED_SCORES


@pytest.fixture
def problem() -> Problem:
    return Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units", horizon=2, levels=(0.8,))


def scored(*, wape: float, short: float, over: float, prefix: str = "") -> tuple[dict[str, float], dict[str, float]]:
    metrics = {f"{prefix}wape": wape, f"{prefix}mae": (short + over) / 2}
    return metrics, {f"{prefix}units_short": short, f"{prefix}units_over": over, f"{prefix}total_cost": short}


def fitted(scenario_id: str, *, ours: tuple[float, float], baseline: tuple[float, float], **row: object) -> dict:
    """A row with a model; `ours` and `baseline` are (abs. error in units, all of them short; WAPE)."""
    metrics, kpis = scored(wape=ours[1], short=ours[0], over=0.0)
    more_metrics, more_kpis = scored(wape=baseline[1], short=baseline[0], over=0.0, prefix="baseline_")
    filled = {"metrics": metrics | more_metrics, "kpis": kpis | more_kpis, "model_bytes": 1_000_000.0}
    filled["metrics"]["fva"] = 1.0 - ours[0] / baseline[0]
    return outcome(scenario_id, "fitted") | filled | {"n_trials": 10.0, "n_samples": 50.0} | row


def outcome(scenario_id: str, status: str, reason: str = "new", **row: object) -> dict:
    names = ("stage", "error_type", "estimator", "leaderboard", "metrics", "kpis")
    empty = dict.fromkeys(names) | dict.fromkeys(("n_trials", "n_samples", "fit_seconds", "model_bytes"), float("nan"))
    return {"run_id": "run_1", "scenario_id": scenario_id, "status": status, "reason": reason, **empty, **row}


def leaderboard(**candidates: tuple[int, float]) -> str:
    """(rank, weight) by candidate; each took 4 trials and half a second."""
    return json.dumps(
        [
            {"rank": rank, "candidate": name, "gain": -rank, "weight": weight, "n_trials": 4, "seconds": 0.5}
            for name, (rank, weight) in candidates.items()
        ]
    )


@pytest.fixture
def training_results() -> pd.DataFrame:
    mixed = leaderboard(ensemble=(1, 1.0), ridge=(2, 0.75), lightgbm=(3, 0.25), seasonal_naive=(4, 0.0))
    alone = leaderboard(lightgbm=(1, 1.0), ridge=(2, 0.0), seasonal_naive=(3, 0.0))
    return pd.DataFrame(
        [
            fitted(
                "a", ours=(10.0, 0.1), baseline=(20.0, 0.2), estimator="ensemble", leaderboard=mixed, fit_seconds=2.0
            ),
            fitted(
                "b", ours=(30.0, 0.3), baseline=(20.0, 0.2), estimator="lightgbm", leaderboard=alone, fit_seconds=4.0
            ),
            fitted(
                "c", ours=(0.0, 0.0), baseline=(40.0, 0.8), estimator="lightgbm", leaderboard=alone, status="reused"
            ),
            outcome("d", "skipped", "only 3 periods, at least 56 are needed", stage="validate"),
            outcome("e", "skipped", "only 5 periods, at least 56 are needed", stage="validate"),
            outcome("f", "failed", "boom", stage="tune", error_type="ValueError"),
        ]
    )


@pytest.fixture
def scores(training_results: pd.DataFrame) -> pd.DataFrame:
    """What `read_scores` makes of the results."""
    spread = [(metrics or {}) | (kpis or {}) for metrics, kpis in training_results[["metrics", "kpis"]].to_numpy()]
    known = pd.DataFrame(spread)
    known = known.reindex(columns=sorted({*known.columns, *NAMED_SCORES})).astype(float)
    return training_results.drop(columns=["metrics", "kpis", "leaderboard"]).join(known)


@pytest.fixture
def distributions() -> dict[str, float]:
    """What `read_distributions` makes of the results, the figure that people read."""
    return {"holdout.fva.p50": 0.5}


@pytest.fixture
def candidates() -> pd.DataFrame:
    """What `rank_candidates` makes of the results."""
    rows = [
        ("lightgbm", 0.75, 2, 1, 2, 12, 1.5),
        ("ridge", 0.25, 0, 1, 1, 12, 1.5),
        ("seasonal_naive", 0.0, 0, 0, 0, 12, 1.5),
    ]
    return pd.DataFrame(rows, columns=CANDIDATE_COLUMNS)


@pytest.fixture
def evaluation() -> pd.DataFrame:
    """Stores a (better than the baseline), d (worse, no model) and x (never planned, no actual)."""
    row = {"rung": "champion", "n_missing": 0, "n_extra": 0, "n_doubled": 0, "coverage_80": 0.5}
    money = {name: 0.0 for kpi in ("units_short", "units_over", "lost_revenue", "lost_margin", "holding_cost")
             for name in (kpi, f"baseline_{kpi}")}  # fmt: skip
    known = {"n_predictions": 2, "n_actuals": 2, "actual_sum": 100.0, "abs_actual_sum": 100.0, "predicted_sum": 110.0}
    errors = ["abs_error_sum", "baseline_abs_error_sum", "wape", "baseline_wape", "total_cost", "baseline_total_cost"]
    unknown = dict.fromkeys(known, 0) | {"n_predictions": 2} | dict.fromkeys(errors, float("nan"))
    return pd.DataFrame(
        [
            row | money | known | {"scenario_id": "a"} | dict(zip(errors, (10, 30, 0.1, 0.3, 1, 3), strict=True)),
            row | money | known | {"scenario_id": "d"} | dict(zip(errors, (40, 30, 0.4, 0.3, 4, 3), strict=True)),
            row | money | unknown | {"scenario_id": "x", "n_missing": 2, "coverage_80": float("nan")},
        ]
    )


@pytest.fixture
def by_period() -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=4)
    return pd.DataFrame(
        {
            "timestamp": days,
            "part": ["history", "history", "horizon", "horizon"],
            "actual": [90.0, 95.0, 100.0, 100.0],
            "predicted": [None, None, 105.0, 110.0],
            "baseline": [None, None, 90.0, 90.0],
        }
    )
