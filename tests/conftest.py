"""What all tests share: one small Spark session per process, started only by the tests that ask for it."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
"""For every JVM that a test starts: to optimize code takes longer than to run it for seconds over some rows."""

hypothesis.settings.register_profile("patient", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("patient")  # whether an example takes 0.2 s says more of the machine than of the code

TOGETHER = {
    "a project": ("tests/end_to_end/",),
    "Spark": (
        "tests/commands/", "tests/datasets/", "tests/faults/test_scenarios.py", "tests/fleet/", "tests/monitoring/",
        "tests/pipelines/", "tests/reporting/test_scores.py", "tests/test_cli.py", "tests/test_narrow.py",
        "tests/test_resolvers.py",
    ),
    "a tracking database": ("tests/tracking/",),
}  # fmt: skip
"""What takes long to make, and the tests that share it: one process runs them all, and makes it once."""
LONG = (*TOGETHER["a project"], *TOGETHER["Spark"], "tests/faults/", "tests/test_notebooks.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal tests out to processes in the order of collection: what shares something together, the rest file by file."""
    from xdist.scheduler import LoadFileScheduling

    class BySharing(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            shared = (what for what, places in TOGETHER.items() if nodeid.startswith(places))
            return next(shared, None) or super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return BySharing(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests are dealt out, put first what takes long, so that no process ends with it alone."""
    if hasattr(config, "workerinput"):
        order = {place: number for number, place in enumerate(LONG)}
        items.sort(key=lambda item: next((order[one] for one in LONG if item.nodeid.startswith(one)), len(LONG)))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SparkSession]":
    """A local Spark session with two cores, in UTC, without a UI; its files go to a temporary folder."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    from distributed_automl.java import ensure_java

    ensure_java()

    root = tmp_path_factory.mktemp("spark")
    settings: dict[str, str | int | float | bool | None] = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(root / "warehouse"),
        "spark.local.dir": str(root / "local"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    session = SparkSession.builder.master("local[2,4]").appName("tests").config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def on_spark(spark: Any) -> Callable[..., Any]:
    """Return a function that makes a table on Spark of a pandas frame of some of its columns; the others are null."""

    def make(rows: Any, table: Any) -> Any:
        cells = rows.reindex(columns=table.names).astype(object)
        return spark.createDataFrame(cells.mask(cells.isna(), None), schema=table.ddl)

    return make
