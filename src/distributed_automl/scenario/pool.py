"""The pooled model: a committee that learned from the rows of all scenarios that resemble each other, in vintages.

A vintage is that committee fitted on what was known at one point: before each fold, before the holdout, on everything.
Inside a scenario's fold only a vintage that knows nothing of the rows to be judged may compete, so that the pool's
out-of-fold predictions are as honest as any candidate's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

import pandas as pd

from distributed_automl.errors import ScenarioSkipped, TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import value_of
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.classes import classes_of
from distributed_automl.scenario.columns import beyond_scale
from distributed_automl.scenario.committee import Committee
from distributed_automl.scenario.design import SERIES_COL, Samples, Split, Timestamp
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.intervals import Calibration, Shape
from distributed_automl.scenario.members import (
    AnyCalibration,
    calibration_from,
    calibration_parts,
    member_from,
    member_parts,
    require_format,
)
from distributed_automl.scenario.serialize import pack, unpack
from distributed_automl.scenario.shift import Shift
from distributed_automl.scenario.synthesis import Definitions, EntityTables

FORMAT = "pool"
FINAL = "final"
"""Name of the vintage that knows everything."""


@dataclass(frozen=True)
class Vintage:
    """The pool's committee, fitted on what was known at one point.

    Attributes:
        name: of the split whose validation rows it knows nothing of, or FINAL.
        cutoff: last timestamp it knows of; None in tabular tasks.
        fitted: the committee.
    """

    name: str
    cutoff: Timestamp | None
    fitted: Committee


@dataclass(frozen=True)
class PooledModel:
    """What similar scenarios have in common.

    Attributes:
        pool_id: whose model this is.
        problem: the use case.
        definitions: the features' definitions, the same for the whole fleet.
        entities: what synthesis learned from all rows.
        vintages: oldest first; the last one is FINAL.
        calibration: of the prediction intervals, or of the classes' probabilities, on the pooled rung.
        baseline: the baseline, fitted on all rows.
        strata: scenario -> digest of what its stratified parts followed from; see `Split`.
        shift: of its predictions on the pooled rung, to the quantile that the objective is best served by; None: none.
        digest: SHA-256 of the bytes it was loaded from; None before that.
    """

    pool_id: str
    problem: Problem
    definitions: Definitions
    entities: EntityTables
    vintages: tuple[Vintage, ...]
    calibration: AnyCalibration
    baseline: Fitted
    strata: Mapping[str, str] = field(default_factory=dict)
    shift: Shift | None = None
    digest: str | None = None

    @property
    def latest(self) -> Committee:
        """The vintage that knows everything."""
        return self.vintages[-1].fitted

    @property
    def shape(self) -> Shape | None:
        """What it teaches scenarios about their intervals, if anything."""
        return self.calibration.shape if isinstance(self.calibration, Calibration) else None

    def before(self, split: Split) -> Committee | None:
        """Return the freshest vintage that knows nothing of a split's validation rows; None if there is none."""
        if not len(split.valid):
            return self.latest
        if any(self.strata.get(name, digest) != digest for name, digest in split.strata.items()):
            return None  # the scenario's rows changed, and its stratified parts with them
        honest = [vintage for vintage in self.vintages if _is_honest(vintage, split, self.problem)]
        return honest[-1].fitted if honest else None

    def to_bytes(self) -> bytes:
        """Serialize: the same model gives the same bytes every time."""
        return pack(
            {
                "format": FORMAT,
                "pool_id": self.pool_id,
                "problem": self.problem.model_dump(mode="json"),
                "definitions": self.definitions.to_parts(),
                "entities": self.entities.to_parts(),
                "vintages": [
                    {"name": one.name, "cutoff": _cutoff_part(one.cutoff), "committee": one.fitted.to_parts()}
                    for one in self.vintages
                ],
                "calibration": calibration_parts(self.calibration),
                "baseline": member_parts(self.baseline),
                "strata": dict(self.strata),
                "shift": self.shift.to_parts() if self.shift else None,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, digest: str) -> Self:
        """Load a pooled model whose SHA-256 must be `digest`.

        Raises:
            ModelError: another digest, or not a pooled model.
        """
        parts = unpack(data, digest)
        require_format(parts, FORMAT)
        return cls(
            pool_id=parts["pool_id"],
            problem=Problem.model_validate(parts["problem"]),
            definitions=Definitions.from_parts(parts["definitions"]),
            entities=EntityTables.from_parts(parts["entities"]),
            vintages=tuple(
                Vintage(one["name"], _cutoff_from(one["cutoff"]), Committee.from_parts(one["committee"]))
                for one in parts["vintages"]
            ),
            calibration=calibration_from(parts["calibration"]),
            baseline=member_from(parts["baseline"]),
            strata=parts["strata"],
            shift=Shift.from_parts(parts["shift"]) if parts["shift"] else None,
            digest=digest,
        )


def pool_samples(frame: pd.DataFrame, problem: Problem, definitions: Definitions, pool_id: str) -> Samples:
    """Return the rows of many scenarios as the samples of one, every series of every scenario a series of it.

    Scenarios whose rows cannot be used (a gap where gaps are errors, a row there twice, a target beyond any scale) are
    left out: their own fits say why.

    Args:
        frame: rows of at least one scenario, the user's columns.
        problem: the use case.
        definitions: of the features.
        pool_id: the pool.

    Raises:
        ScenarioSkipped: no scenario of the pool has rows that can be used.
    """
    classes = classes_of(frame[problem.target]) if problem.is_classification else ()
    usable = [
        samples
        for _, rows in frame.groupby(list(problem.scenario_keys), sort=False, dropna=False)
        if (samples := _usable(rows, problem, definitions, classes)) is not None
    ]
    if not usable:
        raise ScenarioSkipped(f"none of the scenarios of '{pool_id}' has rows that can be used")
    parts = [one.frame.assign(**{SERIES_COL: one.scenario_id + "/" + one.frame[SERIES_COL]}) for one in usable]
    order = [SERIES_COL] if problem.is_forecasting else [str(problem.sample_id)]
    together = pd.concat(parts, ignore_index=True).sort_values(order, kind="stable", ignore_index=True)
    return Samples(pool_id, problem, together, definitions.kinds, usable[0].season, classes)


def _usable(rows: pd.DataFrame, problem: Problem, definitions: Definitions, classes: Sequence[str]) -> Samples | None:
    try:
        samples = canonical(rows, problem, definitions.kinds, classes=classes)
    except (ScenarioSkipped, TableError):
        return None
    return None if beyond_scale(samples.y).any() else samples


def _is_honest(vintage: Vintage, split: Split, problem: Problem) -> bool:
    if vintage.cutoff is not None and split.cutoff is not None:
        return value_of(vintage.cutoff) <= value_of(split.cutoff)
    by_groups = problem.is_classification and problem.group is not None  # a group's class may differ by scenario
    has_own_cuts = problem.timestamp is not None or by_groups  # a tabular task whose scenarios have cuts of their own
    return not has_own_cuts and vintage.name == split.name


@lru_cache(maxsize=2)
def load_pool(data: bytes, digest: str) -> PooledModel:
    """Load a pooled model, once per process; see PooledModel.from_bytes."""
    return PooledModel.from_bytes(data, digest)


def _cutoff_part(cutoff: Timestamp | None) -> str | int | None:
    return cutoff.isoformat() if isinstance(cutoff, pd.Timestamp) else cutoff


def _cutoff_from(part: str | int | None) -> Timestamp | None:
    return pd.Timestamp(part) if isinstance(part, str) else part
