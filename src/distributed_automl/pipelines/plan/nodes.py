"""Nodes that say what a plan will take."""

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.fleet import outlook
from distributed_automl.fleet.capacity import capacity_here, measure_capacity
from distributed_automl.fleet.session import n_cores
from distributed_automl.parameters import Run
from distributed_automl.reporting import planned as reporting


def look_ahead(next_plan: pd.DataFrame, master_df: DataFrame, run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate what the plan takes on this cluster, and find what will not fit."""
    spark = master_df.sparkSession
    capacity = capacity_here() if run.engine == "local" else measure_capacity(spark, n_cores(spark))
    return outlook.summarize(next_plan, capacity), outlook.warn(next_plan, run, capacity)


def print_plan(next_plan: pd.DataFrame, plan_summary: pd.DataFrame, plan_warnings: pd.DataFrame) -> None:
    """Print it."""
    reporting.print_plan(next_plan, plan_summary, plan_warnings)
