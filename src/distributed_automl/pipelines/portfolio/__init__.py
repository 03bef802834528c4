"""The pipeline `portfolio`."""
