"""The pooled candidate: what similar scenarios teach, competing inside a scenario like any other."""

from collections.abc import Sequence
from typing import Self

from distributed_automl.errors import ModelError
from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators._base import Candidate, Fitted, Hyperparameters, Parts


class FittedPooled(Fitted):
    """Predicts with the pooled model that the design holds; nothing of it is stored with the scenario."""

    candidate = "pooled"

    def predict(self, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        if design.pooled is None:
            raise ModelError("the model has a pooled member, but its pool's model was not handed over")
        return design.pooled.predict(design, history, rows)

    def to_parts(self) -> Parts:
        return {}

    @classmethod
    def from_parts(cls, parts: Parts) -> Self:
        return cls()


class Pooled(Candidate):
    """The pool's learner as it is: nothing is fitted and nothing is searched here."""

    name = "pooled"
    tasks = frozenset({"forecasting", "regression"})
    uses_features = False

    def applies(self, design: Design) -> bool:
        return super().applies(design) and design.pooled is not None

    def defaults(self, design: Design) -> Hyperparameters:
        return {}

    def fit(
        self, design: Design, rows: IntArray, *, columns: Sequence[str], hyperparameters: Hyperparameters, seed: int
    ) -> Fitted:
        return FittedPooled()
