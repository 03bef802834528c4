"""Feature selection: several methods, and a vote."""

from distributed_automl.scenario.selection._base import Selected, Selector
from distributed_automl.scenario.selection.vote import SELECTORS, select

__all__ = ["SELECTORS", "Selected", "Selector", "select"]
