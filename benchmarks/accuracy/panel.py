"""What a panel is: the rows that everyone may see, the rows asked for, and what came true."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.accuracy.measures import Measure


@dataclass(frozen=True)
class Part:
    """One problem with its split: a panel is one of these, or several that are averaged.

    Attributes:
        name: of the part; the panel's name where it has only one.
        train: the rows of `master_df`.
        asked: the rows of `master_df_predict`: history, and rows asked for with a null target.
        actuals: one row per row asked for: the keys, timestamp or sample id, `actual`, and what the measure needs
            beside (`series`, `weight`, `scale`).
        problem: arguments of `Problem`.
    """

    name: str
    train: pd.DataFrame
    asked: pd.DataFrame
    actuals: pd.DataFrame
    problem: Mapping[str, Any]

    @property
    def row_keys(self) -> list[str]:
        """The columns that name a row."""
        problem = self.problem
        last = problem["timestamp"] if problem["task"] == "forecasting" else problem["sample_id"]
        return [*problem["scenario_keys"], *problem.get("series_keys", ()), last]

    @property
    def n_scenarios(self) -> int:
        return self.train.groupby(list(self.problem["scenario_keys"])).ngroups


@dataclass(frozen=True)
class Panel:
    """A name, the problem or problems, and the measure by which answers are judged.

    Attributes:
        name: of the panel.
        measure: of all rows of a part together, and of one scenario's rows; lower is better.
        known: what is known in advance, in words.
        parts: averaged with equal weights.
    """

    name: str
    measure: Measure
    known: str
    parts: Sequence[Part]

    def evaluate(self, predictions: Sequence[pd.DataFrame]) -> float:
        """Return the mean of the parts' measures; one frame per part, each with exactly its rows asked for."""
        rows = [answered(part, frame) for part, frame in zip(self.parts, predictions, strict=True)]
        return float(np.mean([self.measure.function(frame) for frame in rows]))

    def by_scenario(self, predictions: Sequence[pd.DataFrame]) -> pd.Series:
        """Return the measure of each scenario's rows; index: part and scenario keys."""
        values = {}
        for part, frame in zip(self.parts, predictions, strict=True):
            for key, rows in answered(part, frame).groupby(list(part.problem["scenario_keys"])):
                values[(part.name, *map(str, key))] = self.measure.function(rows)
        return pd.Series(values, dtype=float)


Loader = Callable[[Path, Path], Panel]
"""Told the folder of shared data and one for what is made on the way; raises FileNotFoundError without its data."""


def answered(part: Part, predictions: pd.DataFrame) -> pd.DataFrame:
    """Put predictions, which name their rows as the part does, beside actuals.

    Raises:
        ValueError: a row asked for has no prediction, or a prediction was not asked for.
        MergeError: a row has several predictions.
    """
    keys = part.row_keys
    values = _value_columns(predictions)
    rows = part.actuals.merge(predictions[[*keys, *values]], on=keys, how="left", validate="one_to_one")
    missing, found = int(rows[values[0]].isna().sum()), len(predictions)
    if missing or found != len(rows):
        raise ValueError(f"{part.name}: {len(rows)} rows asked for, {found} predictions, {missing} without one")
    return rows


def _value_columns(predictions: pd.DataFrame) -> list[str]:
    named = ("predicted_value", "probabilities")
    return [name for name in predictions if name in named or name.startswith(("lower_", "upper_"))]
