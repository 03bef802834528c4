"""Wiring: streams -> daily frames -> one panel -> ``master_df``, ``master_df_predict``; and ``actuals``."""

from kedro.pipeline import Node, Pipeline

from distributed_automl.pipelines.data_engineering.campaigns import count_campaigns
from distributed_automl.pipelines.data_engineering.nodes import (
    join_panel,
    lay_out_panel,
    make_actuals,
    make_master_df,
    make_master_df_predict,
)
from distributed_automl.pipelines.data_engineering.products import keep_products
from distributed_automl.pipelines.data_engineering.promotions import share_promotions
from distributed_automl.pipelines.data_engineering.sales import sum_daily_sales

BOTH = ["train", "predict"]
ALL = [*BOTH, "evaluate"]


def create_pipeline() -> Pipeline:
    """Create the whole engineering."""
    return Pipeline([*_daily_nodes(), *_table_nodes()])


def create_training_pipeline() -> Pipeline:
    """Create what ``master_df`` needs, and nothing else."""
    return create_pipeline().to_outputs("master_df")


def create_prediction_pipeline() -> Pipeline:
    """Create what ``master_df_predict`` needs, and nothing else."""
    return create_pipeline().to_outputs("master_df_predict")


def create_actuals_pipeline() -> Pipeline:
    """Create what ``actuals`` needs, and nothing else."""
    return create_pipeline().to_outputs("actuals")


def _daily_nodes() -> list[Node]:
    return [
        Node(keep_products, ["products", "params:engineering"], "kept_products", name="keep_products", tags=ALL),
        Node(sum_daily_sales, ["transactions", "kept_products"], "daily_sales", name="sum_daily_sales", tags=ALL),
        Node(
            share_promotions,
            ["promotions", "kept_products", "daily_sales"],
            "promotion_days",
            name="share_promotions",
            tags=BOTH,
        ),
        Node(
            count_campaigns,
            ["campaign_descriptions", "campaigns", "coupons", "kept_products"],
            "campaign_days",
            name="count_campaigns",
            tags=BOTH,
        ),
    ]


def _table_nodes() -> list[Node]:
    settings = ["params:engineering", "params:problem"]
    days = ["panel_days", "promotion_days", "campaign_days", "kept_products"]
    return [
        Node(lay_out_panel, ["daily_sales", *settings], "panel_days", name="lay_out_panel", tags=BOTH),
        Node(join_panel, days, "panel", name="join_panel", tags=BOTH),
        Node(make_master_df, ["panel", "params:engineering"], "master_df", name="make_master_df", tags="train"),
        Node(make_master_df_predict, "panel", "master_df_predict", name="make_master_df_predict", tags="predict"),
        Node(make_actuals, ["daily_sales", *settings], "actuals", name="make_actuals", tags="evaluate"),
    ]
