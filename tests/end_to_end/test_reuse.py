"""What did not change is not fitted again, however its rows are stored."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from tests.end_to_end.conftest import ODD_STORES, Own, Run
from tests.end_to_end.project import Project, write_table

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CHANGED = "a/bergen"


@dataclass(frozen=True)
class Again:
    """A later run on the results of an earlier one.

    Attributes:
        training: its training_results, by scenario.
        fits: the rows that it added to the fits; empty if it fitted nothing.
    """

    training: pd.DataFrame
    fits: pd.DataFrame


def again(own: Own, run: Run, env: str) -> Again:
    before = set(own.results.folders("fits"))
    run(env, "train", "master_df")
    added = [pd.read_parquet(folder) for folder in own.results.folders("fits") if folder not in before]
    return Again(own.results.training(), pd.concat([own.fits.reset_index().iloc[:0], *added]))


@pytest.fixture(scope="module")
def unchanged(own: Own, run: Run) -> Again:
    return again(own, run, "mine")


@pytest.fixture(scope="module")
def rearranged(own: Own, run: Run, project: Project, tables: Path) -> Again:
    rows = write_table(own.master.sample(frac=1.0, random_state=0), tables / "rearranged", n_files=5)
    project.add_environment("rearranged", tables={"master_df": rows}, results="mine")
    return again(own, run, "rearranged")


@pytest.fixture(scope="module")
def changed(own: Own, run: Run, project: Project, tables: Path, unchanged: Again, rearranged: Again) -> Again:
    """One row of one store, after the runs that must not see it."""
    master = own.master.copy()
    row = master.index[master["store_id"] == CHANGED][60]
    master.loc[row, "units"] += 1.0
    path = write_table(master, tables / "changed.parquet")
    project.add_environment("changed", tables={"master_df": path}, results="mine")
    return again(own, run, "changed")


@pytest.mark.parametrize("name", ["unchanged", "rearranged"])
def test_when_the_rows_are_the_same_then_nothing_is_fitted(own: Own, name: str, request: pytest.FixtureRequest) -> None:
    found: Again = request.getfixturevalue(name)
    assert list(found.fits["scenario_id"]) == []
    assert list(found.training.index) == list(own.training.index)
    assert set(found.training.loc[ODD_STORES, "status"]) == {"reused"}
    assert set(found.training["status"]) == {"reused", "skipped"}
    assert set(found.training["run_id"]).isdisjoint(own.training["run_id"])
    kept = ["fit_run_id", "fingerprint", "model_digest"]
    pd.testing.assert_frame_equal(found.training[kept], own.training[kept])


def test_when_one_row_changes_then_its_scenario_alone_is_fitted(own: Own, changed: Again) -> None:
    assert list(changed.fits["scenario_id"]) == [CHANGED]
    status = changed.training["status"]
    assert status[CHANGED] == "fitted"
    assert changed.training.loc[CHANGED, "fit_run_id"] == changed.training.loc[CHANGED, "run_id"]
    assert changed.training.loc[CHANGED, "model_digest"] != own.training.loc[CHANGED, "model_digest"]
    others = [store for store in ODD_STORES if store != CHANGED]
    assert set(status[others]) == {"reused"}
    assert set(changed.training.loc[others, "fit_run_id"]) == set(own.training["run_id"])
