"""Hooks of the project: parameters checked all at once, a run's identity, a Spark session that is not started early."""

import secrets
from datetime import UTC, datetime
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from distributed_automl.configuration import require_valid

RUN_ID = "params:run_id"


def new_run_id() -> str:
    """Return the identity of a run: UTC time and a random part, so that ids sort by time and never collide."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class ParametersHook:
    """Reports everything that is wrong with the configuration, in one error, before anything heavy starts."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check every block of parameters.

        Raises:
            ConfigurationError: names every fault.
        """
        loader = context.config_loader
        require_valid(_section(loader, "parameters"), _section(loader, "globals"))


class RunIdHook:
    """Gives the run its identity, to nodes as `params:run_id` and to the ledgers that it writes."""

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: CatalogProtocol[Any, Any], parameters: dict[str, Any]) -> None:
        """Add the run id to the catalog; a `run_id` among the parameters is kept."""
        from distributed_automl.datasets.ledger import LedgerDataset

        run_id = str(parameters.get(RUN_ID) or new_run_id())
        catalog[RUN_ID] = run_id
        for name in list(catalog.keys()):
            dataset = catalog.get(name)
            if isinstance(dataset, LedgerDataset):
                dataset.run_id = run_id


class SparkHook:
    """Configures Spark from `spark.yml` without starting it: a JVM takes seconds that a wrong name should not cost."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._settings: dict[str, object] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Arrange the settings of the session to come."""
        from distributed_automl.fleet.session import configure

        self._settings = _section(context.config_loader, "spark")
        configure(self._settings)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Put the settings on a session that is remote or exists already; a local one starts when it is needed.

        Raises:
            RunError: it is a local one, and there is no Java for it.
        """
        from distributed_automl.fleet.session import needs_start, require_java, start

        if not pipeline.nodes:
            return
        require_java(self._settings)
        if needs_start():
            start(self._settings)


def _section(loader: Any, name: str) -> dict[str, Any]:
    try:
        return dict(loader[name] or {})
    except MissingConfigException:
        return {}
