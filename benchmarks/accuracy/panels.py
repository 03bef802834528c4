"""The table of panels: a new one costs a loader and a line."""

from pathlib import Path

from benchmarks.accuracy.forecasting_panels import bundled, dominicks_oj, m4_hourly, m5_store_dept
from benchmarks.accuracy.panel import Loader, Panel, Part
from benchmarks.accuracy.receipt_panels import receipts_department_hourly, receipts_store_daily, receipts_weekly
from benchmarks.accuracy.tabular_panels import tabular_classification, tabular_regression
from benchmarks.project_runs import PROJECT

__all__ = ["DATA", "PANELS", "Panel", "Part"]

DATA = PROJECT.parent / "shared/data"
"""Where the panels' data is, unless `--data` says otherwise; nothing of it is part of the project."""
PANELS: dict[str, Loader] = {
    "bundled": bundled,
    "m5_store_dept": m5_store_dept,
    "dominicks_oj": dominicks_oj,
    "m4_hourly": m4_hourly,
    "receipts_store_daily": receipts_store_daily,
    "receipts_department_hourly": receipts_department_hourly,
    "receipts_weekly": receipts_weekly,
    "tabular_regression": tabular_regression,
    "tabular_classification": tabular_classification,
}


def load(name: str, data: Path = DATA, cache: Path = Path("data/benchmarks")) -> Panel:
    """Load a panel by its name.

    Raises:
        KeyError: there is no such panel.
        FileNotFoundError: its data is not there.
    """
    return PANELS[name](data, cache)
