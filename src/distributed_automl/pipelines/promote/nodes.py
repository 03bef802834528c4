"""Nodes of promotion."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
from pyspark.sql import DataFrame

from distributed_automl.monitoring.promotion import RESULT_COLUMNS, decide_champions, fits_there, recent

logger = logging.getLogger(__name__)


def promote(
    training_results: DataFrame,
    champions_before: DataFrame,
    fits_before: DataFrame,
    failures_tolerated: bool = True,
) -> Iterator[pd.DataFrame]:
    """Decide which fits predict from now on; yield nothing, so that nothing is saved, if all stays as it is."""
    del failures_tolerated
    now = datetime.now(UTC)  # before anything takes time: what people decide meanwhile is later, and counts
    fitted = training_results.select(*RESULT_COLUMNS).toPandas()
    there = fits_there(fits_before, set(fitted["fit_run_id"].dropna()))
    decided = decide_champions(fitted, recent(champions_before), there, now=now)
    counts = ", ".join(f"{n} {decision}" for decision, n in decided["decision"].value_counts().items())
    logger.info("champions: %s", counts or "nothing changes")
    if len(decided):
        yield decided
