"""Predictions and actuals to what the predictions were worth."""

from kedro.pipeline import Pipeline, node

from distributed_automl.pipelines.evaluate import nodes
from distributed_automl.pipelines.track.pipeline import create_evaluation_pipeline


def create_pipeline() -> Pipeline:
    """Return ``evaluate`` without the engineering of ``actuals``."""
    evaluate = [
        node(nodes.match_actuals, ["predictions", "actuals", "params:problem"], "outcomes", name="match_actuals"),
        node(
            nodes.evaluate_scenarios,
            ["outcomes", "params:problem", "params:automl"],
            "evaluation",
            name="evaluate_scenarios",
        ),
        node(
            nodes.sum_by_period,
            ["outcomes", "master_df_predict", "params:problem"],
            "fleet_by_period",
            name="sum_by_period",
        ),
    ]
    return Pipeline(evaluate, tags=["evaluate"]) + create_evaluation_pipeline()
