"""Wiring: master_df -> searches on pilots -> trials on all of them -> portfolio."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.portfolio.nodes import choose_portfolio, search_pilots, try_on_pilots

SETUP = ["params:problem", "params:automl", "params:plan", "params:run", "params:pilots"]


def create_pipeline() -> Pipeline:
    """Return the way from `master_df` to `portfolio`."""
    return Pipeline(
        [
            Node(search_pilots, ["master_df", *SETUP, "params:run_id"], "pilot_searches", name="search_pilots"),
            Node(try_on_pilots, ["master_df", "pilot_searches", *SETUP], "pilot_trials", name="try_on_pilots"),
            Node(choose_portfolio, ["pilot_trials", *SETUP, "params:run_id"], "portfolio", name="choose_portfolio"),
        ],
        tags="portfolio",
    )
