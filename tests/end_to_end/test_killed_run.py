"""A run that is killed in the middle: what was durable stays, the rest is made up for, and all is as if undisturbed."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from tests.end_to_end.conftest import ODD_STORES, Own, Run
from tests.end_to_end.project import Project, Results

pytestmark = [pytest.mark.spark, pytest.mark.slow]

SECONDS = 240.0


@dataclass(frozen=True)
class Killed:
    """A killed run and the one after it.

    Attributes:
        durable: fits that the killed run left, pools too.
        results: where both runs wrote.
    """

    durable: pd.DataFrame
    results: Results


@pytest.fixture(scope="module")
def killed(project: Project, run: Run, master_file: Path) -> Killed:
    results = project.add_environment(
        "killed", tables={"master_df": master_file}, plan={"n_waves": 8, "min_wave_scenarios": 1}
    )
    process = project.start("--env=killed", "--pipelines=train", "--from-inputs=master_df")
    try:
        wait_for_a_wave(results, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    durable = results.read("fits")
    run("killed", "train", "master_df")
    return Killed(durable, results)


def wait_for_a_wave(results: Results, process: "subprocess.Popen[str]") -> None:
    """Wait until a wave of scenarios is durable: the pools' comes before it."""
    deadline = time.monotonic() + SECONDS
    while len(results.folders("fits")) < 2:
        assert process.poll() is None, process.communicate()[0][-6000:]
        assert time.monotonic() < deadline, f"no wave was durable within {SECONDS:g} s"
        time.sleep(0.05)


def of_scenarios(fits: pd.DataFrame) -> pd.DataFrame:
    return fits[~fits["scenario_id"].str.startswith("__pooled__/")]


def test_when_a_run_is_killed_then_it_was_in_the_middle(killed: Killed) -> None:
    waves = of_scenarios(killed.durable)["wave"].nunique()
    assert 1 <= waves < 8


def test_when_it_is_started_again_then_durable_fits_are_not_made_again(killed: Killed) -> None:
    first, second = killed.results.runs("fits")
    assert set(killed.durable["run_id"]) == {first}
    remade = set(killed.results.read("fits", second)["scenario_id"])
    assert remade.isdisjoint(killed.durable["scenario_id"])
    assert killed.results.read("fits")["scenario_id"].is_unique
    training = killed.results.training()
    fitted_before = of_scenarios(killed.durable).query("status == 'fitted'")["scenario_id"]
    assert set(training.loc[fitted_before, "fit_run_id"]) <= {first}
    assert set(training.loc[fitted_before, "status"]) <= {"reused"}
    assert set(training.loc[sorted(set(ODD_STORES) - set(fitted_before)), "fit_run_id"]) == {second}


def test_when_it_is_started_again_then_nothing_is_missing_and_models_are_those_of_an_undisturbed_run(
    killed: Killed, own: Own
) -> None:
    training = killed.results.training()
    assert list(training.index) == list(own.training.index)
    pd.testing.assert_series_equal(training["model_digest"], own.training["model_digest"])
    pd.testing.assert_series_equal(training["fingerprint"], own.training["fingerprint"])
    assert training.loc[ODD_STORES, "model_digest"].notna().all()
