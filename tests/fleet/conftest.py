"""A tiny panel, and attempts that do what a test wants instead of fitting."""

import datetime as dt
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distributed_automl.parameters import AutoML, Limits, Plan, Problem, Run

SOURCES = str(Path(__file__).parents[2] / "src")
if SOURCES not in os.environ.get("PYTHONPATH", "").split(os.pathsep):  # for Spark's workers, as `kedro run` does it
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (SOURCES, os.environ.get("PYTHONPATH")) if part)

N_DAYS = 20


@pytest.fixture
def problem() -> Problem:
    return Problem(
        scenario_keys=("store",),
        timestamp="day",
        frequency="D",
        season=7,
        horizon=7,
        target="units",
        known_in_advance=("promo",),
        levels=(0.8,),
    )


@pytest.fixture
def make_setup(problem: Problem) -> Callable[..., Any]:
    """Return a function that makes a Setup; keywords replace fields of Plan, Run and Limits."""
    from distributed_automl.fleet.setup import Setup

    def make(*, limits: dict[str, Any] | None = None, run: dict[str, Any] | None = None, **plan: Any) -> Setup:
        limited = Run(limits=Limits(**(limits or {"seconds": 60.0, "memory_mb": 1024})), **(run or {}))
        return Setup(problem, AutoML(), Plan(**{"n_waves": 2, "min_wave_scenarios": 2, **plan}), limited)

    return make


def panel_of(stores: list[str], n_days: int = N_DAYS) -> pd.DataFrame:
    """Return rows of some stores: units of store i on day d are i + d % 3, a promotion every fifth day.

    The last column has a name that Spark reads as a path unless it is quoted.
    """
    rows = [
        (store, dt.date(2024, 1, 1) + dt.timedelta(days=day), float(number + day % 3), float(day % 5 == 0), 1.0)
        for number, store in enumerate(stores)
        for day in range(n_days)
    ]
    return pd.DataFrame(rows, columns=["store", "day", "units", "promo", "price.in`usd"])


PANEL_DDL = "store string, day date, units double, promo double, `price.in``usd` double"


@pytest.fixture
def panel() -> Callable[..., pd.DataFrame]:
    return panel_of


@pytest.fixture
def to_spark(spark: Any) -> Callable[..., Any]:
    """Return a function that makes a Spark frame of the panel's columns."""
    return lambda rows, ddl=PANEL_DDL: spark.createDataFrame(rows, schema=ddl)


@pytest.fixture
def make_ledger(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that opens a ledger under one temporary root."""
    from distributed_automl.datasets.ledger import LedgerDataset

    def make(name: str, run_id: str = "20260101T000000Z-aaaaaa", **options: Any) -> Any:
        ledger = LedgerDataset(filepath=str(tmp_path / name), **options)
        ledger.run_id = run_id
        return ledger

    return make


@pytest.fixture
def fake_attempt(tmp_path: Path) -> Callable[..., Any]:
    """Return a maker of attempts: they write down each call, and end as their scenario's name says."""
    folder = tmp_path / "calls"
    folder.mkdir()

    def make(misdeeds: dict[str, str] | None = None) -> Any:
        misdeeds_, log = misdeeds or {}, str(folder)

        def attempt(job: Any, order: Any, frame: pd.DataFrame, on_stage: Any) -> dict[str, Any]:
            Path(log, uuid.uuid4().hex).write_text(order.scenario_id)
            on_stage("tune")
            misdeed = misdeeds_.get(order.scenario_id)
            pool = order.pool.digest if order.pool else None
            model = f"{order.scenario_id}|{sorted(frame.columns)}|{len(frame)}|{frame['units'].sum()}|{pool}".encode()
            status = misdeed if misdeed in ("failed", "skipped") else "fitted"
            return {
                "scenario_id": order.scenario_id,
                "status": status,
                "stage": None if status == "fitted" else "tune",
                "error_type": None if status == "fitted" else "ValueError",
                "message": None if status == "fitted" else f"{status} on purpose",
                "n_samples": len(frame),
                "n_features": 2,
                "fit_seconds": 0.5,
                "estimator": "fake",
                "features": ["a", "b"],
                "metrics": {"wape": 0.25},
                "kpis": {"units_short": 1.0},
                "model": model if status == "fitted" else None,
                "model_bytes": len(model),
                "model_digest": f"digest of {order.scenario_id}",
                "pool_digest": pool,
            }

        return attempt

    make.calls = lambda: sorted(path.read_text() for path in folder.iterdir())  # type: ignore[attr-defined]
    return make
