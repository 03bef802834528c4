"""What happened and what was predicted: the common ground of metrics and KPIs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from distributed_automl.parameters import Costs
from distributed_automl.scenario.design import FloatArray


@dataclass(frozen=True)
class Outcome:
    """Predictions beside what came true.

    Attributes:
        y_true: shape (n,), finite, in units of the target.
        y_pred: shape (n,), finite, in units of the target.
        naive_error: mean absolute seasonal difference of the training rows (the scale of MASE); NaN if unknown.
        costs: what an error costs.
    """

    y_true: FloatArray
    y_pred: FloatArray
    naive_error: float = float("nan")
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        """Raise ValueError unless there are as many predictions as actuals."""
        if self.y_true.shape != self.y_pred.shape or self.y_true.ndim != 1:
            raise ValueError(
                f"y_true and y_pred must be one-dimensional and equally long; found {self.y_true.shape} and "
                f"{self.y_pred.shape}"
            )

    @property
    def errors(self) -> FloatArray:
        """Prediction minus actual, shape (n,): positive is too much."""
        return self.y_pred - self.y_true


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
ANY_TASK = frozenset({"forecasting", "regression"})
