"""Which scenarios get a run of their own, and what stands in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from distributed_automl.scenario.kpis import KPIS
from distributed_automl.scenario.metrics import METRICS

PARAMETERS = ("estimator", "n_samples", "n_features", "n_trials", "hyperparameters")
TAGS = ("scenario_id", "status", "run_id", "fit_run_id", "stage", "error_type", "reason", "model_digest")
COSTS = ("fit_seconds", "peak_memory_mb", "model_bytes")


@dataclass(frozen=True)
class Child:
    """A run below the parent: one scenario.

    Attributes:
        name: shown in the list of runs.
        failed: whether the run is to end as failed.
        metrics: holdout metrics, KPIs and costs; may hold NaN.
        parameters: what was chosen.
        tags: what it is.
    """

    name: str
    failed: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def choose_scenarios(results: pd.DataFrame, objective: str, max_child_runs: int) -> pd.DataFrame:
    """Choose the scenarios of this run that are worth a look: failed ones, then the worst and the best.

    Failed ones take up to half of the places (all that are left over if fewer were fitted), the worst come before
    the best. Reused scenarios have their runs already.

    Args:
        results: what `training_results` tell, with a column of the objective.
        objective: the metric or KPI that ranks them.
        max_child_runs: at most so many.

    Returns:
        Their rows, in that order.
    """
    failed = results.loc[results["status"] == "failed", "scenario_id"].sort_values().index
    fitted = _ranked(results, objective)
    n_failed = min(len(failed), max(max_child_runs // 2, max_child_runs - len(fitted)))
    n_worst = min(len(fitted), (max_child_runs - n_failed + 1) // 2)
    n_best = min(len(fitted) - n_worst, max_child_runs - n_failed - n_worst)
    return results.loc[[*failed[:n_failed], *fitted[:n_worst], *fitted[::-1][:n_best]]]


def children_of(chosen: pd.DataFrame) -> list[Child]:
    """Return the runs of chosen scenarios; columns of PARAMETERS, TAGS and COSTS may be absent."""
    return [_child({str(name): value for name, value in row.items()}) for row in chosen.to_dict("records")]


def _ranked(results: pd.DataFrame, objective: str) -> pd.Index:
    """Return the labels of the scenarios that were fitted and whose objective is known, the worst first."""
    fitted = results.loc[results["status"] == "fitted", ["scenario_id"]]
    scores = results.reindex(columns=[objective])[objective].loc[fitted.index]  # of no fit it may be known
    greater_is_better = (METRICS | KPIS)[objective].greater_is_better
    ranked = fitted.assign(value=scores if greater_is_better else -scores.abs()).dropna()
    return ranked.sort_values(["value", "scenario_id"]).index


def _child(row: Mapping[str, object]) -> Child:
    scores = [name for name, value in row.items() if isinstance(value, float) and name not in (*PARAMETERS, *TAGS)]
    return Child(
        name=str(row["scenario_id"]),
        failed=row["status"] == "failed",
        metrics={name: float(str(row[name])) for name in scores},
        parameters={name: _plain(row[name]) for name in PARAMETERS if _is_known(row.get(name))},
        tags={name: _plain(row[name]) for name in TAGS if _is_known(row.get(name))},
    )


def _plain(value: object) -> str:
    """Write a value as text; a count that pandas holds as a float beside nulls stays a count."""
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _is_known(value: object) -> bool:
    return value is not None and value == value and str(value) not in ("", "<NA>")
