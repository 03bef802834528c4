"""What a run is set up with: the typed parameters, and the definitions that every scenario shares."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    FractionalType,
    IntegralType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from distributed_automl.parameters import AutoML, Plan, Problem, Run

if TYPE_CHECKING:
    from distributed_automl.scenario.synthesis import Definitions

_EXAMPLES: tuple[tuple[type[DataType], object], ...] = (
    (BooleanType, True),
    (IntegralType, 1),
    (DecimalType, Decimal(1)),
    (FractionalType, 1.0),
    (TimestampType, pd.Timestamp(2020, 1, 1)),
    (TimestampNTZType, pd.Timestamp(2020, 1, 1)),
    (DateType, datetime.date(2020, 1, 1)),
)


@dataclass(frozen=True)
class Setup:
    """The parameters of a training run.

    Attributes:
        problem: the use case.
        automl: how one scenario is searched.
        plan: what is trained, in which portions.
        run: how it is carried out.
    """

    problem: Problem
    automl: AutoML
    plan: Plan
    run: Run


def define_features(schema: StructType, problem: Problem, automl: AutoML) -> "Definitions":
    """Derive the definitions of all scenarios' features from the table's schema; no data is looked at."""
    from distributed_automl.scenario.calendar import season_of
    from distributed_automl.scenario.synthesis import define
    from distributed_automl.scenario.validate import kinds_of

    kinds = kinds_of(example_frame(schema), problem)
    return define(kinds, problem, automl.synthesis, season_of(problem))


def example_frame(schema: StructType) -> pd.DataFrame:
    """Return one made-up row whose pandas types are those that Spark's columns have when they reach a worker."""
    return pd.DataFrame({field.name: [_example(field.dataType)] for field in schema.fields})


def _example(kind: DataType) -> object:
    return next((example for known, example in _EXAMPLES if isinstance(kind, known)), "text")
