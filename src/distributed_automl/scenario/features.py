"""Single featuretools features: made from a primitive, named, put in order, written and read."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import featuretools as ft

from distributed_automl.scenario.design import Kind, Kinds

Feature = Any
"""A featuretools feature; the library has no types."""


def in_order(raw: Sequence[Feature], derived: Iterable[Feature], cap: int, kinds: Kinds) -> list[Feature]:
    """Put features in order, each name once and none that is a column of the table, and cut the derived ones."""
    by_name: dict[str, Feature] = {}
    for feature in derived:
        by_name.setdefault(feature.get_name(), feature)
    taken = {*kinds, *(feature.get_name() for feature in raw)}
    kept = []
    for feature in list(by_name.values())[:cap]:
        name = feature.get_name()
        while name in taken:
            name += "_"
        taken.add(name)
        kept.append(feature.rename(name))
    return [*raw, *kept]


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


@lru_cache(maxsize=32)
def loaded(definitions: str) -> tuple[Feature, ...]:
    return tuple(ft.load_features(definitions)) if definitions else ()
