"""Nodes of training: what they refuse before anything is fitted."""

from typing import Any

import pytest

from distributed_automl.errors import RunError
from distributed_automl.parameters import AutoML, Plan, Problem, Run
from distributed_automl.pipelines.train.nodes import fit_pools, fit_scenarios

PROBLEM = Problem(scenario_keys=("shop",), timestamp="day", frequency="D", target="units")
SETUP = {"problem": PROBLEM, "automl": AutoML(), "plan_parameters": Plan(), "run": Run()}


@pytest.mark.parametrize(
    ("fit", "given"), [(fit_pools, {"fits_before": None}), (fit_scenarios, {"pooled_fits": None, "portfolio": {}})]
)
def test_when_the_plan_is_another_run_s_then_nothing_is_fitted(spark: Any, fit: Any, given: dict[str, Any]) -> None:
    plan = spark.createDataFrame([("20260101T000000Z-aaaaaa", "oslo")], "run_id string, scenario_id string")
    waves = fit(master_df=None, plan=plan, run_id="20260102T000000Z-bbbbbb", **SETUP, **given)
    with pytest.raises(RunError, match=r"found one of 20260101T000000Z-aaaaaa: .*--pipelines=train"):
        next(waves)
