"""The Spark session: configured before it exists, started by whoever first needs it."""

import os
import shlex
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from kedro_datasets._utils.spark_utils import get_spark_with_remote_support  # the very session of SparkDatasetV2
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.java import ensure_java

PACKAGE = "distributed_automl"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""One core per scenario: what keeps the numeric libraries from taking more."""
_MAX_CORES = 10_000


def configure(settings: Mapping[str, object]) -> None:
    """Arrange that the first session of this process has these settings; starts nothing.

    Args:
        settings: Spark's keys and values; null leaves a key out. `spark.remote` selects Spark Connect; an empty
            `spark.master` says that the environment needs one and none was given.

    Raises:
        RunError: `spark.master` is empty, and there is neither a remote nor a session to join.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
    kept = _texts(settings)
    remote = kept.pop("spark.remote", None) or os.environ.get("SPARK_REMOTE")
    if remote:
        os.environ["SPARK_REMOTE"] = remote
        return
    os.environ.pop("SPARK_REMOTE", None)
    _require_master(kept)
    with suppress(RunError):  # commands that start no JVM need no Java; `require_java` tells those that do
        ensure_java()
    kept.update({f"spark.executorEnv.{name}": value for name, value in ONE_THREAD.items()})
    arguments = [part for key, value in sorted(kept.items()) for part in ("--conf", f"{key}={value}")]
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join([*arguments, "pyspark-shell"])


def _require_master(kept: dict[str, str]) -> None:
    """Take an empty master out; raise RunError if nothing else says where Spark is."""
    if kept.get("spark.master") != "":
        return
    if not needs_start():
        raise RunError(
            "this environment runs on a cluster, but neither SPARK_MASTER nor SPARK_REMOTE is set: export "
            "SPARK_MASTER=spark://host:7077 (or yarn, k8s://...), or SPARK_REMOTE=sc://host:15002 for Spark Connect"
        )
    del kept["spark.master"]


def require_java(settings: Mapping[str, object]) -> None:
    """Raise RunError if the session to come is a JVM of this machine and there is no Java that it can run on."""
    if settings.get("spark.master") and not needs_start():
        ensure_java()


def needs_start() -> bool:
    """Return whether settings must be put on a session by hand: it is remote, or exists already (spark-submit)."""
    return is_remote() or SparkSession.getActiveSession() is not None or "PYSPARK_GATEWAY_PORT" in os.environ


def is_remote() -> bool:
    """Return whether Spark Connect is asked for, Databricks' included."""
    return "SPARK_REMOTE" in os.environ or _is_databricks_connect()


def _is_databricks_connect() -> bool:
    """Return whether the session to come is Databricks Connect's; the very test of `get_spark_with_remote_support`."""
    if not {"DATABRICKS_HOST", "DATABRICKS_TOKEN"} <= set(os.environ):
        return False
    try:
        return find_spec("databricks.connect") is not None
    except ModuleNotFoundError:
        return False


def works_elsewhere(settings: Mapping[str, object]) -> bool:
    """Return whether the workers of the session, there or to come, are other than this process' own."""
    if is_remote():
        return not _is_own(os.environ.get("SPARK_REMOTE", ""))
    spark = SparkSession.getActiveSession() or (SparkSession.builder.getOrCreate() if needs_start() else None)
    if spark is None:
        return not _is_own(str(settings.get("spark.master") or "local"))
    return "connect" in type(spark).__module__ or not _is_own(spark.conf.get("spark.master") or "local")


def _is_own(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def start(settings: Mapping[str, object]) -> SparkSession:
    """Start or take over the session, set what can be set on it, and send this package to workers elsewhere."""
    spark: SparkSession = get_spark_with_remote_support()
    for key, value in _texts(settings).items():
        if key.startswith("spark.sql.") and spark.conf.isModifiable(key):
            spark.conf.set(key, value)
    if is_remote() or works_elsewhere(settings):
        spark.addArtifacts(str(zipped_package()), pyfile=True)
    return spark


def _texts(settings: Mapping[str, object]) -> dict[str, str]:
    texts = {True: "true", False: "false"}
    return {
        key: texts[value] if isinstance(value, bool) else str(value)
        for key, value in settings.items()
        if value is not None
    }


def n_cores(spark: SparkSession) -> int:
    """Return how many tasks run at once: the partitions that Spark gives a range, on any kind of session."""
    partitions = spark.range(_MAX_CORES).select(F.spark_partition_id().alias("part"))
    last = partitions.agg(F.max("part").alias("last")).first()
    return 1 if last is None else int(last["last"]) + 1


def import_meanwhile(modules: Sequence[str]) -> threading.Thread:
    """Import modules in a thread of their own, for whoever waits for the JVM next and needs them after that.

    Whoever imports one of them before that is done waits for it, and gets the error if there is one.
    """
    thread = threading.Thread(target=_import_all, args=(modules,), daemon=True)
    thread.start()
    return thread


def _import_all(modules: Sequence[str]) -> None:
    with suppress(ImportError):
        for name in modules:
            import_module(name)


@cache
def zipped_package() -> Path:
    """Zip this package for workers elsewhere; the same bytes every time, since a session refuses a changed file."""
    target = Path(tempfile.mkdtemp(prefix=f"{PACKAGE}_")) / f"{PACKAGE}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, source in sorted(_modules(files(PACKAGE), PACKAGE)):
            archive.writestr(zipfile.ZipInfo(name), source.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def _modules(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _modules(child, f"{prefix}/{child.name}")
        elif not child.name.endswith(".pyc"):
            yield f"{prefix}/{child.name}", child
