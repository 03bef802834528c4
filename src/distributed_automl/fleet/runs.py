"""What a run was set up with: enough to do any of its fits and predictions again, years later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version

import pandas as pd
from pydantic import BaseModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.fleet.fingerprint import LIBRARIES, code_digest
from distributed_automl.fleet.predict import PredictSetup
from distributed_automl.fleet.setup import Setup
from distributed_automl.tables import RUNS

TRAIN, PREDICT = "train", "predict"


@dataclass(frozen=True)
class RunRecord:
    """One run, as the ledger `runs` keeps it.

    Attributes:
        run_id: of the run.
        pipeline: TRAIN or PREDICT.
        parameters: block -> its values, JSON.
        table_version: version of the table that it read; None if the catalog keeps none of it.
        portfolio: that searches started from, JSON; empty when predicting.
        code: the core's `code_digest`.
        packages: library -> version, Python among them.
        started_at: UTC.
    """

    run_id: str
    pipeline: str
    parameters: Mapping[str, Mapping[str, object]]
    table_version: str | None
    portfolio: Mapping[str, object] = field(default_factory=dict)
    code: str = field(default_factory=code_digest)
    packages: Mapping[str, str] = field(default_factory=lambda: packages_here())
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def row(self) -> pd.DataFrame:
        """Return the one row of RUNS that says all this."""
        texts = {"parameters": self.parameters, "portfolio": self.portfolio, "packages": self.packages}
        return pd.DataFrame(
            {
                "run_id": [self.run_id],
                "pipeline": [self.pipeline],
                "started_at": [pd.Timestamp(self.started_at)],
                "table_version": [self.table_version],
                "code_digest": [self.code],
                **{name: [json.dumps(values, sort_keys=True)] for name, values in texts.items()},
            }
        )[RUNS.names]


def record_training(setup: Setup, run_id: str, table_version: str | None) -> RunRecord:
    """Return the record of a training run."""
    parameters = parameters_of(problem=setup.problem, automl=setup.automl, plan=setup.plan, run=setup.run)
    return RunRecord(run_id, TRAIN, parameters, table_version, setup.portfolio_in_use().to_json())


def record_prediction(setup: PredictSetup, table_version: str | None) -> RunRecord:
    """Return the record of a prediction run."""
    parameters = parameters_of(problem=setup.problem, prediction=setup.prediction, plan=setup.plan, run=setup.run)
    return RunRecord(setup.run_id, PREDICT, parameters, table_version)


def packages_here() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a fit, as they are in this process."""
    return {"python": python_version(), **{name: version(name) for name in LIBRARIES}}


def parameters_of(**blocks: BaseModel) -> dict[str, Mapping[str, object]]:
    """Return blocks of parameters as JSON values, every default spelt out."""
    return {name: block.model_dump(mode="json") for name, block in blocks.items()}


def read_record(runs: DataFrame, run_id: str, pipeline: str) -> RunRecord:
    """Read what a run was set up with.

    Args:
        runs: rows of RUNS.
        run_id: of the run.
        pipeline: TRAIN or PREDICT.

    Raises:
        RunError: it left no record.
    """
    rows = runs.where((F.col("run_id") == run_id) & (F.col("pipeline") == pipeline)).toPandas()
    if rows.empty:
        raise RunError(
            f"the run {run_id} ({pipeline}) left no record in the ledger `runs`: expected one row, found none; it was "
            "made by an older version of this program, or the folder was removed"
        )
    row = rows.iloc[0]
    return RunRecord(
        run_id,
        pipeline,
        json.loads(row["parameters"]),
        row["table_version"],
        json.loads(row["portfolio"]),
        row["code_digest"],
        json.loads(row["packages"]),
        row["started_at"].to_pydatetime().replace(tzinfo=UTC),
    )
