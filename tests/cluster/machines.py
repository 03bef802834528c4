"""Spark's machines on loopback, started from PyPI's pyspark: a standalone master, workers, a Spark Connect server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pyspark
from tests.end_to_end.project import clean_environment

SPARK_HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
SECONDS = 180.0
"""How long anything may take to appear, on a machine that is busy with other things."""
SITE = """
import importlib.metadata, json, os, sys

sys.path[:] = [path for path in sys.path if path != {sources!r}]
reported, version = json.loads(os.environ.get("REPORTED_VERSIONS", "{{}}")), importlib.metadata.version
importlib.metadata.version = lambda name: reported.get(name) or version(name)
"""
"""What Python does first on a worker: it has the libraries, but not this package, and it can claim other versions."""


@dataclass
class Cluster:
    """A standalone master, its workers, and whatever else is started beside them.

    Attributes:
        folder: for logs and scratch files.
        sources: the folder of this package, which workers must not see; None: they may.
        port: of the master.
        web_port: where the master tells its state.
        processes: everything started here, by name.
    """

    folder: Path
    sources: Path | None = None
    port: int = field(default_factory=lambda: free_port())
    web_port: int = field(default_factory=lambda: free_port())
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The master's address."""
        return f"spark://{LOOPBACK}:{self.port}"

    def start(self, n_workers: int) -> None:
        """Start the master and its workers."""
        site = self.folder / "site"
        site.mkdir(parents=True)
        (site / "sitecustomize.py").write_text(SITE.format(sources=str(self.sources)))
        ports = ["--port", str(self.port), "--webui-port", str(self.web_port)]
        self._launch("master", "spark-class", "org.apache.spark.deploy.master.Master", "--host", LOOPBACK, *ports)
        wait_until(lambda: self._answers(), f"the master on port {self.web_port}")
        for number in range(n_workers):
            self.add_worker(f"worker-{number}")

    def add_worker(self, name: str, host: str = LOOPBACK) -> None:
        """Start a worker with one core, and wait until the master knows it; two names of loopback are two hosts."""
        expected = self.n_alive() + 1
        scratch = self.folder / name
        options = [
            "--host",
            host,
            "--webui-port",
            "0",
            "--cores",
            "1",
            "--memory",
            "1g",
            "--work-dir",
            str(scratch),
        ]
        self._launch(name, "spark-class", "org.apache.spark.deploy.worker.Worker", *options, self.url)
        wait_until(lambda: self.n_alive() == expected, f"{expected} workers")

    def serve_connect(self) -> str:
        """Start a Spark Connect server on this cluster and return its address."""
        port = free_port()
        settings = {
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": port,
            "spark.driver.host": LOOPBACK,
            "spark.ui.enabled": "false",
        }
        options = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
        self._launch("connect", "../sbin/start-connect-server.sh", "--wait", "--master", self.url, *options)
        wait_until(lambda: listens(port), f"the Spark Connect server on port {port}")
        return f"sc://{LOOPBACK}:{port}"

    def n_alive(self) -> int:
        """Return how many workers the master counts on."""
        return sum(worker["state"] == "ALIVE" for worker in self._state()["workers"])

    def is_fitting(self, name: str) -> bool:
        """Return whether there is a fit's process on a worker: below the executor, Python's daemon and its worker."""
        return len(generations(self.processes[name].pid)) > 4

    def lose(self, name: str) -> None:
        """Kill a worker and all that runs on it, at once: the machine is gone."""
        pids = [pid for generation in generations(self.processes[name].pid) for pid in generation]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def stop(self) -> None:
        """End everything that was started here."""
        for name in reversed(list(self.processes)):
            self.lose(name)

    def _state(self) -> dict[str, list[dict[str, str]]]:
        with urlopen(f"http://{LOOPBACK}:{self.web_port}/json/", timeout=10) as answer:
            state: dict[str, list[dict[str, str]]] = json.load(answer)
        return state

    def _answers(self) -> bool:
        try:
            return bool(self._state())
        except (URLError, OSError):
            return False

    def _launch(self, name: str, script: str, *arguments: str) -> None:
        environment = clean_environment(
            SPARK_HOME=str(SPARK_HOME),
            SPARK_LOCAL_IP=LOOPBACK,
            SPARK_LOG_DIR=str(self.folder / "logs"),
            SPARK_PID_DIR=str(self.folder),
            PYTHONPATH=str(self.folder / "site"),
            PYSPARK_PYTHON=sys.executable,
        )
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [SPARK_HOME / "bin" / script, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def generations(pid: int) -> list[list[int]]:
    """Return a process, its children, their children, and so on (Linux)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [[pid]]
    while found[-1]:
        found.append([child for parent in found[-1] for child in children.get(parent, [])])
    return found[:-1]


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether somebody takes calls on a port."""
    with socket.socket() as caller:
        return caller.connect_ex((LOOPBACK, port)) == 0


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until something is so; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.05)
