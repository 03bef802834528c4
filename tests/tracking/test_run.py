from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from distributed_automl.parameters import AutoML, Problem
from distributed_automl.tracking.children import Child
from distributed_automl.tracking.run import MAX_TEXT, Record, batches, cut, flatten, log_record

pytestmark = pytest.mark.filterwarnings("default")  # MLflow and its database tools warn of themselves


@pytest.fixture
def server(mlflow_uri: str, tmp_path: Path) -> str:
    """An experiment of its own."""
    return mlflow.create_experiment(tmp_path.name, artifact_location=(tmp_path / "artifacts").as_uri())


def test_when_a_record_is_logged_then_the_active_run_and_its_children_hold_it(server: str) -> None:
    many = {f"metric_{number}": float(number) for number in range(1200)}
    record = Record(
        metrics=many | {"unknown": float("nan"), "endless": float("inf")},
        tables={"scenarios.json": pd.DataFrame({"scenario_id": ["a", "b"], "wape": [0.1, None]})},
        pages={"plots.html": "<html></html>"},
        tags={"run_id": "run_1"},
        children=[
            Child("a/b é", failed=True, tags={"stage": "tune"}),
            Child("c", metrics={"wape": 0.5, "mase": float("nan")}, parameters={"estimator": "ridge"}),
        ],
    )
    with mlflow.start_run(experiment_id=server) as run:
        assert log_record(record)
    client = MlflowClient()
    logged = client.get_run(run.info.run_id)
    assert logged.data.metrics == many
    assert logged.data.tags["run_id"] == "run_1"
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"scenarios.json", "plots.html"}
    parents = f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    children = {child.info.run_name: child for child in client.search_runs([server], parents)}
    assert {name: child.info.status for name, child in children.items()} == {"a/b é": "FAILED", "c": "FINISHED"}
    assert children["c"].data.metrics == {"wape": 0.5}
    assert children["c"].data.params == {"estimator": "ridge"}
    assert children["a/b é"].data.tags["stage"] == "tune"


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The levels of what `tracking` said, in order."""
    return [record.levelname for record in caplog.records if record.name.startswith("distributed_automl.tracking")]


def test_when_no_run_is_active_then_the_log_says_how_to_track_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "distributed_automl")
    assert mlflow.active_run() is None
    assert not log_record(Record(metrics={"a": 1.0}))
    assert "kedro run --pipelines=track" in caplog.text
    assert levels(caplog) == ["INFO"]


def test_when_the_server_refuses_then_the_program_goes_on_with_one_warning(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "distributed_automl")
    for _ in range(2):
        with mlflow.start_run(experiment_id=server):
            assert not log_record(Record(metrics={"a name that * no server takes": 1.0}))
            assert not log_record(Record(metrics={"another * name": 1.0}))
    assert levels(caplog) == ["WARNING", "INFO"] * 2


def test_when_parameters_are_flattened_then_each_has_a_dotted_name() -> None:
    flat = flatten("automl", AutoML(seed=7))
    assert flat["automl.seed"] == "7"
    assert flat["automl.validation.n_folds"] == str(AutoML().validation.n_folds)
    assert flat["automl.synthesis.windows"] == ", ".join(str(window) for window in AutoML().synthesis.windows)
    assert not any("=" in text for text in flat.values())


def test_when_a_block_holds_mappings_and_nothing_then_they_are_named_too() -> None:
    problem = Problem(scenario_keys=("a",), timestamp="t", frequency=1, target="y", entities={"shop": ("id", "size")})
    flat = flatten("problem", problem)
    assert flat["problem.entities.shop"] == "id, size"
    assert flat["problem.group"] == "None"
    assert flat["problem.series_keys"] == ""


def test_when_there_are_more_items_than_a_call_takes_then_they_go_in_several() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_when_a_text_is_too_long_then_it_is_cut_and_says_so() -> None:
    assert len(cut("x" * 10_000)) == MAX_TEXT
    assert cut("x" * 10_000).endswith("(cut off)")
    assert cut("short") == "short"
