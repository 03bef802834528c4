"""Features, by featuretools: defined once from kinds and problem (no data), stored as JSON, computed per scenario.

Forecasting: a feature of a row looks at the target and at observed columns at least a gap before the row. With a gap
of the horizon, every step of it can be predicted with what is known at the origin; the first steps may see fresher
values, so that features are defined for the ends of some blocks of the horizon too. Columns that are known in advance
and static ones enter as they are. Tabular: a feature looks at its own row, and at aggregates of entities that were
learned from training rows.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import featuretools as ft
import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.design import Design, IntArray, Kinds, Samples, Teacher
from distributed_automl.scenario.entityset import ENTITY_COL, entityset_of, row_frame
from distributed_automl.scenario.features import Feature, is_sized_as, loaded, saved, tells_the_year
from distributed_automl.scenario.forecasting_features import forecasting_features
from distributed_automl.scenario.tabular_features import aggregates_of, tabular_features


@dataclass(frozen=True)
class Definitions:
    """What is computed for each row, derived once per problem and stored with every model.

    Attributes:
        kinds: feature column of the master table -> its kind.
        features: definitions of the row features that do not depend on a gap, as `featuretools.save_features` writes
            them.
        by_gap: forecasting: gap -> definitions of the features that see nothing younger than the gap, in the same
            form. A feature has the same name at every gap. The last gap is the horizon.
        entities: tabular tasks: entity -> definitions of its aggregates over the samples, in the same form.
        dropped: names of the features that `synthesis.max_features` left out.
    """

    kinds: Kinds
    features: str
    by_gap: Mapping[int, str] = field(default_factory=dict)
    entities: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    @property
    def gaps(self) -> tuple[int, ...]:
        """The gaps that features are defined for, ascending, the last is the horizon; none in tabular tasks."""
        return tuple(sorted(self.by_gap))

    @property
    def n_defined(self) -> int:
        """How many features there are, those included that the cap left out."""
        return len(self.row_features()) + self.n_dropped

    @property
    def n_dropped(self) -> int:
        """How many features the cap left out."""
        return len(self.dropped)

    def summary(self) -> str:
        """Return how many features there are, and which the cap left out, in one line for the log."""
        text = f"{self.n_defined} features defined"
        if not self.dropped:
            return text
        return f"{text}; `synthesis.max_features` left out {self.n_dropped}: {', '.join(self.dropped)}"

    def target_sized(self, target: str) -> frozenset[str]:
        """Return the names of the features that are in units of the target."""
        return frozenset(one.get_name() for one in self.row_features() if is_sized_as(one, target))

    def of_the_year(self, timestamp: str | None) -> frozenset[str]:
        """Return the names of the features that say where in the year, or in which one, a timestamp lies."""
        return frozenset(one.get_name() for one in self.row_features() if tells_the_year(one, timestamp))

    def load(self) -> None:
        """Load all definitions, so that children of this process need not."""
        for definitions in (self.features, *self.by_gap.values(), *self.entities.values()):
            loaded(definitions)

    def row_features(self, gap: int | None = None) -> tuple[Feature, ...]:
        """Return the loaded features of a row at a gap; None: the horizon.

        Raises:
            ValueError: nothing is defined for this gap.
        """
        if gap is None and not self.gaps:
            return loaded(self.features)
        return loaded(self.features) + self.past_features(self.gaps[-1] if gap is None else gap)

    def past_features(self, gap: int) -> tuple[Feature, ...]:
        """Return the loaded features that see nothing younger than a gap.

        Raises:
            ValueError: nothing is defined for this gap.
        """
        if gap not in self.by_gap:
            raise ValueError(f"no features are defined for a gap of {gap}: expected one of {list(self.gaps)}")
        return loaded(self.by_gap[gap])

    @property
    def digest(self) -> str:
        """SHA-256 of everything above; the same in every process."""
        return hashlib.sha256(json.dumps(self.to_parts(), sort_keys=True).encode()).hexdigest()

    def to_parts(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "kinds": dict(self.kinds),
            "features": self.features,
            "by_gap": {str(gap): self.by_gap[gap] for gap in self.gaps},
            "entities": dict(self.entities),
            "dropped": list(self.dropped),
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`."""
        return cls(
            kinds=parts["kinds"],
            features=parts["features"],
            by_gap={int(gap): features for gap, features in parts["by_gap"].items()},
            entities=parts["entities"],
            dropped=tuple(parts["dropped"]),
        )


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
        defined = forecasting_features(kinds, problem, synthesis, season)
        by_gap = {gap: saved(features) for gap, features in defined.by_gap.items()}
        return Definitions(kinds, saved(defined.shared), by_gap=by_gap, dropped=defined.dropped)
    aggregates = {name: aggregates_of(name, kinds, problem) for name in sorted(problem.entities)}
    defined = tabular_features(kinds, problem, synthesis, {name: list(a) for name, a in aggregates.items()})
    entities = {name: saved(a.values()) for name, a in aggregates.items()}
    return Definitions(kinds, saved(defined.shared), entities=entities, dropped=defined.dropped)


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


def synthesize(
    samples: Samples, definitions: Definitions, entities: EntityTables, *, gap: int | None = None
) -> pd.DataFrame:
    """Compute the features of every row.

    Args:
        samples: canonical rows, with future rows (target NaN) if there are any.
        definitions: from `define`.
        entities: from `learn_entities`.
        gap: forecasting: periods, one of `definitions.gaps`; nothing younger is seen of the target and of observed
            columns. None: the horizon.

    Returns:
        Shape (n_samples, n_features), index of `samples.frame`, columns in the definitions' order, which is the same
        at every gap: float64 (NaN is missing, never infinite) or object (str or None).

    Raises:
        ValueError: nothing is defined for this gap.
    """
    return _computed(definitions.row_features(gap), samples, definitions, entities)


@dataclass(frozen=True)
class FeaturesByGap:
    """The features of some samples at the gaps of their definitions, each computed when it is asked for, and once.

    Attributes:
        samples: whose features are kept.
        definitions: from `define`.
        entities: from `learn_entities`.
        X: the samples' features at the horizon; what does not depend on a gap is taken from there.
    """

    samples: Samples
    definitions: Definitions
    entities: EntityTables
    X: pd.DataFrame = field(repr=False)
    _kept: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def gaps(self) -> tuple[int, ...]:
        """Gaps that features are defined for, ascending; the last is the horizon."""
        return self.definitions.gaps

    def at(self, samples: Samples, gap: int) -> pd.DataFrame:
        """Return the features of samples at a gap; only those of `self.samples` are kept."""
        if samples is not self.samples:
            return synthesize(samples, self.definitions, self.entities, gap=gap)
        if gap not in self._kept:
            past = _computed(self.definitions.past_features(gap), samples, self.definitions, self.entities)
            self._kept[gap] = pd.concat([self.X.drop(columns=past.columns), past], axis=1)
        return self._kept[gap]


def design_of(
    samples: Samples, definitions: Definitions, entities: EntityTables, *, pooled: Teacher | None = None
) -> Design:
    """Return what candidates learn from and predict with.

    Args:
        samples: canonical rows.
        definitions: from `define`.
        entities: from `learn_entities`.
        pooled: what similar scenarios teach.
    """
    X = synthesize(samples, definitions, entities)
    return Design(
        samples,
        X,
        pooled,
        fresher=FeaturesByGap(samples, definitions, entities, X),
        target_sized=definitions.target_sized(samples.problem.target),
        of_the_year=definitions.of_the_year(samples.problem.timestamp),
    )


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


def _computed(
    features: Sequence[Feature], samples: Samples, definitions: Definitions, entities: EntityTables
) -> pd.DataFrame:
    """Compute some features of every row; see synthesize."""
    if not features:
        return pd.DataFrame(index=samples.frame.index)
    rows = row_frame(samples.frame, definitions.kinds, samples.problem)
    entityset = entityset_of(rows, definitions.kinds, samples.problem, entities.tables)
    matrix = ft.calculate_feature_matrix(list(features), entityset, n_jobs=1)
    columns = {f.get_name(): _column(matrix[f.get_name()], categorical=_is_category(f)) for f in features}
    return pd.DataFrame(columns, index=samples.frame.index)


def _is_category(feature: Feature) -> bool:
    return bool(feature.column_schema.is_categorical)


def _column(values: pd.Series, *, categorical: bool) -> npt.NDArray[Any]:
    """Return float64, or object of str and None."""
    if categorical:
        texts = np.asarray(values, dtype=object)
        texts[values.isna().to_numpy()] = None
        return texts
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
