"""Wiring: master_df -> the plan that training would make now -> what it takes -> the terminal."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.plan.nodes import look_ahead, print_plan
from distributed_automl.pipelines.train.nodes import make_plan
from distributed_automl.pipelines.train.pipeline import PLANNED_FROM


def create_pipeline() -> Pipeline:
    """Return the way from `master_df` to a printed plan: the one that `train` would make; its ledger stays as it is."""
    printed = ["next_plan", "plan_summary", "plan_warnings"]
    return Pipeline(
        [
            Node(make_plan, PLANNED_FROM, ["next_plan", "next_run"], name="plan_ahead"),
            Node(look_ahead, ["next_plan", "master_df", "params:run"], printed[1:], name="look_ahead"),
            Node(print_plan, printed, None, name="print_plan"),
        ],
        tags="plan",
    )
