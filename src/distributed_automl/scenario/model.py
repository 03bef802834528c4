"""A scenario's model: everything that predicting needs, and its way to bytes and back."""

import hashlib
from dataclasses import dataclass
from typing import Self

from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import Design, IntArray
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.members import (
    AnyCalibration,
    Mixed,
    as_served,
    calibration_from,
    calibration_parts,
    member_from,
    member_parts,
    mix,
    require_format,
)
from distributed_automl.scenario.serialize import pack, unpack
from distributed_automl.scenario.shift import Shift
from distributed_automl.scenario.synthesis import Definitions, EntityTables

FORMAT = "scenario"


@dataclass(frozen=True)
class ScenarioModel:
    """What predicts one scenario.

    Attributes:
        scenario_id: whose model this is.
        problem: the use case it was trained for.
        definitions: the features' definitions.
        entities: what synthesis learned from the training rows.
        members: fitted candidates of the ensemble; one is a single model.
        weights: of the members; they sum to one.
        calibration: of the prediction intervals, or of the classes' probabilities.
        baseline: the fitted baseline, for comparison and as the last rung.
        pool_digest: SHA-256 of the pooled model that a member needs; None if none does.
        shift: of the mixture, to the quantile that the objective is best served by; None: it is not shifted.
    """

    scenario_id: str
    problem: Problem
    definitions: Definitions
    entities: EntityTables
    members: tuple[Fitted, ...]
    weights: tuple[float, ...]
    calibration: AnyCalibration
    baseline: Fitted
    pool_digest: str | None = None
    shift: Shift | None = None

    def mixed(self, design: Design, history: IntArray, rows: IntArray) -> Mixed:
        """Return what the members predict together: not below `target_min`, probabilities not yet calibrated.

        Arguments are those of Fitted.predict.
        """
        predicted = mix(self.members, self.weights, design, history=history, rows=rows)
        return as_served(predicted, self.shift, self.problem.target_min)

    def to_bytes(self) -> bytes:
        """Serialize: the same model gives the same bytes every time."""
        return pack(
            {
                "format": FORMAT,
                "scenario_id": self.scenario_id,
                "problem": self.problem.model_dump(mode="json"),
                "definitions": self.definitions.to_parts(),
                "entities": self.entities.to_parts(),
                "members": [member_parts(member) for member in self.members],
                "weights": list(self.weights),
                "calibration": calibration_parts(self.calibration),
                "baseline": member_parts(self.baseline),
                "pool_digest": self.pool_digest,
                "shift": self.shift.to_parts() if self.shift else None,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, digest: str) -> Self:
        """Load a model whose SHA-256 must be `digest`.

        Raises:
            ModelError: another digest, or not a scenario's model.
        """
        parts = unpack(data, digest)
        require_format(parts, FORMAT)
        return cls(
            scenario_id=parts["scenario_id"],
            problem=Problem.model_validate(parts["problem"]),
            definitions=Definitions.from_parts(parts["definitions"]),
            entities=EntityTables.from_parts(parts["entities"]),
            members=tuple(member_from(member) for member in parts["members"]),
            weights=tuple(parts["weights"]),
            calibration=calibration_from(parts["calibration"]),
            baseline=member_from(parts["baseline"]),
            pool_digest=parts["pool_digest"],
            shift=Shift.from_parts(parts["shift"]) if parts["shift"] else None,
        )


def seed_of(root: int, scenario_id: str) -> int:
    """Derive a scenario's seed from the root seed and its id: a non-negative 31-bit integer."""
    digest = hashlib.sha256(f"{root}/{scenario_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
