"""A run on a cluster leaves what a run in one process leaves, to the byte; also when it loses a machine."""

import json
import sqlite3
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.cluster.conftest import STORES, TO_BE_LOST, TO_BE_LOST_NEXT, Left, Start, end
from tests.cluster.machines import Cluster
from tests.end_to_end.project import Project

pytestmark = [pytest.mark.cluster, pytest.mark.spark, pytest.mark.slow]

POOL = "__pooled__/"


def require_same(found: Left, wanted: Left) -> None:
    """Fail unless two runs left the same models, metrics and predictions."""
    columns = ["status", "fingerprint", "hyperparameters", "model_digest", "model"]
    pd.testing.assert_frame_equal(found.fits()[columns], wanted.fits()[columns])
    for name in ("metrics", "kpis"):
        assert texts(found, name) == texts(wanted, name)
    identities = ["prediction_run_id", "fit_run_id"]
    pd.testing.assert_frame_equal(
        found.results.predictions().drop(columns=identities),
        wanted.results.predictions().drop(columns=identities),
        check_exact=True,
    )


def texts(left: Left, name: str) -> list[str]:
    """Return a map per scenario with every bit of its numbers."""
    return [repr(sorted((key, float(value).hex()) for key, value in dict(cell).items())) for cell in left.fits()[name]]


def test_when_run_here_then_there_is_something_to_compare_with(here: Left) -> None:
    fits = here.fits()
    assert sorted(name for name in fits.index if not name.startswith(POOL)) == sorted(STORES)
    assert set(fits["status"]) == {"fitted"}
    assert len(here.results.predictions()) == 7 * len(STORES)


def test_when_a_standalone_cluster_loses_a_worker_then_nothing_is_lost_doubled_or_different(
    here: Left, standalone: Left, cluster: Cluster
) -> None:
    assert TO_BE_LOST not in cluster.processes
    require_same(standalone, here)


def test_when_a_run_over_spark_connect_loses_a_worker_then_nothing_is_lost_doubled_or_different(
    here: Left, connected: Left, cluster: Cluster
) -> None:
    assert TO_BE_LOST_NEXT not in cluster.processes
    require_same(connected, here)


@pytest.mark.parametrize("name", ["standalone", "connected"])
def test_when_workers_lack_the_package_then_they_get_it_and_are_asked(
    name: str, request: pytest.FixtureRequest
) -> None:
    assert "are like this machine" in " ".join(request.getfixturevalue(name).output.split())


@pytest.mark.parametrize("name", ["standalone", "connected"])
def test_when_a_run_is_tracked_then_its_progress_is_too(
    name: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(name)
    with sqlite3.connect(folder / f"{name}.db") as database:
        found = dict(database.execute("select key, value from latest_metrics where key like 'progress.%'").fetchall())
    database.close()
    assert found["progress.pools_done"] == 1
    assert found["progress.scenarios_done"] == found["progress.scenarios_total"] == len(STORES)
    assert found["progress.scenarios_failed"] == 0


def test_when_workers_have_another_version_then_the_run_ends_before_it_begins(
    project: Project, cluster: Cluster, start: Start, folder: Path
) -> None:
    if "connect" in cluster.processes:
        cluster.lose("connect")  # and with it the cores that it holds
    (project.root / "conf" / "cluster" / "spark_versions.yml").write_text(
        yaml.safe_dump({"spark.executorEnv.REPORTED_VERSIONS": json.dumps({"pandas": "1.5.3", "lightgbm": "absent"})})
    )
    ended = end(start("mismatch", SPARK_MASTER=cluster.url))
    said = " ".join(ended.output.split())
    assert ended.exit_code == 1
    assert f"pandas: {version('pandas')} here, 1.5.3 on " in said
    assert f"lightgbm: {version('lightgbm')} here, absent on " in said
    assert "requirements.lock" in said
    assert "Traceback" not in said
    assert not (folder / "mismatch").exists()
