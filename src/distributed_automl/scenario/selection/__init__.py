"""Feature selection: several methods, and a vote."""

from distributed_automl.scenario.selection._base import Ballot, Selected, Selector
from distributed_automl.scenario.selection.vote import SELECTORS, select

__all__ = ["SELECTORS", "Ballot", "Selected", "Selector", "select"]
