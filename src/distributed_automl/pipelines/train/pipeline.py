"""Wiring: master_df -> plan -> pooled fits -> fits, wave by wave -> training_results."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.train.nodes import (
    collect,
    fit_pools,
    fit_scenarios,
    list_failures,
    make_plan,
    require_few_failures,
)

SETUP = ["params:problem", "params:automl", "params:plan", "params:run"]


def create_pipeline() -> Pipeline:
    """Return the way from `master_df` to `training_results`, and the check that not too much failed.

    The check is two nodes, so that whatever else reads `training_results` (tracking) comes before it in a sequential
    run.
    """
    return Pipeline(
        [
            Node(
                make_plan,
                ["master_df", "fits_before", "plans_before", *SETUP, "params:run_id"],
                "plan",
                name="make_plan",
            ),
            Node(fit_pools, ["master_df", "plan", "fits_before", *SETUP], "pooled_fits", name="fit_pools"),
            Node(fit_scenarios, ["master_df", "plan", "pooled_fits", *SETUP], "fits", name="fit_scenarios"),
            Node(collect, ["plan", "fits"], "training_results", name="collect"),
            Node(list_failures, "training_results", "failures", name="list_failures"),
            Node(require_few_failures, ["failures", "params:run"], None, name="require_few_failures"),
        ],
        tags="train",
    )
