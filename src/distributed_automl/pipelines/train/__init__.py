"""The pipeline `train`."""
