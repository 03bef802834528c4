"""Wrong parameters: one report of all faults, a bad exit code, and no Spark for it."""

from pathlib import Path

import pytest
from tests.end_to_end.project import DEMAND, Ended, Project

pytestmark = pytest.mark.slow

JAVA = """#!/bin/sh
echo "$*" >> "{record}"
exit 1
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which a Java that is none writes down that it was called."""
    return tmp_path_factory.mktemp("java") / "calls"


@pytest.fixture(scope="module")
def refused(project: Project, record: Path) -> Ended:
    """A run with six faults in four blocks, one of them from the command line."""
    project.add_environment(
        "wrong",
        {**DEMAND, "horizon": 0, "objective": "wope"},
        tables={"master_df": Path("/nowhere/master.parquet")},
        automl={"candidates": ["ridge", "lightgmb"], "tuning": {"n_trails": 3}},
        plan={"refit": "sometimes"},
    )
    java = record.parent / "bin" / "java"
    java.parent.mkdir()
    java.write_text(JAVA.format(record=record))
    java.chmod(0o755)
    arguments = ("--env=wrong", "--pipelines=train", "--from-inputs=master_df", "--params=run.engine=sparc")
    return project.kedro_run(*arguments, JAVA_HOME=str(record.parent))


def test_when_parameters_are_wrong_then_the_run_ends_badly(refused: Ended) -> None:
    assert refused.exit_code == 1


def test_when_parameters_are_wrong_then_one_report_has_every_fault(refused: Ended) -> None:
    told = refused.output[refused.output.index("Error: the configuration has") :]
    assert told.startswith("Error: the configuration has 6 faults:\n")
    for place in (
        "`problem.horizon`:",
        "`problem.objective`: there is no objective 'wope'; did you mean 'wape'?",
        "`automl.candidates`: there is no candidate 'lightgmb'; did you mean 'lightgbm'?",
        "`automl.tuning.n_trails`: there is no such parameter; did you mean 'n_trials'?",
        "`plan.refit`:",
        "`run.engine`: Input should be 'spark' or 'local'; found 'sparc'",
    ):
        assert told.count(place) == 1, told
    assert "Traceback" not in refused.output


def test_when_parameters_are_wrong_then_spark_is_not_started_and_nothing_is_written(
    refused: Ended, record: Path, project: Project
) -> None:
    assert refused.exit_code != 0
    assert not record.exists()
    assert not (project.root / "results" / "wrong").exists()
