"""From the streams to ``master_df``, ``master_df_predict`` and ``actuals``: lazy Spark, column names of the field."""

from distributed_automl.pipelines.data_engineering.pipeline import (
    create_actuals_pipeline,
    create_pipeline,
    create_prediction_pipeline,
    create_training_pipeline,
)

__all__ = ["create_actuals_pipeline", "create_pipeline", "create_prediction_pipeline", "create_training_pipeline"]
