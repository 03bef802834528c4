"""Tracking as a pipeline of its own: part of training and evaluation, and for results that went untracked."""

from kedro.pipeline import Pipeline, node

from distributed_automl.pipelines.track import nodes


def create_training_pipeline() -> Pipeline:
    """Return the node that tracks training; it belongs to ``train``, whose last check waits for its output."""
    inputs = ["training_results", "params:problem", "params:tracking"]
    tags = ["train", "track"]
    return Pipeline([node(nodes.track_training, inputs, "training_tracked", name="track_training", tags=tags)])


def create_evaluation_pipeline() -> Pipeline:
    """Return the node that tracks an evaluation; it belongs to ``evaluate``."""
    inputs = ["evaluation", "params:problem"]
    return Pipeline([node(nodes.track_evaluation, inputs, None, name="track_evaluation", tags=["evaluate", "track"])])


def create_pipeline() -> Pipeline:
    """Return ``track``: what training left in the catalog, logged now."""
    return create_training_pipeline()
