"""What a run is set up with: the typed parameters, and the definitions that every scenario shares."""

import datetime
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

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
    from distributed_automl.scenario.portfolio import Portfolio
    from distributed_automl.scenario.synthesis import Definitions

logger = logging.getLogger(__name__)

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
        portfolio: the fleet's own; None: the general one.
    """

    problem: Problem
    automl: AutoML
    plan: Plan
    run: Run
    portfolio: "Portfolio | None" = None

    def portfolio_in_use(self) -> "Portfolio":
        """Return the portfolio that searches start from; one that says nothing where none is wanted."""
        from distributed_automl.scenario.portfolio import portfolio_in_use

        return portfolio_in_use(self.automl.tuning, self.portfolio)


def read_portfolio(saved: Mapping[str, Any]) -> "Portfolio":
    """Return the fleet's own portfolio, or the general one if nothing was saved."""
    from distributed_automl.scenario.portfolio import portfolio_of

    portfolio = portfolio_of(saved)
    logger.info("portfolio %s: %s", portfolio.digest[:12], "the fleet's own" if saved else "the general one")
    return portfolio


def define_features(schema: StructType, problem: Problem, automl: AutoML) -> "Definitions":
    """Derive the definitions of all scenarios' features from the table's schema; no data is looked at."""
    from distributed_automl.scenario.fit import definitions_of

    return definitions_of(example_frame(schema), problem, automl)


def example_frame(schema: StructType) -> pd.DataFrame:
    """Return one made-up row whose pandas types are those that Spark's columns have when they reach a worker."""
    return pd.DataFrame({field.name: [_example(field.dataType)] for field in schema.fields})


def _example(kind: DataType) -> object:
    return next((example for known, example in _EXAMPLES if isinstance(kind, known)), "text")
