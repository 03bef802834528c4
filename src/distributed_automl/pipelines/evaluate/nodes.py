"""Nodes that set predictions beside what came true."""

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.monitoring import matching
from distributed_automl.monitoring.evaluation import require_single_actuals, warn_of_strangers
from distributed_automl.parameters import AutoML, Problem


def match_actuals(predictions: DataFrame, actuals: DataFrame, problem: Problem) -> DataFrame:
    """Set each prediction of the latest run beside its actual. Lazy."""
    return matching.match(predictions, actuals, problem)


def evaluate_scenarios(outcomes: DataFrame, problem: Problem, automl: AutoML) -> pd.DataFrame:
    """Judge each scenario on Spark; one narrow row per scenario comes back."""
    judged = matching.evaluate_on_spark(outcomes, problem, automl.costs).toPandas()
    evaluation = judged.sort_values("scenario_id", ignore_index=True)
    require_single_actuals(evaluation)
    warn_of_strangers(evaluation)
    return evaluation


def sum_by_period(outcomes: DataFrame, master_df_predict: DataFrame, problem: Problem) -> pd.DataFrame:
    """Add the fleet up by period: recent history, forecast, baseline and actual."""
    return matching.sum_by_period(outcomes, master_df_predict, problem)
