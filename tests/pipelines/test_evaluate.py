from distributed_automl.pipelines.evaluate.pipeline import create_pipeline


def test_when_wired_then_evaluate_needs_predictions_actuals_history_and_parameters() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() == {
        "predictions", "actuals", "master_df_predict", "params:problem", "params:automl",
    }  # fmt: skip
    assert pipeline.all_outputs() == {"outcomes", "evaluation", "fleet_by_period"}
    assert {node.name for node in pipeline.nodes} == {
        "match_actuals", "evaluate_scenarios", "sum_by_period", "track_evaluation",
    }  # fmt: skip
