from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from distributed_automl.monitoring.evaluation import evaluate
from distributed_automl.parameters import Costs, Problem, Reporting
from distributed_automl.pipelines.report.pipeline import create_pipeline
from distributed_automl.resolvers import RESOLVERS
from distributed_automl.tables import TRAINING_RESULTS

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("default")]  # Kedro and omegaconf warn of themselves

CONF = str(Path(__file__).parents[2] / "conf")
PROBLEM = Problem(scenario_keys=("store",), timestamp="day", frequency="D", target="units", levels=(0.8,))
OUTPUTS = {
    "training_scores", "fleet_summary", "scenario_overview", "candidate_ranking", "missing_models", "report",
    "fleet_forecast_plot", "accuracy_plot", "candidates_plot", "training_cost_plot",
}  # fmt: skip


def results_of(spark: Any, *statuses: str) -> Any:
    """One scenario per status, named by it; a fitted one is off by 10 of 100 units, its baseline by 20."""
    scores = {"wape": 0.1, "baseline_wape": 0.2}
    costs = {"units_short": 10.0, "units_over": 0.0, "baseline_units_short": 20.0, "baseline_units_over": 0.0}
    board = '[{"rank": 1, "candidate": "ridge", "gain": -1, "weight": 1.0, "n_trials": 4, "seconds": 0.5}]'
    rows = []
    for status in statuses:
        has_model = status in ("fitted", "reused")
        rows.append(
            {
                "run_id": "run_1",
                "scenario_id": status,
                "status": status,
                "reason": "why",
                "stage": None if has_model else "validate",
                "error_type": None,
                "estimator": "ridge" if has_model else None,
                "leaderboard": board if has_model else None,
                "metrics": scores if has_model else None,
                "kpis": costs if has_model else None,
                "n_trials": 4,
                "n_samples": 50,
                "fit_seconds": 1.0,
                "model_bytes": 1_000_000,
            }
        )
    cells = [[row.get(name) for name in TRAINING_RESULTS.names] for row in rows]
    return spark.createDataFrame(cells, TRAINING_RESULTS.ddl)


def catalog_in(folder: Path) -> DataCatalog:
    """The project's own reporting entries, below another folder."""
    loader = OmegaConfigLoader(CONF, base_env="base", default_run_env="base", custom_resolvers=RESOLVERS)
    loader["globals"] = {"data_root": str(folder), "problem_name": "demand", "demo_root": "/nowhere"}
    entries = loader["catalog"]
    return DataCatalog.from_config({name: entries[name] for name in (*OUTPUTS, "evaluation", "fleet_by_period")})


def no_outcomes() -> pd.DataFrame:
    columns = ["store", "prediction_run_id", "scenario_id", "rung", "actual", "n_actual_rows", "match"]
    return pd.DataFrame(columns=[*columns, "predicted_value", "baseline_value", "lower_80", "upper_80"])


@pytest.mark.parametrize("statuses", [("fitted", "reused", "skipped", "failed"), ("skipped",), ("fitted",)])
def test_when_only_training_ran_then_every_output_is_there(
    statuses: tuple[str, ...], capsys, tmp_path: Path, spark: Any
) -> None:
    catalog = catalog_in(tmp_path)
    catalog["training_results"] = MemoryDataset(results_of(spark, *statuses), copy_mode="assign")
    catalog.save("evaluation", evaluate(no_outcomes(), PROBLEM, Costs()))
    catalog.save("fleet_by_period", pd.DataFrame(columns=["timestamp", "part", "actual", "predicted", "baseline"]))
    catalog["params:problem"] = MemoryDataset(PROBLEM)
    catalog["params:reporting"] = MemoryDataset(Reporting(report="s3://bucket/report.html"))
    pipeline = create_pipeline()
    assert pipeline.inputs() == {
        "training_results", "evaluation", "fleet_by_period", "params:problem", "params:reporting",
    }  # fmt: skip
    assert pipeline.all_outputs() == OUTPUTS
    SequentialRunner().run(pipeline, catalog)
    assert len(catalog.load("scenario_overview")) == len(statuses)
    assert "</html>" in catalog.load("report")
    assert "s3://bucket/report.html" in capsys.readouterr().out
