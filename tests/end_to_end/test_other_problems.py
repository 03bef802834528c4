"""Problems of other shapes on the same way: a tabular regression, and several series on integer periods."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from tests.end_to_end.conftest import Run
from tests.end_to_end.project import DEMAND, Project, write_table
from tests.scenario.panels import HORIZON, demand_frame, house_frame, with_future

pytestmark = [pytest.mark.spark, pytest.mark.slow]

MARKETS = ["north", "south", "east", "west"]
N_ASKED = 10
HOUSES = {
    "task": "regression",
    "scenario_keys": ["market"],
    "target": "price",
    "sample_id": "house_id",
    "objective": "rmse",
    "levels": [0.8],
}
STORES = {"x": (20.0, 200.0), "y": (40.0, 400.0)}
SERIES = {**DEMAND, "series_keys": ["dept"], "timestamp": "period", "frequency": 1, "season": 7}
N_PERIODS = 120


@dataclass(frozen=True)
class Found:
    """What came of a problem: training_results by scenario, and predictions by sample."""

    training: pd.DataFrame
    predictions: pd.DataFrame


def carry_out(project: Project, run: Run, env: str, problem: dict[str, object], tables: dict[str, Path]) -> Found:
    results = project.add_environment(env, problem, tables=tables)
    run(env, "train", "master_df")
    run(env, "promote")
    run(env, "predict", "master_df_predict")
    return Found(results.training(), results.predictions())


# --- a tabular regression --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def houses(project: Project, run: Run, tables: Path) -> Found:
    """Houses of four markets; the last of each market have no price yet."""
    frame = pd.concat([house_frame(name, seed=n, n_asked=N_ASKED) for n, name in enumerate(MARKETS)])
    sold = frame["price"].notna()
    files = {
        "master_df": write_table(frame[sold], tables / "sold.parquet"),
        "master_df_predict": write_table(frame[~sold], tables / "offered.parquet"),
    }
    return carry_out(project, run, "houses", HOUSES, files)


def test_when_the_problem_is_tabular_then_every_market_has_a_model(houses: Found) -> None:
    assert list(houses.training.index) == sorted(MARKETS)
    assert set(houses.training["status"]) == {"fitted"}
    assert (houses.training["n_samples"] == 160 - N_ASKED).all()
    metrics = [dict(cells) for cells in houses.training["metrics"]]
    assert all(found["rmse"] < 0.3 * found["baseline_rmse"] for found in metrics)


def test_when_the_problem_is_tabular_then_every_house_asked_for_has_a_price_near_its_own(houses: Found) -> None:
    truth = pd.concat([house_frame(name, seed=n).tail(N_ASKED) for n, name in enumerate(MARKETS)])
    prices = truth.set_index("house_id")["price"].sort_index()
    assert list(houses.predictions.index) == list(prices.index)
    assert set(houses.predictions["rung"]) == {"champion"}
    assert (houses.predictions["predicted_value"] - prices).abs().mean() < 15.0
    inside = prices.between(houses.predictions["lower_80"], houses.predictions["upper_80"])
    assert 0.5 < inside.mean() <= 1.0
    assert houses.predictions["timestamp"].isna().all()


# --- several series per scenario, on integers ------------------------------------------------------------------------


def series_frame(store: str, dept: int, level: float, *, n_asked: int) -> pd.DataFrame:
    """Return a department's periods 1, 2, ...; the last have no units yet."""
    frame = with_future(demand_frame(store, n_days=N_PERIODS, seed=dept, level=level), n_asked)
    return frame.drop(columns="date").assign(dept=dept, period=range(1, len(frame) + 1))


def all_series(n_asked: int) -> pd.DataFrame:
    frames = [
        series_frame(store, dept, level, n_asked=n_asked)
        for store, levels in STORES.items()
        for dept, level in enumerate(levels, start=1)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def series(project: Project, run: Run, tables: Path) -> Found:
    asked = all_series(HORIZON)
    files = {
        "master_df": write_table(asked[asked["units"].notna()], tables / "series.parquet"),
        "master_df_predict": write_table(asked, tables / "series_asked.parquet"),
    }
    return carry_out(project, run, "series", SERIES, files)


def test_when_a_scenario_has_several_series_then_it_has_one_model(series: Found) -> None:
    assert list(series.training.index) == sorted(STORES)
    assert set(series.training["status"]) == {"fitted"}
    assert (series.training["n_samples"] == 2 * N_PERIODS).all()


def test_when_periods_are_integers_then_each_series_has_one_prediction_for_each(series: Found) -> None:
    found = series.predictions.sort_values(["store_id", "dept", "timestamp"])
    wanted = [
        (store, dept, N_PERIODS + step, step)
        for store in sorted(STORES)
        for dept in (1, 2)
        for step in range(1, HORIZON + 1)
    ]
    assert list(found[["store_id", "dept", "timestamp", "step"]].itertuples(index=False, name=None)) == wanted
    assert set(found["origin"]) == {N_PERIODS}
    assert set(found["rung"]) == {"champion"}


def test_when_a_scenario_has_several_series_then_each_keeps_its_own_level(series: Found) -> None:
    means = series.predictions.groupby(["store_id", "dept"])["predicted_value"].mean()
    for store, levels in STORES.items():
        for dept, level in enumerate(levels, start=1):
            assert means[store, dept] == pytest.approx(level, rel=0.4)
