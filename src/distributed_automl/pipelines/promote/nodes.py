"""Nodes of promotion."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.monitoring.promotion import decide_champions, fits_there

logger = logging.getLogger(__name__)


def promote(
    training_results: pd.DataFrame,
    champions_before: pd.DataFrame,
    fits_before: DataFrame,
    failures_tolerated: bool = True,
) -> Iterator[pd.DataFrame]:
    """Decide which fits predict from now on; yield nothing, so that nothing is saved, if all stays as it is."""
    del failures_tolerated
    now = datetime.now(UTC)  # before anything takes time: what people decide meanwhile is later, and counts
    there = fits_there(fits_before, set(training_results["fit_run_id"].dropna()))
    decided = decide_champions(training_results, champions_before, there, now=now)
    counts = ", ".join(f"{n} {decision}" for decision, n in decided["decision"].value_counts().items())
    logger.info("champions: %s", counts or "nothing changes")
    if len(decided):
        yield decided
