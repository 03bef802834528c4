"""The pipeline `predict`."""
