import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
from kedro.config import OmegaConfigLoader
from mlflow.exceptions import MlflowException

from distributed_automl.parameters import Tracking
from distributed_automl.tracking import hooks, run
from distributed_automl.tracking.hooks import TrackingProbe, answers, tracking_uri
from distributed_automl.tracking.run import Record, log_record

pytestmark = pytest.mark.filterwarnings("default")  # Kedro, omegaconf and MLflow warn of themselves

RUN = dict.fromkeys(("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "load_versions")) | {
    "pipeline_names": ["train"]
}


def serve(status: int) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(("status", "expected"), [(200, True), (401, True), (404, True), (503, False)])
def test_when_a_server_answers_then_only_its_own_fault_counts_as_away(status: int, expected: bool) -> None:
    server = serve(status)
    assert answers(f"http://127.0.0.1:{server.server_port}/") is expected
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes the call and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_when_a_server_is_silent_then_the_probe_gives_up_in_time(silent: str) -> None:
    started = time.monotonic()
    assert not answers(silent, seconds=0.3)
    assert time.monotonic() - started < 3


def test_when_nothing_listens_then_the_server_is_away() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert not answers(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "databricks", ""])
def test_when_there_is_no_server_to_ask_then_nothing_is_probed(uri: str) -> None:
    assert answers(uri)


def context_of(tmp_path, yaml: str) -> SimpleNamespace:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "mlflow.yml").write_text(yaml)
    loader = OmegaConfigLoader(str(tmp_path), base_env="base", default_run_env="base")
    return SimpleNamespace(
        config_loader=loader,
        project_path=tmp_path,
        _package_name="demand",
        _get_config_credentials=dict,
    )


@pytest.fixture
def away(silent: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setattr(hooks, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(hooks, "answers", lambda uri: answers(uri, 0.2))
    return context_of(tmp_path, f"server: {{mlflow_tracking_uri: '{silent}'}}")


@pytest.fixture
def tracked(mlflow_uri: str, tmp_path: Path) -> SimpleNamespace:
    """A context that tracks into an experiment named `demand`."""
    return context_of(
        tmp_path,
        f"""
        server: {{mlflow_tracking_uri: '{mlflow_uri}'}}
        tracking:
          experiment:
            name: demand
            create_experiment_kwargs: {{artifact_location: '{(tmp_path / "artifacts").as_uri()}'}}
          run: {{nested: false}}
          params: {{long_params_strategy: tag}}
        """,
    )


def run_pipeline(hook: TrackingProbe, **inputs: object) -> None:
    hook.before_pipeline_run(RUN, None, {})
    hook.before_node_run(None, {}, inputs, False)


def test_when_the_server_is_away_then_the_run_goes_on_untracked_with_one_warning(away, caplog) -> None:
    hook = TrackingProbe()
    started = time.monotonic()
    hook.after_context_created(away)
    run_pipeline(hook, **{"params:tracking": Tracking(), "params:run_id": "run_1"})
    assert not log_record(Record(metrics={"wape": 0.1}))
    hook.after_pipeline_run(RUN, None, {})
    assert mlflow.active_run() is None
    assert time.monotonic() - started < 5
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "goes on untracked" in warnings[0]
    assert away.mlflow is hook.mlflow_config


def test_when_an_untracked_run_fails_then_its_own_error_is_not_hidden(away) -> None:
    hook = TrackingProbe()
    hook.after_context_created(away)
    run_pipeline(hook)
    hook.on_pipeline_error(ValueError("boom"), RUN, None, {})


def test_when_the_server_is_there_then_typed_parameters_are_logged_one_by_one(tracked) -> None:
    hook = TrackingProbe()
    hook.after_context_created(tracked)
    run_pipeline(hook, **{"params:tracking": Tracking(max_child_runs=3), "params:run_id": "run_1", "data": object()})
    run_id = mlflow.active_run().info.run_id
    hook.before_node_run(None, {}, {"params:tracking": Tracking(max_child_runs=3)}, False)
    hook.after_pipeline_run(RUN, None, {})
    logged = mlflow.MlflowClient().get_run(run_id)
    assert logged.data.params == {"tracking.max_child_runs": "3", "run_id": "run_1"}
    assert logged.info.status == "FINISHED"
    assert logged.info.experiment_id == mlflow.get_experiment_by_name("demand").experiment_id


def test_when_a_second_run_follows_in_one_process_then_it_is_a_run_of_its_own(tracked) -> None:
    hook = TrackingProbe()
    hook.after_context_created(tracked)
    ids = []
    for _ in range(2):
        run_pipeline(hook, **{"params:tracking": Tracking()})
        ids.append(mlflow.active_run().info.run_id)
        hook.after_pipeline_run(RUN, None, {})
    logged = [mlflow.MlflowClient().get_run(run_id).data.params for run_id in ids]
    assert ids[0] != ids[1]
    assert logged[0] == logged[1] == {"tracking.max_child_runs": str(Tracking().max_child_runs)}


def test_when_the_server_goes_away_in_the_middle_then_the_run_goes_on(tracked, caplog, monkeypatch) -> None:
    hook = TrackingProbe()
    hook.after_context_created(tracked)
    run_pipeline(hook)

    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("nobody there")

    monkeypatch.setattr(hooks, "log_values", refuse)
    monkeypatch.setattr(run, "log_values", refuse)
    hook.before_node_run(None, {}, {"params:tracking": Tracking()}, False)
    hook.before_node_run(None, {}, {"params:tracking": Tracking()}, False)
    assert not log_record(Record(metrics={"wape": 0.1}))
    hook.after_pipeline_run(RUN, None, {})
    assert [record.levelname for record in caplog.records if "tracking failed" in record.message] == ["WARNING", "INFO"]


def test_when_mlflow_yml_names_no_server_then_the_environment_does(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking_uri(context_of(tmp_path, "tracking: {run: {nested: false}}")) == "http://elsewhere:5000"
