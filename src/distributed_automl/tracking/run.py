"""What the driver logs to MLflow: into the run that is active, and into child runs per scenario. Nothing else logs."""

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from pydantic import BaseModel

from distributed_automl.tracking.children import Child

logger = logging.getLogger(__name__)
T = TypeVar("T")

MAX_METRICS, MAX_PARAMETERS, MAX_TAGS = 1000, 100, 100
"""What one batch call to a tracking server may hold."""
MAX_TEXT = 6000
"""Characters that a parameter may have; a longer one is cut, and its end says so."""
_warned_of: set[str] = set()
"""MLflow runs whose trouble a warning has told of."""


@dataclass(frozen=True)
class Record:
    """What is to be logged into one run.

    Attributes:
        metrics: values that are not finite are left out: the server would refuse them.
        tables: path of the artifact, ending in .json -> a small table.
        pages: path of the artifact -> its text, e.g. HTML.
        tags: name -> value.
        children: runs below it.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    children: Sequence[Child] = ()


def log_record(record: Record) -> bool:
    """Log into the active run.

    Without an active run, or if the server fails, the log says so and the program goes on: results are in the
    catalog, and can be tracked later. Why there is no run has been said before: by the hook, or in `mlflow.yml`.

    Returns:
        Whether everything was logged.
    """
    run = mlflow.active_run()
    if run is None:
        logger.info("not tracked: no MLflow run is active. `kedro run --pipelines=track` tracks these results later")
        return False
    try:
        _log(MlflowClient(), run, record)
    except MlflowException as error:
        report_trouble(run.info.run_id, error)
        return False
    return True


def report_trouble(run_id: str, error: Exception) -> None:
    """Say that tracking failed: as a warning once per MLflow run, since a server that is away fails each call."""
    level = logging.INFO if run_id in _warned_of else logging.WARNING
    _warned_of.add(run_id)
    first_line = next(iter(str(error).splitlines()), type(error).__name__)
    logger.log(level, "tracking failed (%s); `kedro run --pipelines=track` tracks the results later", first_line)


def _log(client: MlflowClient, run: MlflowRun, record: Record) -> None:
    log_values(client, run.info.run_id, metrics=record.metrics, tags=record.tags)
    for path, table in record.tables.items():
        client.log_table(run.info.run_id, table, path)
    for path, text in record.pages.items():
        client.log_text(run.info.run_id, text, path)
    for child in record.children:
        _log_child(client, run, child)


def _log_child(client: MlflowClient, parent: MlflowRun, child: Child) -> None:
    tags = {MLFLOW_PARENT_RUN_ID: parent.info.run_id}
    run_id = client.create_run(parent.info.experiment_id, tags=tags, run_name=child.name).info.run_id
    log_values(client, run_id, metrics=child.metrics, parameters=child.parameters, tags=child.tags)
    client.set_terminated(run_id, "FAILED" if child.failed else "FINISHED")


def log_values(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: Mapping[str, float] | None = None,
    parameters: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Log metrics, parameters and tags in as few calls as the server takes."""
    now = int(time.time() * 1000)
    finite = {name: value for name, value in (metrics or {}).items() if math.isfinite(value)}
    for metric_batch in batches((Metric(name, float(value), now, 0) for name, value in finite.items()), MAX_METRICS):
        client.log_batch(run_id, metrics=metric_batch)
    for batch in batches((Param(name, cut(value)) for name, value in (parameters or {}).items()), MAX_PARAMETERS):
        client.log_batch(run_id, params=batch)
    for tag_batch in batches((RunTag(name, cut(value)) for name, value in (tags or {}).items()), MAX_TAGS):
        client.log_batch(run_id, tags=tag_batch)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`, in order."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def cut(text: str) -> str:
    """Return the text, or as much of it as a parameter may hold."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 12]} … (cut off)"


def flatten(name: str, value: object) -> dict[str, str]:
    """Spread a typed parameter block into dotted names.

    Args:
        name: of the block, e.g. "automl".
        value: a pydantic model, a mapping, or a plain value.

    Returns:
        Dotted name -> text, e.g. {"automl.validation.n_folds": "3"}; sequences are joined by commas.
    """
    fields = _fields(value)
    if not fields:
        return {name: _text(value)}
    return {key: text for part, inner in fields.items() for key, text in flatten(f"{name}.{part}", inner).items()}


def _fields(value: object) -> Mapping[str, object]:
    """Return what stands below a value; `dict(model)` would take a property named `keys` for a method."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
