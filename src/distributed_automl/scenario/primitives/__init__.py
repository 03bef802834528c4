"""Featuretools primitives, a file per family: the past of series, runs and events, peers, a row, an entity.

Featuretools finds a primitive by its class and module when it loads saved definitions, so `features.py`, which loads
them, imports every family; and a class that stored models use is neither renamed nor moved.
"""
