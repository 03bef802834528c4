"""Wiring: training_results -> champions."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.promote.nodes import promote


def create_pipeline() -> Pipeline:
    """Return the decision about champions."""
    return Pipeline(
        [Node(promote, ["training_results", "champions_before"], "champions", name="promote")], tags="promote"
    )
