"""Single featuretools features: made from a primitive, named, put in order, written and read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import featuretools as ft

from distributed_automl.scenario.design import Kind, Kinds
from distributed_automl.scenario.primitives import entity, past, peers, row, runs

Feature = Any
"""A featuretools feature; the library has no types."""
Ranked = tuple[int, Feature]
"""A feature and its rank: the cap keeps rank 1 before rank 2, and so on, so that every column gets its share."""
PRIMITIVES = (entity, past, peers, row, runs)
"""The modules of all primitives: featuretools finds only those that are imported when it loads definitions."""

SIZED_BY: Mapping[type, int] = {
    past.PastValue: 1,
    past.PastStatistic: 1,
    past.PastExpanding: 1,
    past.PastMeanOfAlike: 1,
    peers.PeersStatistic: 2,
    row.Product: 0,
}
"""Primitive -> which of its inputs lends the feature its unit; what any other primitive makes has none."""


@dataclass(frozen=True)
class Defined:
    """The features of a problem, before they are written.

    Attributes:
        shared: columns of the table, then derived features that do not depend on a gap.
        by_gap: gap -> the derived features that do; the same names, in the same order, at every gap.
        dropped: names of the derived features that the cap left out.
    """

    shared: Sequence[Feature]
    by_gap: Mapping[int, Sequence[Feature]]
    dropped: tuple[str, ...]


def names_under(cap: int, features: Iterable[Ranked], taken: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Choose the features of the lowest ranks, at most `cap`, and name them apart from the columns of the table.

    Returns:
        Role of a kept feature -> its name, each once; roles of the features that the cap left out.
    """
    in_order = sorted(features, key=lambda ranked: ranked[0])
    roles = list(dict.fromkeys(feature.get_name() for _, feature in in_order))
    given = set(taken)
    names: dict[str, str] = {}
    for role in roles[:cap]:
        name = role
        while name in given:
            name += "_"
        given.add(name)
        names[role] = name
    return names, tuple(roles[cap:])


def renamed(features: Iterable[Ranked], names: Mapping[str, str]) -> list[Feature]:
    """Return the features whose role has a name, in the order of the names; the first of a role counts."""
    by_role: dict[str, Feature] = {}
    for _, feature in features:
        by_role.setdefault(feature.get_name(), feature)
    return [by_role[role].rename(name) for role, name in names.items() if role in by_role]


def named(primitive: Any, inputs: Sequence[Feature], name: str) -> Feature:
    return ft.Feature(list(inputs), primitive=primitive).rename(name)


def of_kind(names: Iterable[str], kinds: Kinds, kind: Kind) -> list[str]:
    return sorted({name for name in names if kinds.get(name) == kind})


def saved(features: Iterable[Feature]) -> str:
    """Write definitions the same way in every process: featuretools writes its sets of tags in any order."""
    features = list(features)
    return _sorted_json(json.loads(ft.save_features(features))) if features else ""


def _sorted_json(content: Any) -> str:
    return json.dumps(_with_sorted_tags(content), sort_keys=True)


def _with_sorted_tags(content: Any) -> Any:
    if isinstance(content, dict):
        return {
            key: sorted(value) if key == "semantic_tags" and isinstance(value, list) else _with_sorted_tags(value)
            for key, value in content.items()
        }
    return [_with_sorted_tags(item) for item in content] if isinstance(content, list) else content


def is_sized_as(feature: Feature, column: str) -> bool:
    """Return whether a feature is in units of a column: twice the column's values make twice the feature."""
    if not feature.base_features:
        return bool(feature.column_name == column)
    sized_by = SIZED_BY.get(type(feature.primitive))
    if sized_by is None or getattr(feature.primitive, "statistic", None) == "zero_share":
        return False
    return is_sized_as(feature.base_features[sized_by], column)


def tells_the_year(feature: Feature, timestamp: str | None) -> bool:
    """Return whether a feature is a part of the timestamp that takes a year to come again, or never does."""
    if not isinstance(feature.primitive, row.DatePart):
        return False
    is_long = feature.primitive.part in row.OF_THE_YEAR | row.OF_NO_CYCLE
    return is_long and feature.base_features[0].get_name() == timestamp


@lru_cache(maxsize=128)
def loaded(definitions: str) -> tuple[Feature, ...]:
    return tuple(ft.load_features(definitions)) if definitions else ()
