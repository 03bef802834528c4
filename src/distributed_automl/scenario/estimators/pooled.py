"""The pooled candidate: what similar scenarios teach, competing inside a scenario like any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import optuna

from distributed_automl.errors import ModelError
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts


@dataclass(frozen=True)
class FittedPooled(Fitted):
    """Predicts with the pool's committee that the design holds; nothing of it is stored with the scenario.

    Attributes:
        member: of the committee, that predicts alone; None: all of it.
    """

    candidate = "pooled"

    member: str | None = None

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        if design.pooled is None:
            raise ModelError("the model has a pooled member, but its pool's model was not handed over")
        return design.pooled.member(self.member).predict(design, history, rows)

    def to_parts(self) -> Parts:
        return {"member": self.member}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls(parts["member"])


class Pooled(Candidate):
    """The pool's committee as it is; whether all of it, or which of its members, is searched."""

    name = "pooled"
    tasks = frozenset({"forecasting", "regression", "classification"})
    uses_features = False

    def applies(self, design: Design) -> bool:
        return super().applies(design) and design.pooled is not None

    def first_votes(self, task: str) -> int:
        """Return several in forecasting: who learned from many errs less than one's few windows can tell."""
        return 10 if task == "forecasting" else 1

    def defaults(self, design: Design) -> Hyperparameters:
        return {"member": None}

    def suggest(self, trial: optuna.Trial, design: Design) -> Hyperparameters:
        labels = design.pooled.labels if design.pooled else ()
        return {"member": trial.suggest_categorical("member", [None, *labels])} if len(labels) > 1 else {"member": None}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Fitted:
        return FittedPooled(hyperparameters["member"])
