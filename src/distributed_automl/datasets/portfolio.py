"""A portfolio as versioned JSON, which may not be there yet."""

from typing import Any

from kedro_datasets.json import JSONDataset


class PortfolioDataset(JSONDataset):  # type: ignore[misc]
    """JSON of which the latest version counts, unless one is asked for; `{}` as long as there is none.

    What the first load of a session finds stays: the plan and the fits of a run must mean the same portfolio, even if
    another run makes a new one meanwhile.

    Example:
        ```yaml
        portfolio:
          type: distributed_automl.datasets.portfolio.PortfolioDataset
          filepath: ${globals:data_root}/06_models/demand/portfolio.json
          versioned: true
        ```
    """

    _found: dict[str, Any] | None = None

    def load(self) -> dict[str, Any]:
        """Return the values; a version that was asked for must be there.

        Raises:
            DatasetError: it is not.
        """
        if self._found is None:
            wanted = self._version is not None and self._version.load is not None
            self._found = dict(super().load()) if wanted or self._exists() else {}
        return self._found

    def save(self, data: dict[str, Any]) -> None:
        """Write a new version."""
        super().save(data)
        self._found = None
