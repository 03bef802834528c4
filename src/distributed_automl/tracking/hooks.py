"""kedro-mlflow's hook, and more: it goes on without a server, logs typed parameters one by one, and progress."""

import logging
import os
import ssl
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import mlflow
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

from distributed_automl.tracking.progress import ProgressLog
from distributed_automl.tracking.run import flatten, log_values, report_trouble

logger = logging.getLogger(__name__)

PROBE_SECONDS = 3.0
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
ALL_PIPELINES = "__default__"


class TrackingProbe(MlflowHook):  # type: ignore[misc]
    """Opens one MLflow run per Kedro run, as kedro-mlflow does, and takes the place of its hook.

    kedro-mlflow asks the tracking server for the experiment as soon as there is a context, and retries for minutes if
    nobody answers. So the server is probed first: if it does not answer, this run goes on untracked, with one warning.
    The same holds if it goes away later. A pydantic block among a node's inputs, which kedro-mlflow would log as one
    string, is flattened.

    In settings: ``DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow",)`` and ``HOOKS = (TrackingProbe(), ...)``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_mlflow_enabled = True
        self._is_away = False
        self._logged: set[str] = set()
        self._progress: ProgressLog | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set up MLflow if its server answers."""
        self._is_away, self.run_id = False, None
        os.environ.setdefault(RETRIES, "2")
        uri = tracking_uri(context)
        if answers(uri):
            super().after_context_created(context)
            return
        self._is_away = True
        self.mlflow_config = KedroMlflowConfig()
        object.__setattr__(context, "mlflow", self.mlflow_config)
        logger.warning(
            "the tracking server %s did not answer within %g s: this run goes on untracked. Start the server, or state "
            "another `server.mlflow_tracking_uri` in conf/<env>/mlflow.yml; `kedro run --pipelines=track` then tracks "
            "the results",
            uri,
            PROBE_SECONDS,
        )

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Open the run, unless this one goes untracked."""
        self._logged = set()
        if self._is_away:
            self._disable(run_params)
        super().before_pipeline_run(run_params, pipeline, catalog)
        if self._is_mlflow_enabled and self.run_id is not None:
            self._progress = ProgressLog(str(self.run_id))

    def log_progress(self, figures: dict[str, float]) -> None:
        """Log figures of a run under way; returns at once, and does nothing where the run is not tracked."""
        if self._progress is not None:
            self._progress.offer(figures)

    def _end_progress(self) -> None:
        if self._progress is not None:
            self._progress.close()
        self._progress = None

    def _disable(self, run_params: dict[str, Any]) -> None:
        """Tell kedro-mlflow to leave these pipelines alone, in its own words."""
        names = run_params.get("pipeline_names") or run_params.get("pipeline_name") or [ALL_PIPELINES]
        names = [names] if isinstance(names, str) else list(names)
        self.mlflow_config.tracking.disable_tracking.pipelines = names

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool) -> None:
        """Log the node's parameters."""
        plain = {name: value for name, value in inputs.items() if not isinstance(value, BaseModel)}
        self._unless_away(lambda: super(TrackingProbe, self).before_node_run(node, catalog, plain, is_async))
        self._unless_away(lambda: self._log_blocks(inputs))

    def _log_blocks(self, inputs: dict[str, Any]) -> None:
        blocks = {name.removeprefix("params:"): value for name, value in inputs.items() if isinstance(value, BaseModel)}
        flat = {key: text for name, value in blocks.items() for key, text in flatten(name, value).items()}
        new = {self.sanitize_param_name(key): text for key, text in flat.items() if key not in self._logged}
        active = mlflow.active_run()
        if new and active is not None:
            log_values(MlflowClient(), active.info.run_id, parameters=new)
        self._logged |= set(flat)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Close the run."""
        self._end_progress()
        self._unless_away(lambda: super(TrackingProbe, self).after_pipeline_run(run_params, pipeline, catalog))

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Close the run as failed."""
        self._end_progress()
        self._unless_away(lambda: super(TrackingProbe, self).on_pipeline_error(error, run_params, pipeline, catalog))

    def _unless_away(self, call: Callable[[], None]) -> None:
        """Do something that asks the server; if that fails, say so and do without it for the rest of this run."""
        if self._is_away or not self._is_mlflow_enabled:
            return
        try:
            call()
        except MlflowException as error:
            report_trouble(str(self.run_id), error)
            self._is_away, self._is_mlflow_enabled, self.run_id = True, False, None


def tracking_uri(context: KedroContext) -> str:
    """Return where kedro-mlflow would track: what mlflow.yml says, else the environment's address, else nothing."""
    loader: Any = context.config_loader
    loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
    try:
        server = (loader["mlflow"] or {}).get("server") or {}
    except MissingConfigException:
        server = {}
    return str(server.get("mlflow_tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI", ""))


def answers(uri: str, seconds: float = PROBE_SECONDS) -> bool:
    """Return whether a tracking server answers. Anything but http(s) (sqlite, databricks) is not probed.

    An answer is any below 500: a server that asks for a login is there. A certificate that we cannot check says so
    too: MLflow has settings of its own for that.
    """
    if not uri.startswith(("http://", "https://")):
        return True
    try:
        with urlopen(f"{uri.rstrip('/')}/health", timeout=seconds):
            return True
    except HTTPError as error:
        return error.code < 500
    except URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False
