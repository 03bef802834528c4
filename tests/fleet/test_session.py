"""Settings reach the session to come, and no JVM starts for it."""

import os
import shlex
import sys
import zipfile

import pytest

from distributed_automl.fleet.session import ONE_THREAD, _zipped_package, configure, is_remote, needs_start


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "PYSPARK_PYTHON", *ONE_THREAD):
        monkeypatch.setenv(name, "")  # so that monkeypatch restores whatever is set now
        monkeypatch.delenv(name)
    return monkeypatch


def test_when_configured_then_arguments_are_set_and_null_leaves_a_key_out(bare: pytest.MonkeyPatch) -> None:
    configure({"spark.master": "local[*,4]", "spark.ui.enabled": False, "spark.driver.host": None, "spark.x": "a b"})
    arguments = shlex.split(os.environ["PYSPARK_SUBMIT_ARGS"])
    assert arguments[-1] == "pyspark-shell"
    assert {"spark.master=local[*,4]", "spark.ui.enabled=false", "spark.x=a b"} <= set(arguments)
    assert "spark.executorEnv.OMP_NUM_THREADS=1" in arguments
    assert not any("driver.host" in argument for argument in arguments)
    assert os.environ["PYSPARK_PYTHON"] == sys.executable
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_when_the_user_chose_a_python_then_it_stays(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("PYSPARK_PYTHON", "/somewhere/python")
    configure({})
    assert os.environ["PYSPARK_PYTHON"] == "/somewhere/python"


def test_when_a_remote_is_given_then_spark_connect_is_asked_for(bare: pytest.MonkeyPatch) -> None:
    configure({"spark.remote": "sc://host:15002", "spark.master": None})
    assert os.environ["SPARK_REMOTE"] == "sc://host:15002"
    assert is_remote()
    assert needs_start()
    assert "PYSPARK_SUBMIT_ARGS" not in os.environ


def test_when_the_package_is_zipped_then_workers_can_import_all_of_it() -> None:
    names = set(zipfile.ZipFile(_zipped_package()).namelist())
    assert {"distributed_automl/__init__.py", "distributed_automl/fleet/fitting.py"} <= names
    assert not any(name.endswith(".pyc") for name in names)
