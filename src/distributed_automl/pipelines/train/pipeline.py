"""Wiring: master_df -> plan -> pooled fits -> fits, wave by wave -> training_results."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.train.nodes import (
    collect,
    fit_pools,
    fit_scenarios,
    make_plan,
    require_few_failures,
)

SETUP = ["params:problem", "params:automl", "params:plan", "params:run"]
PLANNED_FROM = [
    "master_df",
    "fits_before",
    "plans_before",
    *SETUP,
    "params:run_id",
    "portfolio",
    "master_df_version",
]
"""What a plan is made from, here and where nothing but a plan is wanted."""


def create_pipeline() -> Pipeline:
    """Return the way from `master_df` to `training_results`, and the check that not too much failed.

    The check waits for tracking by `training_tracked`, and promotion for the check by `failures_tolerated`: signs that
    the catalog holds ready for whoever runs a slice.
    """
    return Pipeline(
        [
            Node(
                make_plan,
                PLANNED_FROM,
                ["plan", "runs"],
                name="make_plan",
            ),
            Node(
                fit_pools,
                ["master_df", "plan", "fits_before", *SETUP, "params:run_id"],
                "pooled_fits",
                name="fit_pools",
            ),
            Node(
                fit_scenarios,
                ["master_df", "plan", "pooled_fits", *SETUP, "portfolio", "params:run_id"],
                "fits",
                name="fit_scenarios",
            ),
            Node(collect, ["plan", "fits"], "training_results", name="collect"),
            Node(
                require_few_failures,
                ["training_results", "training_tracked", "params:run"],
                "failures_tolerated",
                name="require_few_failures",
            ),
        ],
        tags="train",
    )
