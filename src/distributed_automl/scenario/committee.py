"""What a pool teaches: several learners over the rows of many scenarios, and their weighted mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from distributed_automl.scenario.design import Design, FloatArray, IntArray, Predictor
from distributed_automl.scenario.estimators._base import Fitted, Parts
from distributed_automl.scenario.grouped import FittedGrouped
from distributed_automl.scenario.members import Mixed, mix


@dataclass(frozen=True)
class Committee:
    """Fitted members with weights that sum to one.

    Attributes:
        members: label -> what was fitted.
        weights: label -> weight.
    """

    members: Mapping[str, Fitted]
    weights: Mapping[str, float]

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        """Predict the weighted mean of the members; see Fitted.predict."""
        return self.mixed(design, history, rows).mean

    def mixed(self, design: Design, history: IntArray, rows: IntArray) -> Mixed:
        """Return what the members predict together, and how far they lie apart."""
        heard = [label for label in self.members if self.weights[label] > 0.0]
        fitted, weights = [self.members[label] for label in heard], [self.weights[label] for label in heard]
        return mix(fitted, weights, design, history=history, rows=rows)

    def member(self, label: str | None) -> Predictor:
        """Return one member; None: the committee as a whole.

        Raises:
            KeyError: there is no such member.
        """
        return self if label is None else self.members[label]

    @property
    def labels(self) -> tuple[str, ...]:
        """The members, the weightiest first."""
        return tuple(sorted(self.members, key=lambda label: -self.weights[label]))

    def to_parts(self) -> Parts:
        """Return plain parts."""
        return {
            "members": {label: fitted.to_parts() for label, fitted in self.members.items()},
            "weights": dict(self.weights),
        }

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        """Rebuild from `to_parts`."""
        members = {label: FittedGrouped.from_parts(one) for label, one in parts["members"].items()}
        return cls(members, parts["weights"])
