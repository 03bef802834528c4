"""Settings reach the session to come, and no JVM starts for it."""

import os
import shlex
import sys
import zipfile
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from pyspark.sql import SparkSession

from distributed_automl.errors import RunError
from distributed_automl.fleet import session
from distributed_automl.fleet.session import (
    ONE_THREAD,
    configure,
    import_meanwhile,
    is_remote,
    n_cores,
    needs_start,
    require_java,
    works_elsewhere,
    zipped_package,
)
from distributed_automl.resolvers import RESOLVERS

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "PYSPARK_PYTHON", "JAVA_HOME", *ONE_THREAD):
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


def test_when_spark_will_be_local_then_it_gets_a_java(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare.setattr("distributed_automl.java.java_home", lambda: str(tmp_path))
    configure({"spark.master": "local[1]"})
    assert os.environ["JAVA_HOME"] == str(tmp_path)


def test_when_there_is_no_java_then_only_what_starts_a_jvm_here_is_refused(bare: pytest.MonkeyPatch) -> None:
    bare.setattr("distributed_automl.java.java_home", lambda: None)
    bare.setattr(session, "needs_start", lambda: False)
    local: dict[str, object] = {"spark.master": "local[1]"}
    configure(local)
    require_java({"spark.master": None})
    with pytest.raises(RunError, match="Spark needs Java"):
        require_java(local)
    bare.setattr(session, "needs_start", lambda: True)
    require_java(local)


def test_when_a_cluster_has_no_address_then_the_error_names_both_variables(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(session, "needs_start", lambda: False)
    with pytest.raises(RunError, match="neither SPARK_MASTER nor SPARK_REMOTE"):
        configure({"spark.master": ""})


def test_when_the_session_is_there_already_then_a_cluster_needs_no_address(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(session, "needs_start", lambda: True)
    configure({"spark.master": ""})
    assert "spark.master" not in os.environ["PYSPARK_SUBMIT_ARGS"]


def test_when_the_cluster_s_file_is_read_without_variables_then_its_master_is_empty(bare: pytest.MonkeyPatch) -> None:
    bare.delenv("SPARK_MASTER", raising=False)
    bare.setenv("DISTRIBUTED_AUTOML_DATA", "/data")
    loader = OmegaConfigLoader(
        str(CONF),
        env="cluster",
        base_env="base",
        custom_resolvers=RESOLVERS,
        config_patterns={"spark": ["spark*"]},
    )
    assert loader["spark"]["spark.master"] == ""


@pytest.mark.spark
def test_when_cores_are_counted_then_they_are_those_that_tasks_run_on(spark: SparkSession) -> None:
    assert n_cores(spark) == spark.sparkContext.defaultParallelism == 2


def test_when_modules_are_imported_meanwhile_then_they_are_there_and_one_that_is_missing_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "imported_meanwhile.py").write_text("")
    import_meanwhile(["imported_meanwhile", "there_is_no_such_module"]).join(30)
    assert sys.modules.pop("imported_meanwhile").__file__ == str(tmp_path / "imported_meanwhile.py")


def test_when_the_package_is_zipped_then_workers_can_import_all_of_it() -> None:
    names = set(zipfile.ZipFile(zipped_package()).namelist())
    assert {"distributed_automl/__init__.py", "distributed_automl/fleet/fitting.py"} <= names
    assert not any(name.endswith(".pyc") for name in names)


def test_when_the_package_is_zipped_twice_then_the_bytes_are_the_same() -> None:
    first = zipped_package()
    zipped_package.cache_clear()
    assert first != zipped_package()
    assert first.read_bytes() == zipped_package().read_bytes()


@pytest.mark.parametrize(
    ("remote", "master", "expected"),
    [
        (None, "local[*,4]", False),
        (None, None, False),
        (None, "spark://host:7077", True),
        (None, "yarn", True),
        (None, "local-cluster[2,1,1024]", True),
        ("sc://host:15002", None, True),
        ("local[2]", None, False),
    ],
)
def test_when_workers_are_not_of_this_process_then_they_are_elsewhere(
    bare: pytest.MonkeyPatch, remote: str | None, master: str | None, expected: bool
) -> None:
    bare.setattr(SparkSession, "getActiveSession", lambda: None)
    bare.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    if remote is not None:
        bare.setenv("SPARK_REMOTE", remote)
    assert works_elsewhere({"spark.master": master}) is expected


def test_when_databricks_connect_is_there_and_asked_for_then_spark_is_remote(bare: pytest.MonkeyPatch) -> None:
    bare.setattr(session, "find_spec", lambda _: object())
    assert not is_remote()
    bare.setenv("DATABRICKS_HOST", "https://workspace.example")
    bare.setenv("DATABRICKS_TOKEN", "made up")
    assert is_remote()
    assert works_elsewhere({})


def test_when_databricks_connect_is_not_installed_then_its_variables_mean_nothing(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("DATABRICKS_HOST", "https://workspace.example")
    bare.setenv("DATABRICKS_TOKEN", "made up")
    assert not is_remote()
