"""Aggregates of an entity's rows."""

from typing import ClassVar

from featuretools.primitives import AggregationPrimitive
from woodwork.column_schema import ColumnSchema

from distributed_automl.scenario.primitives._base import CATEGORY, DOUBLE, INDEX, NUMERIC, one_of

ENTITY_STATISTICS = ("count", "mean", "std", "min", "max", "nunique")


class EntityStatistic(AggregationPrimitive):  # type: ignore[misc]
    """A statistic of an entity's rows: `count`, `mean`, `std` (sample), `min`, `max` or `nunique`; nulls do not count.

    Pandas gets the statistic by name. Featuretools' own primitives pass numpy functions, which pandas deprecates.
    """

    name = "entity_statistic"
    input_types: ClassVar[list[list[ColumnSchema]]] = [[NUMERIC], [CATEGORY], [INDEX]]
    return_type = DOUBLE

    def __init__(self, statistic: str = "mean") -> None:
        self.statistic = one_of("statistic", statistic, ENTITY_STATISTICS)

    def get_function(self) -> str:
        """Return pandas' name of the statistic."""
        return self.statistic
