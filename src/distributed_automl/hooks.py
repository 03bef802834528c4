"""Hooks of the project: parameters checked all at once, a run's identity, a Spark session that is not started early."""

import logging
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from distributed_automl.configuration import ConfigurationError, require_valid
from distributed_automl.errors import RunError

logger = logging.getLogger(__name__)

RUN_ID = "params:run_id"
RUN = "params:run"
WORKED = {"train", "predict", "portfolio", "plan"}
"""Tags of the nodes whose work the workers' Python does, unless `run.engine` says otherwise; or plans for it."""
ALWAYS_WORKED = {"evaluate"}
"""Tags of the nodes whose work the workers' Python does whatever the engine."""
HEAVY = ("distributed_automl.scenario.synthesis", "distributed_automl.scenario.portfolio")
"""What the nodes of WORKED need on the driver too, and what takes seconds to import."""


def new_run_id() -> str:
    """Return the identity of a run: UTC time and a random part, so that ids sort by time and never collide."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class ParametersHook:
    """Reports everything that is wrong with the configuration, in one error, before anything heavy starts."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check every block of parameters.

        Raises:
            ConfigurationError: names every fault, or there is no such environment.
        """
        loader = context.config_loader
        require_environment(Path(str(loader.conf_source)), loader.env)
        require_valid(_section(loader, "parameters"), _section(loader, "globals"))


def require_environment(source: Path, env: str | None) -> None:
    """Raise ConfigurationError if an environment has no folder in the configuration; an archive is not looked into."""
    if env and source.is_dir() and not (source / env).is_dir():
        there = sorted(folder.name for folder in source.iterdir() if folder.is_dir())
        raise ConfigurationError(f"there is no environment '{env}' in {source}: expected one of {there}")


class RunIdHook:
    """Tells a run who it is: its id, to nodes as `params:run_id` and to the ledgers; the versions of what it reads.

    And says beside the fits, as long as it lives, that it is under way: no clean-up removes then what it may read. A
    run that is told to read an old version of a table counts for that as one that began when it was the latest.
    """

    def __init__(self) -> None:
        """Know of no run yet."""
        self._under_way = ExitStack()

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: CatalogProtocol[Any, Any], parameters: dict[str, Any]) -> None:
        """Add the run id to the catalog; a `run_id` among the parameters is kept."""
        from distributed_automl.datasets.ledger import LedgerDataset
        from distributed_automl.datasets.version import VersionDataset

        run_id, began = str(parameters.get(RUN_ID) or new_run_id()), datetime.now(UTC)
        catalog[RUN_ID] = run_id
        for name in list(catalog.keys()):
            dataset = catalog.get(name)
            if isinstance(dataset, LedgerDataset):
                dataset.run_id, dataset.as_of = run_id, began
            if isinstance(dataset, VersionDataset):
                dataset.source = catalog.get(dataset.of)

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Say that the run is under way, if it touches a ledger. Last: a run that another hook refuses never began."""
        from distributed_automl.datasets.complete import tables_in
        from distributed_automl.datasets.ledger import ledgers_in

        self._under_way.close()  # one that was interrupted
        ledgers, tables = ledgers_in(catalog), tables_in(catalog)
        fits = ledgers.get("fits")
        if fits is None or fits.run_id is None or not pipeline.datasets() & {*ledgers, *tables}:
            return
        pinned = [one.pinned_since for name, one in tables.items() if name in pipeline.datasets()]
        began = min([fits.as_of, *(since for since in pinned if since is not None)])
        self._under_way.enter_context(fits.store.running(fits.run_id, began))

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Say that the run is over."""
        self._under_way.close()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self) -> None:
        """Say that the run is over."""
        self._under_way.close()


class NewRunHook:
    """Refuses a run under an id that was used: its rows would stand beside the other's, as if one run had made both.

    Steps of a night may share an id, since each saves tables of its own.
    """

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Look into the tables that the run is about to save.

        Raises:
            RunError: one of them was saved under this id.
        """
        from distributed_automl.datasets.ledger import ledgers_in

        saved = pipeline.all_outputs()
        for name, ledger in ledgers_in(catalog).items():
            if name in saved and ledger.is_used:
                raise RunError(
                    f"the run_id '{ledger.run_id}' was used: `{name}` was saved under it. Give another one, or none; "
                    "also a run that goes on after one that failed has an id of its own"
                )


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
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Put the settings on a session that is remote or exists already; a local one starts when it is needed.

        Workers elsewhere get this package, and are asked whether they are like this machine before they work for it.

        Raises:
            RunError: it is a local one, and there is no Java for it; or the workers differ from this machine.
        """
        from distributed_automl.fleet.session import import_meanwhile, needs_start, require_java, start, works_elsewhere

        if not pipeline.nodes:
            return
        require_java(self._settings)
        elsewhere = works_elsewhere(self._settings)
        if not elsewhere and not needs_start():
            if any(node.tags & WORKED for node in pipeline.nodes):
                import_meanwhile(HEAVY)
            return
        spark = start(self._settings)
        if elsewhere and _needs_workers(pipeline, catalog):
            from distributed_automl.fleet.handshake import require_parity

            require_parity(spark)


class ProgressHook:
    """Lets a run's progress see what a wave has finished, and others see the progress."""

    def __init__(self, sink: Callable[[dict[str, float]], None]) -> None:
        """Tell figures to `sink`, e.g. to the tracking."""
        self._sink = sink

    @hook_impl
    def after_catalog_created(self, catalog: CatalogProtocol[Any, Any]) -> None:
        """Let the ledgers of scenarios tell how far a save is."""
        from distributed_automl.datasets.ledger import ledgers_in
        from distributed_automl.fleet.progress import watching

        for ledger in ledgers_in(catalog).values():
            ledger.watch = watching

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Tell the figures of this run's progress."""
        from distributed_automl.fleet import progress

        progress.sinks[:] = [self._sink]


def _needs_workers(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> bool:
    """Return whether a node will send Python to the workers, or plans to."""
    if any(node.tags & ALWAYS_WORKED for node in pipeline.nodes):
        return True
    inputs = {name for node in pipeline.nodes if node.tags & WORKED for name in node.inputs}
    return RUN in inputs and dict(catalog.load(RUN)).get("engine", "spark") == "spark"


def _section(loader: Any, name: str) -> dict[str, Any]:
    try:
        return dict(loader[name] or {})
    except MissingConfigException:
        return {}
