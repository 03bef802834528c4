"""Workers elsewhere are asked who they are; each difference is one line, and the canary must live."""

import json
import logging
import pickle
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from pyspark import cloudpickle
from pyspark.sql import SparkSession

from distributed_automl.errors import RunError
from distributed_automl.fleet import canary, handshake
from distributed_automl.fleet.handshake import (
    PACKAGES,
    _warn_of_other_bits,
    _who_are_you,
    cause_of,
    differences_of,
    own_versions,
    require_parity,
)


def answers(**changes: str) -> dict[str, str]:
    return {"host": "worker-1 (/bin/python)", **own_versions(), **changes}


def test_when_a_worker_is_like_this_machine_then_there_is_no_difference() -> None:
    assert list(differences_of([answers(), answers()], own_versions())) == []


def test_when_workers_differ_then_each_difference_is_a_line_that_names_them() -> None:
    asked = [
        answers(pandas="1.5.3", python="3.9"),
        answers(host="worker-2 (/bin/python)", pandas="1.5.3"),
        answers(host="worker-3 (/bin/python)", pandas="absent"),
    ]
    own = own_versions()
    assert list(differences_of(asked, own)) == [
        f"python: {own['python']} here, 3.9 on worker-1 (/bin/python)",
        f"pandas: {version('pandas')} here, 1.5.3 on worker-1 (/bin/python), worker-2 (/bin/python)",
        f"pandas: {version('pandas')} here, absent on worker-3 (/bin/python)",
    ]


def test_when_many_workers_differ_then_five_are_named() -> None:
    asked = [answers(host=f"worker-{number}", numpy="1.0") for number in range(10)]
    (line,) = differences_of(asked, own_versions())
    assert line.endswith("on worker-0, worker-1, worker-2, worker-3, worker-4 and 5 more")


def test_when_a_worker_has_no_package_at_all_then_it_can_be_asked_all_the_same() -> None:
    question = cloudpickle.dumps(_who_are_you([*PACKAGES, "no-such-package"]))
    ask = "import sys, pickle; print(pickle.loads(sys.stdin.buffer.read())(0))"
    forbid = "import sys; sys.modules['distributed_automl'] = None; sys.modules['pandas'] = None;"
    asked = subprocess.run([sys.executable, "-c", f"{forbid} {ask}"], input=question, capture_output=True, check=True)
    told = json.loads(asked.stdout)
    assert told.pop("no-such-package") == "absent"
    assert told.pop("host").endswith(f"({sys.executable})")
    assert told == own_versions()


@pytest.mark.spark
def test_when_workers_have_another_version_then_one_error_names_it_and_nothing_is_fitted(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "own_versions", lambda: {**own_versions(), "pandas": "9.9.9"})
    monkeypatch.setattr(handshake, "fit_it", lambda _: pytest.fail("fitted"))
    with pytest.raises(RunError) as error:
        require_parity(spark)
    first, second, third = str(error.value).splitlines()
    assert first == "the workers differ from this machine, so nothing was started:"
    assert second.startswith(f"  pandas: 9.9.9 here, {version('pandas')} on ")
    assert "requirements.lock" in third


@pytest.mark.spark
def test_when_workers_cannot_do_the_work_then_the_error_says_why(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> str:
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(handshake, "fit_it", refuse)
    with pytest.raises(RunError, match=r"ImportError: libgomp.so.1: cannot open shared object file\nGive the workers"):
        require_parity(spark)


@pytest.mark.spark
def test_when_another_copy_of_the_package_comes_first_then_the_error_says_where(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.dumps({"host": "worker-1", "processor": "x", "code": "another", "canary": "y"})
    monkeypatch.setattr(handshake, "fit_it", lambda _: told)
    with pytest.raises(RunError, match=r"another copy of distributed_automl .* on worker-1: take it off"):
        require_parity(spark)


def test_when_processors_round_differently_then_it_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    same = {"host": "worker-1", "processor": "x86_64", "canary": "abc"}
    _warn_of_other_bits([same], "abc")
    assert caplog.records == []
    _warn_of_other_bits([same, {"host": "worker-2", "processor": "aarch64", "canary": "def"}], "abc")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "worker-2 (aarch64)" in record.getMessage()
    assert "worker-1" not in record.getMessage()


MESSAGE = """Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: Lost task
Traceback (most recent call last):
  File "/x/worker.py", line 1, in main
pyspark.errors.exceptions.base.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has: 3.12
	at org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:1)
"""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (MESSAGE, "PYTHON_VERSION_MISMATCH"),
        ('java.io.IOException: Cannot run program "/usr/bin/python9": error=2', "Cannot run program"),
        ("nothing that we know\nat all", "at all"),
        ("", "no reason given"),
    ],
)
def test_when_spark_says_why_then_the_telling_line_is_kept(message: str, told: str) -> None:
    assert told in cause_of(message)
    assert "\n" not in cause_of(message)


def test_when_the_canary_does_not_live_then_the_error_says_where_it_died(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(*_: Any, **__: Any) -> dict[str, Any]:
        return {"status": "failed", "stage": "tune", "error_type": "OSError", "message": "no libgomp"}

    monkeypatch.setattr("distributed_automl.scenario.attempt.attempt_fit", attempt)
    with pytest.raises(RunError, match="failed in stage 'tune': OSError: no libgomp"):
        canary.fit_canary_here(lambda _: None)


def test_when_the_canary_is_fitted_twice_then_its_model_is_the_same() -> None:
    assert pickle.dumps(canary.canary_frame()) == pickle.dumps(canary.canary_frame())
    assert canary.fit_canary_here(lambda _: None) == canary.fit_canary_here(lambda _: None)
