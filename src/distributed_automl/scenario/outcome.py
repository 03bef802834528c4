"""What happened and what was predicted: the common ground of metrics and KPIs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from distributed_automl.parameters import Costs
from distributed_automl.scenario.design import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """Predictions beside what came true.

    Attributes:
        y_true: shape (n,), finite, in units of the target; in classification the class's code.
        y_pred: shape (n,), finite, in units of the target; in classification probabilities, shape (n, n_classes).
        naive_error: mean absolute seasonal difference of the training rows (the scale of MASE); NaN if unknown.
        naive_rmse: root of their mean squared seasonal difference (the scale of RMSSE); NaN if unknown.
        costs: what an error costs.
        decided: code of the class that was decided for, shape (n,); None: the most probable. Classification only.
        class_costs: of taking a row of a class for another, shape (n_classes,); None: 1. Classification only.
    """

    y_true: FloatArray
    y_pred: FloatArray
    naive_error: float = float("nan")
    costs: Costs = field(default_factory=Costs)
    naive_rmse: float = float("nan")
    decided: IntArray | None = None
    class_costs: FloatArray | None = None

    def __post_init__(self) -> None:
        """Raise ValueError unless there are as many predictions as actuals."""
        if self.y_true.ndim != 1 or self.y_pred.ndim not in (1, 2) or len(self.y_true) != len(self.y_pred):
            raise ValueError(
                "y_true must be one-dimensional, and y_pred equally long with one or (classes) two dimensions; found "
                f"{self.y_true.shape} and {self.y_pred.shape}"
            )

    @property
    def errors(self) -> FloatArray:
        """Prediction minus actual, shape (n,): positive is too much."""
        return self.y_pred - self.y_true

    @property
    def codes(self) -> IntArray:
        """Classification: code of the class that came true, shape (n,)."""
        return self.y_true.astype(np.intp)

    @property
    def predicted_codes(self) -> IntArray:
        """Classification: code of the class that was predicted, shape (n,)."""
        return self.y_pred.argmax(axis=1) if self.decided is None else self.decided

    @property
    def is_wrong(self) -> BoolArray:
        """Classification: whether the predicted class is not the true one, shape (n,)."""
        is_wrong: BoolArray = self.predicted_codes != self.codes
        return is_wrong


@dataclass(frozen=True)
class Metric:
    """One metric or KPI.

    Attributes:
        function: outcome -> value; NaN where it is not defined.
        tasks: the tasks for which it means something.
        greater_is_better: else smaller absolute values are better.
    """

    function: Callable[[Outcome], float]
    tasks: frozenset[str]
    greater_is_better: bool = False


FORECASTING = frozenset({"forecasting"})
NUMBERS = frozenset({"forecasting", "regression"})
"""Tasks whose target is a number."""
CLASSES = frozenset({"classification"})
