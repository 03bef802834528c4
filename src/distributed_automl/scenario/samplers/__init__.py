"""Samplers: how a search picks the next configuration."""

from distributed_automl.scenario.samplers.table import SAMPLERS

__all__ = ["SAMPLERS"]
