"""Fits and predictions that take their process down by real faults: rows with reasons, and neighbours untouched."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.faults import fleet_run

pytestmark = pytest.mark.spark

MISDEEDS = {"s001": "hang in C", "s002": "segfault", "s003": "exit", "s004": "swell", "s005": "be killed"}
LIMITS = {"seconds": 6.0, "memory_mb": 256}
TOLD = {
    "s001": "stopped after 6 s (run.limits.seconds) in stage '{}'",
    "s002": "its process was killed by SIGSEGV in stage '{}'",
    "s003": "its process ended with exit code 3 and no result in stage '{}'",
    "s005": "its process was killed by SIGKILL in stage '{}'",
}
"""What is said of each; one that swells meets the limit, or an allocation that is refused."""


@pytest.fixture
def by_value(spark: Any) -> Any:
    """Send the made-up attempts to the workers, which cannot import the tests."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(fleet_run)
    yield spark
    cloudpickle.unregister_pickle_by_value(fleet_run)


@pytest.fixture
def train(by_value: Any, tmp_path: Path, fleet_here: Any) -> Callable[..., dict[str, Any]]:
    return lambda run_id, **options: fleet_here.train(by_value, str(tmp_path), run_id, **options)


def test_when_fits_take_their_processes_down_then_they_are_failed_rows_and_their_neighbours_are_fitted(
    train: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    options = {"n_stores": 8, "n_waves": 1, "seconds": 0.0, "limits": LIMITS}
    answer = train("20260101T000000Z-aaaaaa", misdeeds=MISDEEDS, **options)
    assert answer["status"] == {"failed": 5, "fitted": 3}
    assert answer["n_keys"] == answer["n_fits"] == 9
    assert {name: answer["reasons"][name] for name in TOLD} == {
        name: text.format("tune") for name, text in TOLD.items()
    }
    assert "stopped at" in answer["reasons"]["s004"] or "exit code 1" in answer["reasons"]["s004"]
    fits = fleet_run.ledger(str(tmp_path), "fits", "x").load().toPandas().set_index("scenario_id")
    assert set(fits.loc[list(MISDEEDS), "stage"]) == {"tune"}
    assert set(fits.loc[list(MISDEEDS), "error_type"]) == {"LimitExceeded"}
    attempts = attempts_in(tmp_path)
    assert set(attempts) == {"__pooled__/all", *(f"s{number:03d}" for number in range(8))}
    twice = {name for name, n in attempts.items() if n > 1}
    assert twice <= set(MISDEEDS) - {"s001"}  # once more, alone, if others were before it; not if its time was up
    assert max(attempts.values()) <= 2
    again = train("20260102T000000Z-bbbbbb", **options)
    assert again["status"] == {"reused": 3, "fitted": 5}
    assert attempts_in(tmp_path) - attempts == Counter(MISDEEDS.keys())  # now each once, without a misdeed


def attempts_in(root: Path) -> Counter[str]:
    """Return how often each scenario, or pool, was attempted."""
    return Counter(json.loads(path.read_text())["scenario"] for path in root.glob("calls/*.json"))


def test_when_champions_take_their_processes_down_then_no_prediction_is_lost(
    by_value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed_automl.fleet import predict as predicting
    from distributed_automl.fleet.predict import PredictSetup, check_complete, predict
    from distributed_automl.fleet.progress import Progress
    from distributed_automl.parameters import Limits, Plan, Prediction, Problem, Run
    from distributed_automl.tables import CHAMPIONS, FITS

    misdo, ladder = fleet_run.misdo, predicting.predict_attempt

    def attempt(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> pd.DataFrame:
        from dataclasses import replace

        on_stage("champion")
        if order.champion is not None:
            misdo(MISDEEDS.get(order.scenario_id))
        return ladder(job, replace(order, champion=None), frame).assign(rung="champion", reason=None)

    monkeypatch.setattr(predicting, "predict_attempt", attempt)
    names = [f"s{number:03d}" for number in range(8)]
    problem = Problem(
        scenario_keys=("store",), timestamp="day", frequency="D", season=7, horizon=7, target="units", levels=(0.8,)
    )
    history = fleet_run.panel(8)
    days = [dt.date(2024, 1, 20) + dt.timedelta(days=day) for day in (1, 2)]
    future = pd.DataFrame([(name, day, None, 0.0) for name in names for day in days], columns=history.columns)
    frame = by_value.createDataFrame(
        [*history.itertuples(index=False, name=None), *future.itertuples(index=False, name=None)], fleet_run.DDL
    )
    at = dt.datetime(2026, 1, 1)
    champions = by_value.createDataFrame([(name, "r", at, "first", None, "promote") for name in names], CHAMPIONS.ddl)
    known = {"run_id": "r", "status": "fitted", "fitted_at": at, "model": b"model", "model_digest": "digest"}
    rows = [tuple({**known, "scenario_id": name}.get(column) for column in FITS.names) for name in names]
    fits = by_value.createDataFrame(rows, FITS.ddl)
    setup = PredictSetup(problem, Prediction(), Plan(), Run(limits=Limits(**LIMITS)), "run")  # type: ignore[arg-type]
    predictions, asked = next(predict(frame, champions, fits, setup, n_cores=2, progress=Progress()))
    predictions.write.parquet(str(tmp_path / "predictions"))
    saved = by_value.read.parquet(str(tmp_path / "predictions"))
    found = check_complete(saved, asked, "run").set_index("rung")["n_rows"].to_dict()
    assert found == {"champion": 3 * 2, "baseline": 5 * 2}
    reasons = saved.select("scenario_id", "reason").distinct().toPandas().set_index("scenario_id")["reason"]
    assert {name: reasons[name] for name in TOLD} == {
        name: f"champion: {text.format('champion')}; no pooled" for name, text in TOLD.items()
    }
