"""What a prediction is asked for: the origin, the rows without a target after it, and whether they can be answered."""

import logging
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, FractionalType, IntegralType

from distributed_automl.errors import RunError, TableError
from distributed_automl.fleet.scenario_ids import POOL_COL, SCENARIO_COL, quoted, require_one_pool
from distributed_automl.parameters import Prediction, Problem

logger = logging.getLogger(__name__)

Origin: TypeAlias = "pd.Timestamp | int | None"
_N_NAMED = 10
"""Rows that an error names."""


@dataclass(frozen=True)
class Asked:
    """The question.

    Attributes:
        origin: last timestamp that may be known; None in tabular tasks.
        scenarios: one row per scenario with rows asked for: scenario_id, pool_id, n_rows (history too), n_asked.
    """

    origin: Origin
    scenarios: pd.DataFrame

    @property
    def n_asked(self) -> int:
        return int(self.scenarios["n_asked"].sum())


def read_question(frame: DataFrame, problem: Problem, prediction: Prediction) -> Asked:
    """Find what is asked, and refuse what cannot be answered before anything is predicted.

    Args:
        frame: master_df_predict with SCENARIO_COL and POOL_COL.
        problem: the use case.
        prediction: may fix the origin.

    Raises:
        RunError: nothing is asked for, there is no origin, or a row lies beyond the horizon.
        TableError: a key or timestamp is null, a row is asked for twice, or `pool_by` varies inside a scenario.
    """
    _refuse_nulls(frame, problem)
    origin = find_origin(frame, problem, prediction)
    asked = is_asked(frame, problem, origin)
    found = _scenarios(frame, problem, asked)
    scenarios = found[found["n_asked"] > 0].reset_index(drop=True)
    _warn_of_unknown_futures(scenarios, problem)
    _warn_of_early_ends(found[found["n_asked"] == 0], problem, origin)
    if scenarios.empty:
        raise RunError(f"no row is asked for: '{problem.target}' is known everywhere {_after(problem, origin)}")
    require_one_pool(scenarios, problem)
    wanted = frame.where(asked)
    _refuse_doubles(wanted, problem)
    if problem.is_forecasting:
        _refuse_beyond_horizon(wanted, problem, origin)
    return Asked(origin, scenarios[["scenario_id", "pool_id", "n_rows", "n_asked"]])


def _after(problem: Problem, origin: Origin) -> str:
    return f"after the origin {origin} ({problem.timestamp})" if problem.is_forecasting else "in master_df_predict"


def unknown(frame: DataFrame, problem: Problem) -> Column:
    """Return which rows have no target: null or NaN."""
    return _is_missing(frame, problem.target)


def _is_missing(frame: DataFrame, name: str) -> Column:
    """Return where a column is null or NaN."""
    column, kind = quoted(name), frame.schema[name].dataType
    is_float = isinstance(kind, FractionalType) and kind.typeName() in ("float", "double")
    return column.isNull() | F.isnan(column) if is_float else column.isNull()


def is_asked(frame: DataFrame, problem: Problem, origin: Origin) -> Column:
    """Return which rows are asked for."""
    if not problem.is_forecasting:
        return unknown(frame, problem)
    return unknown(frame, problem) & (_timestamp(problem) > origin_column(frame, problem, origin))


def origin_column(frame: DataFrame, problem: Problem, origin: Origin) -> Column:
    """Return the origin as a column of the timestamp's own type; a null string in tabular tasks."""
    if problem.timestamp is None or origin is None:
        return F.lit(None).cast("string")
    kind = frame.schema[problem.timestamp].dataType
    return F.lit(int(origin) if isinstance(origin, int) else str(origin)).cast(kind)


def find_origin(frame: DataFrame, problem: Problem, prediction: Prediction) -> Origin:
    """Return `prediction.origin`, else the latest timestamp with any target."""
    if not problem.is_forecasting or problem.timestamp is None:
        return None
    kind = frame.schema[problem.timestamp].dataType
    if prediction.origin is not None:
        return given_origin(prediction.origin, kind)
    known = frame.where(~unknown(frame, problem))
    # as text: a Python timestamp would be in this machine's time zone, the text is in the session's, as the rows are
    latest = known.agg(F.max(_timestamp(problem)).cast("string").alias("origin")).first()
    if latest is None or latest["origin"] is None:
        raise RunError(
            f"no row of master_df_predict has a target ('{problem.target}'), so there is no origin to predict from: "
            "add the history, or set prediction.origin"
        )
    return _as_origin(latest["origin"], kind)


def given_origin(origin: str | int, kind: DataType) -> Origin:
    """Return `prediction.origin` as a timestamp of the table's kind."""
    if isinstance(kind, IntegralType) != isinstance(origin, int):
        raise RunError(f"prediction.origin {origin!r} does not fit a timestamp column of type {kind.simpleString()}")
    try:
        return _as_origin(origin, kind)
    except ValueError as error:
        raise RunError(
            f"prediction.origin {origin!r} is not a date: write it as 2017-12-03 or 2017-12-03 06:00"
        ) from error


def _as_origin(value: Any, kind: DataType) -> Origin:
    return int(value) if isinstance(kind, IntegralType) else pd.Timestamp(value)


def _timestamp(problem: Problem) -> Column:
    assert problem.timestamp is not None  # the parameters require it in forecasting
    return quoted(problem.timestamp)


def _scenarios(frame: DataFrame, problem: Problem, asked: Column) -> pd.DataFrame:
    """Return one row per scenario with rows asked for, or without a target after its own last one, sorted by id."""
    counted = frame.groupBy(F.col(SCENARIO_COL).alias("scenario_id")).agg(
        F.min(POOL_COL).alias("pool_id"),
        F.max(POOL_COL).alias("other_pool_id"),
        F.count(F.lit(1)).alias("n_rows"),
        F.count_if(asked).alias("n_asked"),
        F.count_if(asked & _lacks_known(frame, problem)).alias("n_lacking"),
        _ends_early(frame, problem).alias("ends_early"),
    )
    return counted.where("n_asked > 0 or ends_early").toPandas().sort_values("scenario_id", ignore_index=True)


def _ends_early(frame: DataFrame, problem: Problem) -> Column:
    """Return whether a scenario has a row without a target after its own last one with a target, as an aggregate."""
    if not problem.is_forecasting:
        return F.lit(False)
    is_unknown, timestamp = unknown(frame, problem), _timestamp(problem)
    return F.max(F.when(is_unknown, timestamp)) > F.max(F.when(~is_unknown, timestamp))


def _lacks_known(frame: DataFrame, problem: Problem) -> Column:
    """Return which rows have a null or NaN where the future is said to be known."""
    return reduce(Column.__or__, (_is_missing(frame, name) for name in problem.known_in_advance), F.lit(False))


def _warn_of_unknown_futures(scenarios: pd.DataFrame, problem: Problem) -> None:
    """Say how many rows are asked for without what is known in advance: they are predicted as if nobody knew it."""
    lacking = scenarios[scenarios["n_lacking"] > 0]
    if len(lacking):
        logger.warning(
            "%d of %d rows asked for have a null in %s, whose future values are `known_in_advance`: they are predicted "
            "without, in %d scenarios, e.g. %s. Fill them in master_df_predict where they are known",
            lacking["n_lacking"].sum(), scenarios["n_asked"].sum(), list(problem.known_in_advance), len(lacking),
            list(lacking["scenario_id"])[:_N_NAMED],
        )  # fmt: skip


def _warn_of_early_ends(scenarios: pd.DataFrame, problem: Problem, origin: Origin) -> None:
    """Say which scenarios get no forecast, although rows without a target follow their own last one."""
    if len(scenarios):
        logger.warning(
            "%d scenarios have rows without a target after their own history, but none after the origin %s (%s), which "
            "is one for the whole table: nothing is forecast for %s",
            len(scenarios), origin, problem.timestamp, list(scenarios["scenario_id"])[:_N_NAMED],
        )  # fmt: skip


def _refuse_nulls(frame: DataFrame, problem: Problem) -> None:
    named = [*problem.keys, problem.timestamp if problem.is_forecasting else None, problem.sample_id]
    columns = [name for name in named if name is not None]
    found = frame.agg(*(F.count_if(quoted(name).isNull()).alias(f"c{i}") for i, name in enumerate(columns))).first()
    nulls = {name: found[i] for i, name in enumerate(columns) if found is not None and found[i]}
    if nulls:
        raise TableError(f"master_df_predict has nulls where every row needs a value (column: rows): {nulls}")


def _refuse_doubles(wanted: DataFrame, problem: Problem) -> None:
    periods = [*problem.keys, str(problem.timestamp)] if problem.is_forecasting else []
    samples = [problem.sample_id] if problem.sample_id else []
    for names in filter(None, (periods, samples)):
        counted = wanted.groupBy(*map(quoted, names)).agg(F.count(F.lit(1)).alias("count"))
        doubled = counted.where("count > 1").limit(_N_NAMED).toPandas()
        if len(doubled):
            raise TableError(
                f"these rows are asked for more than once: {doubled.to_dict('records')}; "
                "(a sample is unique in its table)"
            )


def _refuse_beyond_horizon(wanted: DataFrame, problem: Problem, origin: Origin) -> None:
    from distributed_automl.scenario.calendar import steps_after

    assert problem.frequency is not None  # the parameters require it
    timestamp = _timestamp(problem)
    periods = wanted.select(timestamp.alias("timestamp")).distinct().toPandas()["timestamp"].sort_values()
    kind = wanted.schema[str(problem.timestamp)].dataType
    stamps = periods if isinstance(kind, IntegralType) else pd.to_datetime(periods)
    steps = steps_after(origin, stamps.reset_index(drop=True), problem.frequency)  # type: ignore[arg-type]
    late = periods[steps > problem.horizon]
    if late.empty:
        return
    first = F.lit(str(late.iloc[0])).cast(kind)
    rows = wanted.where(timestamp >= first).orderBy(timestamp, SCENARIO_COL)
    named = rows.select(SCENARIO_COL, timestamp.cast("string")).limit(_N_NAMED).toPandas()
    lines = [f"'{scenario}' at {stamp}" for scenario, stamp in named.itertuples(index=False)]
    raise RunError(
        f"{rows.count()} rows are asked for beyond the horizon of {problem.horizon} steps after the origin {origin}: "
        f"{'; '.join(lines)}; drop them, move the origin, or train with a longer problem.horizon"
    )
