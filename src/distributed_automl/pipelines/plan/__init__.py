"""The pipeline `plan`."""
