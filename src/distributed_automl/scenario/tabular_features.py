"""Which features a tabular task learns from: the row itself, its dates, and aggregates of its entities."""

from collections.abc import Iterator, Mapping, Sequence

import featuretools as ft

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.entityset import (
    INDEX_COL,
    SAMPLES,
    empty_rows,
    empty_tables,
    entityset_of,
    frame_name,
)
from distributed_automl.scenario.features import Defined, Feature, Ranked, named, names_under, of_kind, renamed
from distributed_automl.scenario.primitives.entity import EntityStatistic
from distributed_automl.scenario.primitives.row import DatePart, Ratio

PARTS = ("year", "month", "day", "weekday", "epoch_days")


def tabular_features(
    kinds: Kinds, problem: Problem, synthesis: Synthesis, aggregates: Mapping[str, Sequence[str]]
) -> Defined:
    """Define the features of a tabular row: its own columns first, derived ones after them.

    Args:
        kinds: feature column -> kind.
        problem: the use case.
        synthesis: how many features.
        aggregates: entity -> names of its aggregates.
    """
    entityset = entityset_of(empty_rows(kinds, problem), kinds, problem, empty_tables(aggregates))
    base = {name: ft.Feature(entityset[SAMPLES].ww[name]) for name in entityset[SAMPLES].columns}
    raw = [base[name] for name in _own_columns(kinds, problem)]
    dates = [
        (1, named(DatePart(part), [base[name]], f"{name}__{part}"))
        for name in of_kind(kinds, kinds, "datetime")
        for part in PARTS
    ]
    derived = [*dates, *_entity_features(entityset, base, kinds, aggregates)]
    taken = {*kinds, *(feature.get_name() for feature in raw)}
    names, dropped = names_under(synthesis.max_features, derived, taken)
    return Defined([*raw, *renamed(derived, names)], {}, dropped)


def _entity_features(
    entityset: ft.EntitySet, base: Mapping[str, Feature], kinds: Kinds, aggregates: Mapping[str, Sequence[str]]
) -> Iterator[Ranked]:
    """Yield the entity's aggregates beside each of its rows, and the row's own numbers relative to their means."""
    for entity, names in aggregates.items():
        for name in names:
            source = ft.Feature(entityset[frame_name(entity)].ww[name])
            direct = ft.Feature(source, dataframe_name=SAMPLES).rename(name)
            yield 1, direct
            column = name.removeprefix(f"{entity}__mean_")
            if column != name and kinds.get(column) == "numeric":
                yield 1, named(Ratio(), [base[column], direct], f"{column}__to_{entity}")


def aggregates_of(entity: str, kinds: Kinds, problem: Problem) -> dict[str, Feature]:
    """Return name -> definition of an entity's aggregates; its own attributes and other keys are not aggregated."""
    entityset = entityset_of(empty_rows(kinds, problem), kinds, problem, empty_tables({entity: []}))
    parent = frame_name(entity)
    samples = entityset[SAMPLES].ww
    left_out = {*problem.entities[entity], *(columns[0] for columns in problem.entities.values())}
    columns = [name for name in kinds if name not in left_out]

    statistics = [(INDEX_COL, "count", f"{entity}__count")]
    for column in of_kind(columns, kinds, "numeric"):
        statistics += [(column, name, f"{entity}__{name}_{column}") for name in ("mean", "std")]
    for column in of_kind(columns, kinds, "categorical"):
        statistics.append((column, "nunique", f"{entity}__nunique_{column}"))
    return {
        name: ft.Feature(
            ft.Feature(samples[column]), parent_dataframe_name=parent, primitive=EntityStatistic(statistic)
        ).rename(name)
        for column, statistic, name in statistics
    }


def _own_columns(kinds: Kinds, problem: Problem) -> list[str]:
    """Return the columns that enter as they are; a number that is an entity's key only names a thing."""
    names = {columns[0] for columns in problem.entities.values() if kinds[columns[0]] == "numeric"}
    return [name for name, kind in kinds.items() if kind != "datetime" and name not in names]
