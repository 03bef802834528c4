"""Nodes of prediction: thin calls into the fleet."""

import logging
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.fleet import predict as forecasting
from distributed_automl.fleet.asked import Asked
from distributed_automl.fleet.progress import Progress
from distributed_automl.fleet.runs import record_prediction
from distributed_automl.fleet.session import n_cores
from distributed_automl.parameters import Plan, Prediction, Problem, Run

logger = logging.getLogger(__name__)


def predict(
    master_df_predict: DataFrame,
    champions: DataFrame,
    fits_before: DataFrame,
    problem: Problem,
    prediction: Prediction,
    plan: Plan,
    run: Run,
    run_id: str,
    master_df_predict_version: str | None,
) -> Iterator[tuple[pd.DataFrame, DataFrame, Asked]]:
    """Write down what the run is set up with, and predict every sample; the frame is executed when it is saved."""
    setup = forecasting.PredictSetup(problem, prediction, plan, run, run_id)
    cores = n_cores(master_df_predict.sparkSession)
    record = record_prediction(setup, master_df_predict_version).row()
    for predictions, asked in forecasting.predict(
        master_df_predict, champions, fits_before, setup, n_cores=cores, progress=Progress()
    ):
        logger.info("predicting %s samples of %s scenarios from %s", asked.n_asked, len(asked.scenarios), asked.origin)
        yield record, predictions, asked


def check_predictions(predictions: DataFrame, asked: Asked, run_id: str) -> None:
    """Require that every sample asked for was saved, exactly once."""
    rungs = forecasting.check_complete(predictions, asked, run_id)
    logger.info("predictions: %s", ", ".join(f"{row.n_rows} by {row.rung}" for row in rungs.itertuples(index=False)))
