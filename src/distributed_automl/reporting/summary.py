"""The fleet in one small table, and the scenarios side by side: what the report, the terminal and Kedro-Viz show."""

import logging
import math
from collections.abc import Mapping

import pandas as pd

from distributed_automl.narrow import compact
from distributed_automl.reporting.training import (
    BEHIND_SUMS,
    holdout_sums,
    modelled,
    training_figures,
    with_class_errors,
)

logger = logging.getLogger(__name__)

SUMMARY_COLUMNS = ["name", "value", "meaning"]
SCENARIO_COLUMNS = [
    "scenario_id",
    "status",
    "estimator",
    "rung",
    "judged_on",
    "actual_sum",
    "abs_error",
    "baseline_abs_error",
    "errors_avoided",
    "wape",
    "baseline_wape",
    "fit_seconds",
    "n_samples",
    "reason",
]
EVALUATED_COLUMNS = [
    "scenario_id",
    "rung",
    "n_predictions",
    "n_actuals",
    "actual_sum",
    "abs_error_sum",
    "baseline_abs_error_sum",
    "wape",
    "baseline_wape",
]
MAX_LISTED = 10_000
"""Scenarios that a table for people has at most: a browser does not stand many more."""
MEANINGS = {
    "training.n_planned": "scenarios planned in this run",
    "training.n_fitted": "scenarios that got a new model",
    "training.n_reused": "scenarios unchanged since an earlier fit, whose model stands",
    "training.n_skipped": "scenarios that cannot be modelled (too little data, a constant target)",
    "training.n_failed": "scenarios whose fit failed",
    "training.fit_seconds": "core-seconds of all fits of this run",
    "training.fit_seconds_median": "core-seconds of a middling fit",
    "training.n_trials": "configurations tried",
    "training.model_mb": "size of all models, MB",
    "holdout.wape": "sum of absolute errors over sum of actuals (of classes: error rate), on rows no model had seen",
    "holdout.baseline_wape": "the same of the baseline",
    "holdout.error_reduction": "share of the baseline's error that is gone",
    "holdout.share_value_added": "share of scenarios whose objective is better than the baseline's",
    "holdout.fva.p50": "forecast value added: share of the baseline's error gone, by the objective, in half of them",
    "evaluation.wape": "sum of absolute errors over sum of actuals (of classes: error rate), on what came true",
    "evaluation.baseline_wape": "the same of the baseline",
    "evaluation.forecast_value_added": "the baseline's WAPE (of classes: error rate) minus ours",
    "evaluation.error_reduction": "share of the baseline's error that is gone",
    "evaluation.bias": "forecast minus actual over actual: 0.1 is 10% too much",
    "evaluation.share_better": "share of scenarios with a smaller error than the baseline",
    "evaluation.n_missing": "predictions whose actual is not known",
    "evaluation.n_extra": "actuals that no prediction was asked for",
    "evaluation.money_saved": "cost of the baseline's errors minus the cost of ours",
    "evaluation.total_cost": "margin lost on units short, and holding units over",
    "evaluation.misclassification_cost": "what the rows in a wrong class cost",
}


def summarize(
    scores: pd.DataFrame, distributions: Mapping[str, float], evaluation_figures: Mapping[str, float]
) -> pd.DataFrame:
    """Put the fleet's figures into one table.

    Args:
        scores: as `read_scores` returns them.
        distributions: as `read_distributions` returns them.
        evaluation_figures: pooled over the fleet; empty if nothing was evaluated yet.

    Returns:
        SUMMARY_COLUMNS; names are those of the metrics that MLflow holds.
    """
    evaluated = {f"evaluation.{name}": value for name, value in evaluation_figures.items()}
    figures = training_figures(scores) | dict(distributions) | evaluated
    return pd.DataFrame(
        [(name, value, MEANINGS.get(name, "")) for name, value in figures.items()], columns=SUMMARY_COLUMNS
    )


def list_scenarios(scores: pd.DataFrame, evaluation: pd.DataFrame) -> pd.DataFrame:
    """Set the scenarios side by side, judged on the actuals if there are any, else on their holdouts.

    Args:
        scores: as `read_scores` returns them.
        evaluation: one row per scenario; may be empty, and may hold scenarios that were never planned.

    Returns:
        SCENARIO_COLUMNS, one row per scenario of either table; the most errors avoided first, unjudged ones last.
    """
    evaluation = compact(with_class_errors(evaluation).reindex(columns=EVALUATED_COLUMNS))
    trained = scores[["scenario_id", "status", "estimator", "reason", "fit_seconds", "n_samples"]]
    judged = _on_actuals(evaluation) if (evaluation["n_actuals"] > 0).any() else _on_holdout(scores)
    rungs = evaluation.loc[evaluation["n_predictions"] > 0, ["scenario_id", "rung"]]
    listed = trained.merge(rungs, on="scenario_id", how="outer").merge(judged, on="scenario_id", how="outer")
    listed["status"] = listed["status"].fillna("not planned")
    listed["errors_avoided"] = listed["baseline_abs_error"] - listed["abs_error"]
    return listed.sort_values(["errors_avoided", "scenario_id"], ascending=[False, True], ignore_index=True).reindex(
        columns=SCENARIO_COLUMNS
    )


def most_notable(listed: pd.DataFrame) -> pd.DataFrame:
    """Return MAX_LISTED scenarios of `list_scenarios` at most, in its order.

    Those that nothing is known of come first (failed and skipped ones are among them), then those where most errors
    were avoided or added.
    """
    if len(listed) <= MAX_LISTED:
        return listed
    logger.info(
        "the tracked table of scenarios has %d of %d: those without a score, and the most notable ones",
        MAX_LISTED,
        len(listed),
    )
    ranked = listed["errors_avoided"].abs().sort_values(ascending=False, na_position="first", kind="stable")
    return listed.loc[ranked.index[:MAX_LISTED].sort_values()]


def _on_actuals(evaluation: pd.DataFrame) -> pd.DataFrame:
    names = {"abs_error_sum": "abs_error", "baseline_abs_error_sum": "baseline_abs_error"}
    judged = evaluation[evaluation["n_actuals"] > 0].rename(columns=names).assign(judged_on="actuals")
    return judged[["scenario_id", "judged_on", "actual_sum", *names.values(), "wape", "baseline_wape"]]


def _on_holdout(scores: pd.DataFrame) -> pd.DataFrame:
    models = modelled(scores[["scenario_id", "status", *BEHIND_SUMS]])
    judged = models[["scenario_id", "wape", "baseline_wape"]].assign(judged_on="holdout")
    return judged.join(holdout_sums(models))


class Figures:
    """Read-only look-up in a ``fleet_summary``, by name."""

    def __init__(self, summary: pd.DataFrame) -> None:
        self._values = {str(name): float(value) for name, value in zip(summary["name"], summary["value"], strict=True)}

    def __getitem__(self, name: str) -> float:
        """Return a value; NaN if the summary does not have it."""
        return self._values.get(name, float("nan"))

    def count(self, name: str) -> int:
        """Return a value as a whole number; 0 if it is not known."""
        value = self[name]
        return 0 if math.isnan(value) else round(value)

    @property
    def judged_on(self) -> str:
        """What the errors were measured on: "evaluation" once actuals are there, else "holdout"."""
        return "evaluation" if self.count("evaluation.n_scenarios_judged") else "holdout"

    def judged(self, name: str) -> float:
        """Return a value that both the evaluation and the holdout have, from the one that counts."""
        return self[f"{self.judged_on}.{name}"]

    def coverages(self) -> dict[str, float]:
        """Return the measured coverage by level in percent, e.g. {"80": 0.81}, in ascending order of level."""
        prefix = f"{self.judged_on}.coverage_"
        found = {name.removeprefix(prefix): value for name, value in self._values.items() if name.startswith(prefix)}
        return dict(sorted(((level, value) for level, value in found.items() if not math.isnan(value)), key=_level))


def _level(item: tuple[str, float]) -> float:
    return float(item[0])
