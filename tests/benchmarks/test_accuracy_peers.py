import numpy as np
import pandas as pd
from benchmarks.accuracy.peers.interface import Part, completed, long_frames
from benchmarks.accuracy.program import whole_scenarios

from distributed_automl.fleet.plan import sample_members
from distributed_automl.parameters import Problem

PROBLEM = {
    "task": "forecasting",
    "scenario_keys": ["store"],
    "series_keys": ["brand"],
    "timestamp": "week",
    "frequency": 1,
    "horizon": 2,
    "target": "units",
    "known_in_advance": ["price"],
    "missing_rows": "zero",
}


def part(rows: list[tuple[str, str, int, float, float]], **changes: object) -> Part:
    """A part of (store, brand, week, units, price)."""
    frame = pd.DataFrame(rows, columns=["store", "brand", "week", "units", "price"])
    return Part("part", frame[frame["units"].notna()], frame, {**PROBLEM, **changes})


GAP = [
    ("a", "x", 1, 10.0, 1.0),
    ("a", "x", 3, 30.0, 3.0),
    ("a", "x", 4, np.nan, 4.0),
    ("a", "x", 5, np.nan, 5.0),
]


def test_when_a_row_is_missing_then_it_counts_as_zero_or_is_interpolated() -> None:
    history, future = long_frames(part(GAP))
    assert history["y"].tolist() == [10.0, 0.0, 30.0]
    assert history["price"].tolist() == [1.0, 1.0, 3.0]
    assert future[["ds", "price"]].to_numpy().tolist() == [[4, 4.0], [5, 5.0]]
    history, _ = long_frames(part(GAP, missing_rows="null"))
    assert history["y"].tolist() == [10.0, 20.0, 30.0]


def test_when_scenarios_share_a_calendar_then_a_series_that_ended_early_goes_on_to_the_origin() -> None:
    rows = [*GAP, ("b", "x", 1, 7.0, 1.0), ("b", "x", 4, np.nan, 1.0), ("b", "x", 5, np.nan, 1.0)]
    history, future = long_frames(part(rows))
    assert history.loc[history["unique_id"] == "b/x", "y"].tolist() == [7.0, 0.0, 0.0]
    assert future.groupby("unique_id")["ds"].agg(list).to_dict() == {"a/x": [4, 5], "b/x": [4, 5]}


def test_when_every_scenario_counts_its_own_time_then_each_has_its_own_origin() -> None:
    longer = [("b", "x", week, float(week), 1.0) for week in range(1, 7)] + [("b", "x", 7, np.nan, 1.0)]
    _, future = long_frames(part([*GAP, *longer]))
    assert future.groupby("unique_id")["ds"].agg(list).to_dict() == {"a/x": [4, 5], "b/x": [7, 8]}


def test_when_a_row_has_no_prediction_then_it_takes_its_scenarios_mean(capsys) -> None:
    asked = part([*GAP, ("a", "new", 4, np.nan, 1.0)], target_min=0.0)
    given = pd.DataFrame({"store": "a", "brand": "x", "week": [4, 5], "predicted_value": [-1.0, 2.0]})
    found = completed(asked, given).set_index(["brand", "week"])["predicted_value"]
    assert found.to_dict() == {("x", 4): 0.0, ("x", 5): 2.0, ("new", 4): 20.0}
    assert "1 rows without a prediction" in capsys.readouterr().err


def test_when_the_pool_is_capped_then_it_learns_from_the_scenarios_that_the_plan_would_take() -> None:
    sizes = {"north": 5, "south": 3, "east": 4, "west": 2}
    frame = pd.DataFrame({"store": [name for name, size in sizes.items() for _ in range(size)], "day": range(14)})
    problem = Problem(scenario_keys=("store",), timestamp="day", frequency=1, target="units")
    members = pd.DataFrame({"scenario_id": list(sizes), "n_rows": list(sizes.values()), "rows_fingerprint": ""})
    for cap in (1, 7, 100):
        taken = whole_scenarios(frame, problem, cap)
        assert taken.groupby("store").size().to_dict() == {name: sizes[name] for name in sample_members(members, cap)}
