"""The rows of a scenario as featuretools gets them: typed without guessing, with codes and keys beside the columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import featuretools as ft
import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import SERIES_COL, Kind, Kinds

SAMPLES = "samples"
INDEX_COL = "__index__"
CODE_COL = "__code__"
PERIOD_COL = "__period__"
ENTITY_COL = "__entity__"
_LOGICAL_TYPES: Mapping[Kind, str] = {"numeric": "Double", "categorical": "Categorical", "datetime": "Datetime"}
_DTYPES: Mapping[Kind, str] = {"numeric": "float64", "categorical": "object", "datetime": "datetime64[ns]"}


def row_frame(frame: pd.DataFrame, kinds: Kinds, problem: Problem) -> pd.DataFrame:
    """Return the rows as featuretools gets them: an index, codes and keys beside the canonical columns."""
    rows = frame[list(kinds)].reset_index(drop=True)
    added: dict[str, Any] = {INDEX_COL: np.arange(len(frame))}
    if problem.is_forecasting:
        timestamps = frame[str(problem.timestamp)].to_numpy()
        added |= {
            str(problem.timestamp): timestamps,
            problem.target: frame[problem.target].to_numpy(),
            CODE_COL: pd.factorize(frame[SERIES_COL])[0].astype(np.int64),
            PERIOD_COL: np.unique(timestamps, return_inverse=True)[1].astype(np.int64),
            **{name: frame[name].to_numpy() for name in problem.series_keys},
            **{group_col(group): _group_codes(group, frame, problem) for group in peer_groups(problem)},
        }
    else:
        for entity, columns in problem.entities.items():
            added[ENTITY_COL + entity] = _entity_keys(frame[columns[0]]).to_numpy()
    return pd.concat([rows, pd.DataFrame(added)], axis=1)


def _logical_types(rows: pd.DataFrame, kinds: Kinds, problem: Problem) -> dict[str, str]:
    types = dict.fromkeys(rows.columns, "Integer")
    types |= {name: _LOGICAL_TYPES[kind] for name, kind in kinds.items()}
    types |= {name: "Categorical" for name in rows.columns if name.startswith(ENTITY_COL)}
    if problem.is_forecasting:
        types |= dict.fromkeys(problem.series_keys, "Categorical")
        types[problem.target] = "Double"
        types[str(problem.timestamp)] = "Datetime" if is_dated(problem) else "Integer"
    return types


def entityset_of(
    rows: pd.DataFrame, kinds: Kinds, problem: Problem, tables: Mapping[str, pd.DataFrame]
) -> ft.EntitySet:
    """Wrap rows, and the tables of entities above them. No time index: featuretools would drop rows of the future."""
    entityset = ft.EntitySet("scenario")
    types = _logical_types(rows, kinds, problem)
    entityset.add_dataframe(dataframe_name=SAMPLES, dataframe=rows, index=INDEX_COL, logical_types=types)
    for entity, table in tables.items():
        key = ENTITY_COL + entity
        frame = table.reset_index(names=key)
        types = {key: "Categorical"} | dict.fromkeys(table.columns, "Double")
        entityset.add_dataframe(dataframe_name=frame_name(entity), dataframe=frame, index=key, logical_types=types)
        entityset.add_relationship(frame_name(entity), key, SAMPLES, key)
    return entityset


def empty_rows(kinds: Kinds, problem: Problem) -> pd.DataFrame:
    """Return no rows with the columns and types of canonical ones: the schema that definitions are made from."""
    dtypes = {name: _DTYPES[kind] for name, kind in kinds.items()}
    dtypes |= dict.fromkeys((*problem.keys, SERIES_COL), "object")
    if problem.is_forecasting:
        dtypes[problem.target] = "float64"
        dtypes[str(problem.timestamp)] = "datetime64[ns]" if is_dated(problem) else "int64"
    return row_frame(pd.DataFrame(columns=list(dtypes)).astype(dtypes), kinds, problem)


def empty_tables(aggregates: Mapping[str, Sequence[str]]) -> dict[str, pd.DataFrame]:
    index = pd.Index([], dtype=object)
    return {name: pd.DataFrame(columns=list(a), index=index, dtype=np.float64) for name, a in aggregates.items()}


def frame_name(entity: str) -> str:
    return f"entity {entity}"


def _entity_keys(column: pd.Series) -> pd.Series:
    """Return the keys as str, None where they are missing."""
    return pd.Series([None if pd.isna(key) else str(key) for key in column], dtype=object)


def peer_groups(problem: Problem) -> list[str]:
    """Return the groups whose series are averaged: the scenario if it has several series, and each entity in it."""
    return sorted({*(["scenario"] if problem.series_keys else []), *problem.entities})


def group_col(group: str) -> str:
    return f"__group__{group}"


def _group_codes(group: str, frame: pd.DataFrame, problem: Problem) -> npt.NDArray[np.int64]:
    """Number the groups of the rows, -1 where an entity's key is missing; scenarios pooled in a frame stay apart."""
    keys = list(problem.scenario_keys)
    entity = [problem.entities[group][0]] if group in problem.entities else []
    codes = frame.groupby([*keys, *entity]).ngroup()
    return np.asarray(codes, dtype=np.int64)


def is_dated(problem: Problem) -> bool:
    return problem.timestamp is not None and not isinstance(problem.frequency, int)
