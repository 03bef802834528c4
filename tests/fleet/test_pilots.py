"""Pilots on Spark and here: every one once, in both passes, and the same whichever engine."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import pilots as fleet_pilots
from distributed_automl.fleet.progress import Progress
from distributed_automl.parameters import AutoML, Pilots, Tuning, Validation

pytestmark = pytest.mark.spark

RUN_ID = "20260101T000000Z-aaaaaa"
PILOTS = Pilots(n_pilots=2, n_trials=2)


@pytest.fixture
def make(make_setup: Any, make_ledger: Any, to_spark: Any) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a portfolio from the rows of some stores."""
    from dataclasses import replace

    automl = AutoML(
        candidates=("ridge", "seasonal_mean"),
        tuning=Tuning(n_trials=1),
        validation=Validation(n_folds=1, min_train_periods=14),
    )

    def run(rows: pd.DataFrame, engine: str, **restricted: Any) -> dict[str, Any]:
        setup = replace(make_setup(run={"engine": engine, **restricted}), automl=automl)
        master, progress = to_spark(rows), Progress()
        searches = make_ledger(f"{engine}_searches", RUN_ID, table="pilots", runs="latest")
        trials = make_ledger(f"{engine}_trials", RUN_ID, table="pilots", runs="latest")
        for wave in fleet_pilots.search_pilots(master, setup, PILOTS, run_id=RUN_ID, progress=progress):
            searches.save(wave)
        for wave in fleet_pilots.try_on_pilots(master, searches.load(), setup, PILOTS, progress):
            trials.save(wave)
        return fleet_pilots.choose_portfolio(trials.load(), setup, PILOTS, run_id=RUN_ID)

    return run


def test_when_made_on_spark_and_here_then_the_portfolio_is_the_same(make: Any, panel: Any) -> None:
    rows = panel(["a", "b/..", "c"], 60)
    here, on_spark = make(rows, "local"), make(rows, "spark")
    assert here == on_spark
    assert len(here["pilots"]) == 2
    assert set(here["configurations"]["forecasting"]) >= {"ridge", "seasonal_mean"}


def test_when_the_run_is_restricted_then_pilots_are_chosen_among_its_scenarios(make: Any, panel: Any) -> None:
    rows = panel(["a", "b/..", "c", "d"], 60)
    assert make(rows, "local", scenarios=("d", "c"))["pilots"] == ["c", "d"]
    with pytest.raises(RunError, match=r"run\.scenarios names scenarios that master_df does not have: 'e'"):
        make(rows, "local", scenarios=("e",))


def test_when_no_pilot_can_be_modelled_then_the_error_says_why(make: Any, panel: Any) -> None:
    with pytest.raises(RunError, match="found none of 1"):
        make(panel(["a"], 12), "local")
