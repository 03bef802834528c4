import logging
from collections.abc import Callable
from typing import Any

import pytest

from distributed_automl.parameters import Problem, Tracking
from distributed_automl.pipelines.track import nodes
from distributed_automl.pipelines.track.pipeline import create_evaluation_pipeline, create_pipeline
from distributed_automl.tables import TRAINING_RESULTS
from distributed_automl.tracking.run import Record

PROBLEM = Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    records: list[Record] = []
    monkeypatch.setattr(nodes, "log_record", records.append)
    return records


@pytest.fixture
def results(spark: Any) -> Callable[..., Any]:
    """Return a function that makes the results of one scenario on Spark; keywords replace its columns."""

    def make(**columns: object) -> Any:
        row = result_of(**columns)
        return spark.createDataFrame([[row.get(name) for name in TRAINING_RESULTS.names]], TRAINING_RESULTS.ddl)

    return make


def result_of(**columns: object) -> dict[str, object]:
    scores = {"wape": 0.1, "baseline_wape": 0.2}
    costs = {"units_short": 10.0, "units_over": 0.0, "baseline_units_short": 20.0, "baseline_units_over": 0.0}
    row = {
        "run_id": "run_1",
        "scenario_id": "a",
        "status": "fitted",
        "reason": "new",
        "stage": None,
        "error_type": None,
        "estimator": "ridge",
        "leaderboard": '[{"rank": 1, "candidate": "ridge", "gain": -1, "weight": 1.0, "n_trials": 4, "seconds": 0.5}]',
        "metrics": scores,
        "kpis": costs,
        "hyperparameters": '{"ridge": {"alpha": 1.0}}',
        "model_digest": "of a",
        "n_trials": 4,
        "n_samples": 50,
        "fit_seconds": 1.0,
        "model_bytes": 1_000_000,
    }
    return row | columns


@pytest.mark.spark
def test_when_training_is_tracked_then_the_record_is_complete(logged: list[Record], results: Any) -> None:
    nodes.track_training(results(), PROBLEM, Tracking())
    (record,) = logged
    assert record.metrics["training.n_fitted"] == 1
    assert record.metrics["holdout.wape"] == pytest.approx(0.1)
    assert record.metrics["holdout.wape.p90"] == pytest.approx(0.1)
    assert record.metrics["candidate.ridge.share"] == 1.0
    assert record.tags == {"problem": "demand", "run_id": "run_1"}
    assert [child.name for child in record.children] == ["a"]
    assert record.children[0].metrics["baseline_wape"] == 0.2
    assert record.children[0].parameters["hyperparameters"] == '{"ridge": {"alpha": 1.0}}'
    assert record.children[0].tags["model_digest"] == "of a"
    assert set(record.tables) == {"scenarios.json", "candidates.json", "without_model.json"}
    assert record.pages["plots.html"].count("plotly-graph-div") == 3


@pytest.mark.spark
def test_when_nothing_was_fitted_then_training_is_tracked_all_the_same(logged: list[Record], results: Any) -> None:
    lost = results(status="skipped", metrics=None, kpis=None, leaderboard=None, estimator=None)
    nodes.track_training(lost, PROBLEM, Tracking())
    assert logged[0].metrics["training.n_skipped"] == 1
    assert list(logged[0].children) == []


@pytest.mark.spark
def test_when_no_run_is_active_then_the_node_only_says_so(caplog: pytest.LogCaptureFixture, results: Any) -> None:
    with caplog.at_level(logging.INFO, "distributed_automl"):
        nodes.track_training(results(), PROBLEM, Tracking())
    assert "not tracked" in caplog.text


def test_when_wired_then_tracking_reads_what_is_in_the_catalog() -> None:
    assert create_pipeline().inputs() == {"training_results", "params:problem", "params:tracking"}
    assert create_evaluation_pipeline().inputs() == {"evaluation", "params:problem"}
