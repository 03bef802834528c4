"""One candidate over the rows of many scenarios: fitted on all of them at once, or once per group of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from distributed_automl.scenario.design import Design, FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts, mean_of
from distributed_automl.scenario.members import member_from, member_parts

MAX_GROUPS = 40
MIN_GROUP_ROWS = 500
"""Rows of a group on average, below which a grouping teaches too little."""
MAX_GROUPINGS = 3


@dataclass(frozen=True)
class FittedGrouped(Fitted):
    """What was fitted of each group.

    Attributes:
        column: of the canonical frame, whose values are the groups; None: all rows are one.
        groups: value of the column -> what was fitted on its rows.
    """

    candidate = "grouped"

    column: str | None
    groups: Mapping[str, Fitted]

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        """Predict each row with its group's model; a row of an unknown group gets the mean of all models."""
        if not len(rows):
            return next(iter(self.groups.values())).predict(design, history, rows)
        values = group_values(design.samples, self.column)[rows]
        by_group: dict[str | None, list[int]] = {}
        for place, value in enumerate(values.tolist()):
            by_group.setdefault(value if value in self.groups else None, []).append(place)
        predicted = []
        for value, places in by_group.items():
            models = [self.groups[value]] if value is not None else list(self.groups.values())
            predicted.append(mean_of([one.predict(design, history, rows[places]) for one in models]))
        order = np.argsort([place for places in by_group.values() for place in places])
        return np.asarray(np.concatenate(predicted)[order])

    def to_parts(self) -> Parts:
        return {"column": self.column, "groups": {name: member_parts(one) for name, one in self.groups.items()}}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(parts["column"], {name: member_from(one) for name, one in parts["groups"].items()})


class Grouped(Candidate):
    """A candidate with one configuration, fitted once per group."""

    def __init__(
        self, candidate: Candidate, column: str | None, hyperparameters: Hyperparameters, *, of: str | None = None
    ) -> None:
        """Keep what is fitted.

        Args:
            candidate: the family.
            column: of the canonical frame, whose values are the groups; None: all rows are one.
            hyperparameters: the same for all groups.
            of: what its name says that is learned; None: the transform of the target.
        """
        self.candidate, self.column, self.hyperparameters = candidate, column, hyperparameters
        self.tasks = candidate.tasks
        transform = hyperparameters.get("target_transform", "none")
        learned = f" of {of or transform}" if of or transform != "none" else ""
        median = " at the median" if hyperparameters.get("loss") == "l1" else ""
        by = f" by {column}" if column else ""
        self.name = f"{candidate.name}{learned}{median}{by}"

    def defaults(self, design: Design) -> Hyperparameters:
        return self.hyperparameters

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> FittedGrouped:
        values = group_values(design.samples, self.column)[rows]
        groups = {
            str(value): self.candidate.fit(
                design, rows[values == value], columns=columns, hyperparameters=hyperparameters, seed=seed
            )
            for value in sorted(set(values.tolist()))
        }
        return FittedGrouped(self.column, groups)


def group_values(samples: Samples, column: str | None) -> npt.NDArray[np.object_]:
    """Return the group of every sample as str; "" where it is missing or there is no column. Shape (n_samples,)."""
    if column is None:
        return np.full(len(samples), "", dtype=object)
    values = samples.frame[column]
    return np.where(values.isna(), "", values.astype(object).astype(str)).astype(object)


def groupings(samples: Samples) -> list[str]:
    """Return the columns whose values group the rows of many scenarios into resembling ones, at most MAX_GROUPINGS.

    Scenario keys where there are several, series keys, then static categories; each with a few groups of enough rows.
    """
    problem = samples.problem
    keys = [*(problem.scenario_keys if len(problem.scenario_keys) > 1 else ()), *problem.series_keys]
    static = [name for name in problem.static if samples.kinds.get(name) == "categorical"]
    found: list[str] = []
    partitions: set[bytes] = set()
    for column in [*keys, *static]:
        codes, groups = np.unique(group_values(samples, column), return_inverse=True)[::-1]
        few = 2 <= len(groups) <= min(MAX_GROUPS, len(samples) // MIN_GROUP_ROWS)
        if few and codes.tobytes() not in partitions:
            partitions.add(codes.tobytes())
            found.append(column)
    return found[:MAX_GROUPINGS]
