"""Distributed AutoML: one model per scenario, for thousands of scenarios at once."""

__version__ = "0.1.0"
