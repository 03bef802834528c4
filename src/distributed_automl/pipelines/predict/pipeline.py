"""Wiring: master_df_predict, champions and their fits -> predictions."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.predict.nodes import check_predictions, predict


def create_pipeline() -> Pipeline:
    """Return the way from `master_df_predict` to `predictions`, and the check that none is lost or doubled."""
    parameters = ["params:problem", "params:prediction", "params:plan", "params:run", "params:run_id"]
    return Pipeline(
        [
            Node(
                predict,
                ["master_df_predict", "champions", "fits_before", *parameters, "master_df_predict_version"],
                ["prediction_runs", "predictions", "asked"],
                name="predict",
            ),
            Node(check_predictions, ["predictions", "asked", "params:run_id"], None, name="check_predictions"),
        ],
        tags="predict",
    )
