"""Wiring: training_results -> champions."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.promote.nodes import promote


def create_pipeline() -> Pipeline:
    """Return the decision about champions; where the same run trains, it waits for the check of the failures."""
    inputs = ["training_results", "champions_before", "fits_before", "failures_tolerated"]
    return Pipeline([Node(promote, inputs, "champions", name="promote")], tags="promote")
