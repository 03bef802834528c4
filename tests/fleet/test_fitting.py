"""What a worker does with a bucket before it fits any of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_automl.errors import RunError
from distributed_automl.fleet import fitting
from distributed_automl.fleet.fitting import lacked_memory
from distributed_automl.fleet.scenario_ids import BUCKET_COL, SCENARIO_COL
from distributed_automl.scenario import attempt
from distributed_automl.tables import FITS


def test_when_a_scenarios_rows_are_gone_since_the_plan_then_the_error_names_it_before_anything_is_fitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[Any] = []
    orders = [SimpleNamespace(scenario_id="a"), SimpleNamespace(scenario_id="b")]
    monkeypatch.setattr(fitting, "require_same_code", lambda _: None)
    monkeypatch.setattr(attempt, "preload", lambda _: None)
    monkeypatch.setattr(fitting, "read_orders", lambda _: orders)
    monkeypatch.setattr(fitting, "run_each", lambda tasks, *_: fitted.extend(tasks))
    rows = pd.DataFrame({SCENARIO_COL: ["a", "a"], BUCKET_COL: [0, 0], "units": [1.0, 2.0]})
    job: Any = SimpleNamespace(definitions=None, table=None)
    with pytest.raises(RunError, match="master_df has no rows of 'b' where the plan found them"):
        fitting.fit_bucket(job, rows, pd.DataFrame())
    assert not fitted


def test_when_a_fit_was_refused_memory_then_its_row_says_so() -> None:
    with pytest.raises(MemoryError) as by_numpy:
        np.empty(2**56)
    rows = [attempt.failed_row(FITS, "a", "tune", error) for error in (MemoryError(), by_numpy.value)]
    assert [lacked_memory(row) for row in rows] == [True, True]
    assert not lacked_memory(attempt.failed_row(FITS, "a", "tune", ValueError("no")))
    assert not lacked_memory({"status": "fitted", "error_type": None})
