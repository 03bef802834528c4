"""Features, by featuretools: defined once from kinds and problem (no data), stored as JSON, computed per scenario.

Forecasting: a feature of a row looks at the target and at observed columns at least a horizon before the row, so that
every step of the horizon can be predicted with what is known at the origin. Columns that are known in advance and
static ones enter as they are. Tabular: a feature looks at its own row, and at aggregates of entities that were learned
from training rows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import featuretools as ft
import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.design import IntArray, Kinds, Samples
from distributed_automl.scenario.entityset import ENTITY_COL, entityset_of, row_frame
from distributed_automl.scenario.features import Feature, loaded, saved
from distributed_automl.scenario.forecasting_features import forecasting_features
from distributed_automl.scenario.tabular_features import aggregates_of, tabular_features


@dataclass(frozen=True)
class Definitions:
    """What is computed for each row, derived once per problem and stored with every model.

    Attributes:
        kinds: feature column of the master table -> its kind.
        features: definitions of the row features, as `featuretools.save_features` writes them.
        entities: tabular tasks: entity -> definitions of its aggregates over the samples, in the same form.
    """

    kinds: Kinds
    features: str
    entities: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of everything above; the same in every process."""
        return hashlib.sha256(json.dumps(self.to_parts(), sort_keys=True).encode()).hexdigest()

    def to_parts(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"kinds": dict(self.kinds), "features": self.features, "entities": dict(self.entities)}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(kinds=parts["kinds"], features=parts["features"], entities=parts["entities"])


@dataclass(frozen=True)
class EntityTables:
    """What was learned about entities from training rows.

    Attributes:
        tables: entity -> frame indexed by the key (str), one float64 column per aggregate.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything was learned at all."""
        return bool(self.tables)

    def to_parts(self) -> dict[str, Any]:
        """Return plain parts: JSON values and float64 arrays of shape (n_keys, n_aggregates)."""
        return {
            name: {"keys": list(table.index), "columns": list(table.columns), "values": table.to_numpy()}
            for name, table in self.tables.items()
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(
            {
                name: pd.DataFrame(part["values"], index=pd.Index(part["keys"], dtype=object), columns=part["columns"])
                for name, part in parts.items()
            }
        )


def define(kinds: Kinds, problem: Problem, synthesis: Synthesis, season: int) -> Definitions:
    """Derive the definitions from schema and problem alone.

    Args:
        kinds: feature column -> kind.
        problem: the use case.
        synthesis: which lags and windows, and how many features.
        season: steps of the season; 1 is none.

    Raises:
        TableError: an entity's columns are not features of the table, or its key is not known in advance.
    """
    _check_entities(kinds, problem)
    kinds = dict(sorted(kinds.items()))
    if problem.is_forecasting:
        return Definitions(kinds, saved(forecasting_features(kinds, problem, synthesis, season)))
    aggregates = {name: aggregates_of(name, kinds, problem) for name in sorted(problem.entities)}
    features = tabular_features(kinds, problem, synthesis, {name: list(a) for name, a in aggregates.items()})
    return Definitions(kinds, saved(features), {name: saved(a.values()) for name, a in aggregates.items()})


def learn_entities(samples: Samples, definitions: Definitions, rows: IntArray) -> EntityTables:
    """Aggregate entities over some rows; nothing of any other row gets in.

    Args:
        samples: canonical rows.
        definitions: from `define`.
        rows: positions of the training rows.

    Returns:
        One table per entity; none in forecasting.
    """
    frame = samples.frame.iloc[np.sort(rows)]
    return EntityTables({name: _aggregated(name, frame, definitions, samples.problem) for name in definitions.entities})


def synthesize(samples: Samples, definitions: Definitions, entities: EntityTables) -> pd.DataFrame:
    """Compute the features of every row.

    Args:
        samples: canonical rows, with future rows (target NaN) if there are any.
        definitions: from `define`.
        entities: from `learn_entities`.

    Returns:
        Shape (n_samples, n_features), index of `samples.frame`, columns in the definitions' order: float64 (NaN is
        missing, never infinite) or object (str or None).
    """
    features = loaded(definitions.features)
    if not features:
        return pd.DataFrame(index=samples.frame.index)
    rows = row_frame(samples.frame, definitions.kinds, samples.problem)
    entityset = entityset_of(rows, definitions.kinds, samples.problem, entities.tables)
    matrix = ft.calculate_feature_matrix(list(features), entityset, n_jobs=1)
    columns = {f.get_name(): _column(matrix[f.get_name()], categorical=_is_category(f)) for f in features}
    return pd.DataFrame(columns, index=samples.frame.index)


def _check_entities(kinds: Kinds, problem: Problem) -> None:
    for entity, columns in problem.entities.items():
        for name in columns:
            if name not in kinds and name not in problem.series_keys:
                raise TableError(
                    f"entity '{entity}': expected a feature column of the table, found '{name}'; "
                    f"name one of {sorted(kinds)} or take the entity out of `problem.entities`"
                )
        given = {*problem.series_keys, *problem.static, *problem.known_in_advance}
        if problem.is_forecasting and columns[0] not in given:
            raise TableError(
                f"entity '{entity}': the key '{columns[0]}' must be known for future rows; list it in "
                "`problem.static`, `problem.known_in_advance` or `problem.series_keys`"
            )


def _aggregated(entity: str, frame: pd.DataFrame, definitions: Definitions, problem: Problem) -> pd.DataFrame:
    """Compute one entity's table from the rows of `frame`."""
    features = loaded(definitions.entities[entity])
    names = [feature.get_name() for feature in features]
    rows = row_frame(frame, definitions.kinds, problem)
    keys = pd.Index(sorted(rows[ENTITY_COL + entity].dropna().unique()), dtype=object)
    if keys.empty:
        return pd.DataFrame(columns=names, index=keys, dtype=np.float64)
    entityset = entityset_of(rows, definitions.kinds, problem, {entity: pd.DataFrame(index=keys)})
    matrix = ft.calculate_feature_matrix(list(features), entityset, n_jobs=1)
    table = {name: matrix[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in names}
    return pd.DataFrame(table, index=pd.Index(matrix.index.astype(object))).loc[keys]


def _is_category(feature: Feature) -> bool:
    return bool(feature.column_schema.is_categorical)


def _column(values: pd.Series, *, categorical: bool) -> npt.NDArray[Any]:
    """Return float64, or object of str and None."""
    if categorical:
        texts = np.asarray(values, dtype=object)
        texts[values.isna().to_numpy()] = None
        return texts
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
