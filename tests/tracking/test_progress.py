import threading
import time
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from distributed_automl.tracking import progress
from distributed_automl.tracking.progress import ProgressLog

pytestmark = pytest.mark.filterwarnings("default")  # MLflow and its database tools warn of themselves


@pytest.fixture
def run_id(mlflow_uri: str, tmp_path: Path) -> str:
    experiment = mlflow.create_experiment(tmp_path.name, artifact_location=(tmp_path / "artifacts").as_uri())
    return MlflowClient().create_run(experiment).info.run_id


def test_when_figures_move_then_the_run_has_their_history_and_the_last_of_them(run_id: str) -> None:
    log = ProgressLog(run_id, seconds_between=0.0)
    for n_done in (1.0, 2.0):
        log.offer({"scenarios_done": n_done, "scenarios_total": 2.0})
        deadline = time.monotonic() + 20
        while len(MlflowClient().get_metric_history(run_id, "progress.scenarios_done")) < n_done:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    log.close()
    assert MlflowClient().get_run(run_id).data.metrics == {
        "progress.scenarios_done": 2.0,
        "progress.scenarios_total": 2.0,
    }


def test_when_figures_come_faster_than_they_are_logged_then_the_last_ones_are_logged_at_the_end(run_id: str) -> None:
    log = ProgressLog(run_id, seconds_between=600.0)
    for n_done in range(100):
        log.offer({"scenarios_done": float(n_done)})
    log.close(20.0)
    history = [metric.value for metric in MlflowClient().get_metric_history(run_id, "progress.scenarios_done")]
    assert history[-1] == 99.0
    assert len(history) <= 2


@pytest.mark.parametrize("error", [MlflowException("nobody there"), KeyError("a bug of a client")])
def test_when_the_server_fails_then_one_warning_says_so_and_later_figures_are_sent(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[float] = []

    class Moody:
        def log_batch(self, _: str, metrics: list[Metric]) -> None:
            sent.extend(metric.value for metric in metrics)
            if len(sent) < 3:
                raise error

    monkeypatch.setattr(progress, "MlflowClient", Moody)
    log = ProgressLog(f"run whose server says {error!r}", seconds_between=0.0)
    for n_done in (1.0, 2.0, 3.0):
        log.offer({"scenarios_done": n_done})
        deadline = time.monotonic() + 20
        while len(sent) < n_done:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    log.close(20.0)
    assert sent == [1.0, 2.0, 3.0]
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_when_the_server_hangs_then_the_run_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = threading.Event(), threading.Event()

    class Hanging:
        def log_batch(self, *_: object, **__: object) -> None:
            asked.set()
            over.wait(60)

    monkeypatch.setattr(progress, "MlflowClient", Hanging)
    log = ProgressLog("run of a server that hangs", seconds_between=0.0)
    log.offer({"scenarios_done": 1.0})
    assert asked.wait(20)
    log.offer({"scenarios_done": 2.0})
    log.close(0.05)
    assert log._thread.is_alive()
    over.set()
    log._thread.join(20)
    assert not log._thread.is_alive()
