"""A tracking server that goes away in the middle of a run: the run goes on untracked, and its results are whole."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from tests.end_to_end.project import Project, clean_environment, write_table
from tests.scenario.panels import demand_frame

pytestmark = [pytest.mark.spark, pytest.mark.slow]

PATIENCE_SECONDS = 900.0


@dataclass(frozen=True)
class Server:
    """A tracking server of MLflow on this machine."""

    process: "subprocess.Popen[bytes]"
    uri: str

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--backend-store-uri=sqlite:///{tmp_path}/server.db", "--host=127.0.0.1", f"--port={port}"]
    options += [f"--artifacts-destination={tmp_path}/artifacts", "--workers=1"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options],
            env=clean_environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started = Server(process, f"http://127.0.0.1:{port}")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(started.uri):
        assert process.poll() is None, (tmp_path / "server.log").read_text()[-3000:]
        assert time.monotonic() < deadline, "the tracking server does not start"
        time.sleep(0.2)
    yield started
    started.kill()


def answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=5):
            return True
    except OSError:
        return False


def test_when_the_tracking_server_goes_away_in_the_middle_then_the_run_goes_on_without_it(
    tmp_path: Path, server: Server
) -> None:
    project = Project.copied_to(tmp_path / "project")
    stores = [demand_frame(store, seed=number) for number, store in enumerate("ab")]
    table = write_table(pd.concat(stores, ignore_index=True), tmp_path / "master.parquet")
    results = project.add_environment("tracked", tables={"master_df": table})
    shutil.copy(project.root / "conf" / "cluster" / "mlflow.yml", project.root / "conf" / "tracked")
    run = project.start("--env=tracked", "--pipelines=train", "--from-inputs=master_df", MLFLOW_TRACKING_URI=server.uri)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not results.folders("plan") and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        server.kill()
        output, _ = run.communicate(timeout=PATIENCE_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, output[-6000:]
    assert len(re.findall(r"WARNING +tracking failed", output)) == 1, output[-6000:]
    assert list(results.training().index) == ["a", "b"]
    assert set(results.training()["status"]) == {"fitted"}
