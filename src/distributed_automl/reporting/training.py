"""What ``training_results`` say about the fleet: figures, distributions, candidates and reasons. Pure pandas."""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from distributed_automl.scenario.kpis import KPIS
from distributed_automl.scenario.metrics import FVA, METRICS

MODELLED = ("fitted", "reused")
"""Statuses that come with a model."""
STATUSES = ("fitted", "reused", "skipped", "failed")
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
SCORE_COLUMNS = [prefix + name for name in (*METRICS, *KPIS) for prefix in ("", "baseline_")] + [FVA]
OF_CLASSES = {"wape": "error_rate", "total_cost": "misclassification_cost"}
"""What stands in the same place where the target is a class: a row in a wrong class is an error of one."""
CANDIDATE_COLUMNS = ["candidate", "share", "n_alone", "n_in_ensembles", "n_first", "n_trials", "seconds"]
REASON_COLUMNS = ["status", "stage", "error_type", "pattern", "n_scenarios", "example", "scenarios"]


def expand(training_results: pd.DataFrame) -> pd.DataFrame:
    """Spread the maps `metrics` and `kpis` into columns of float64; null where a scenario has no model."""
    maps = [training_results[name].map(_as_dict) for name in ("metrics", "kpis")]
    merged = [one | two for one, two in zip(*maps, strict=True)]
    spread = pd.DataFrame(merged, index=training_results.index)
    names = [*SCORE_COLUMNS, *(name for name in spread.columns if name not in SCORE_COLUMNS)]
    spread = with_class_errors(spread.reindex(columns=names).astype(np.float64))
    return pd.concat([training_results.drop(columns=["metrics", "kpis"]), spread], axis=1)


def with_class_errors(scores: pd.DataFrame) -> pd.DataFrame:
    """Fill WAPE and cost where they are null by what classes have for them; see OF_CLASSES."""
    pairs = {prefix + name: prefix + other for name, other in OF_CLASSES.items() for prefix in ("", "baseline_")}
    filled = {
        name: scores[name].fillna(scores[other]) if name in scores else scores[other]
        for name, other in pairs.items()
        if other in scores
    }
    return scores.assign(**filled)


def _as_dict(values: Any) -> dict[str, float]:
    """Read a map as Spark, Arrow or parquet hands it over: a dict, pairs, or nothing."""
    if values is None or isinstance(values, float):
        return {}
    return {str(name): value for name, value in dict(values).items()}


def modelled(expanded: pd.DataFrame) -> pd.DataFrame:
    """Keep the scenarios that have a model, fitted now or reused."""
    return expanded[expanded["status"].isin(MODELLED)]


def training_figures(expanded: pd.DataFrame) -> dict[str, float]:
    """Pool ``training_results`` over the fleet: counts, cost, and the holdout's error beside the baseline's."""
    counts = {f"n_{status}": float((expanded["status"] == status).sum()) for status in STATUSES}
    fitted = expanded[expanded["status"] == "fitted"]
    return {
        "training.n_planned": float(len(expanded)),
        **{f"training.{name}": count for name, count in counts.items()},
        "training.fit_seconds": float(fitted["fit_seconds"].sum()),
        "training.fit_seconds_median": float(fitted["fit_seconds"].median()),
        "training.n_trials": float(fitted["n_trials"].sum()),
        "training.model_mb": float(modelled(expanded)["model_bytes"].sum()) / 1e6,
        **{f"holdout.{name}": value for name, value in holdout_figures(modelled(expanded)).items()},
    }


def holdout_figures(models: pd.DataFrame) -> dict[str, float]:
    """Pool the holdouts of the scenarios with a model. Sums come before ratios; KPIs are sums over rows."""
    sums = holdout_sums(models)
    ours, baseline, actual = (float(sums[name].sum()) for name in ("abs_error", "baseline_abs_error", "actual_sum"))
    n_better = float((sums["abs_error"] < sums["baseline_abs_error"]).sum())
    saved = float(models["baseline_total_cost"].sum() - models["total_cost"].sum())
    return {
        "n_scenarios_judged": float(len(models)),
        "wape": _ratio(ours, actual),
        "baseline_wape": _ratio(baseline, actual),
        "error_reduction": 1.0 - _ratio(ours, baseline),
        "n_better": n_better,
        "n_worse": float((sums["abs_error"] > sums["baseline_abs_error"]).sum()),
        "share_better": _ratio(n_better, float(len(models))),
        "share_value_added": float((models[FVA] > 0).mean()) if models[FVA].notna().any() else float("nan"),
        "money_saved": saved,
        **{name: float(models[name].mean()) for name in models.columns if name.startswith("coverage_")},
    }


def holdout_sums(models: pd.DataFrame) -> pd.DataFrame:
    """Return the sums behind each scenario's holdout: abs_error, baseline_abs_error, actual_sum.

    Errors are units short plus units over, of classes the rows in a wrong one. What was sold follows from them and
    WAPE; where ours is perfect, from the baseline's; where both are, it cannot be told and counts as zero.
    """
    ours, baseline = (
        (models[f"{prefix}units_short"] + models[f"{prefix}units_over"]).fillna(models[f"{prefix}n_wrong"])
        for prefix in ("", "baseline_")
    )
    actual = (ours / models["wape"]).where(models["wape"] > 0)
    other = (baseline / models["baseline_wape"]).where(models["baseline_wape"] > 0)
    return pd.DataFrame(
        {"abs_error": ours, "baseline_abs_error": baseline, "actual_sum": actual.fillna(other).fillna(0.0)}
    )


def distributions(expanded: pd.DataFrame) -> dict[str, float]:
    """Return quantiles over the scenarios with a model of every metric and its baseline, and of the cost."""
    models = modelled(expanded)
    metrics = [name for metric in METRICS for name in (metric, f"baseline_{metric}")]
    named = {
        **{f"holdout.{name}": name for name in metrics},
        f"holdout.{FVA}": FVA,
        "training.fit_seconds": "fit_seconds",
    }
    return {
        f"{label}.{quantile}": float(models[name].quantile(level))
        for label, name in named.items()
        if models[name].notna().any()
        for quantile, level in QUANTILES.items()
    }


def rank_candidates(expanded: pd.DataFrame) -> pd.DataFrame:
    """Say what predicts: each candidate's share of all models, how often it ships, ranks first, and what it costs.

    Returns:
        CANDIDATE_COLUMNS, the largest share first. `share` is the mean weight over all models (they add up to one),
        `n_first` counts the scenarios where it was the best single candidate on the folds.
    """
    rows = [
        {"scenario_id": scenario, "estimator": estimator, **entry}
        for scenario, estimator, text in zip(
            *(modelled(expanded)[name] for name in ("scenario_id", "estimator", "leaderboard")), strict=True
        )
        for entry in _entries(text)
    ]
    if not rows:
        return pd.DataFrame(columns=CANDIDATE_COLUMNS)
    return _rank(pd.DataFrame(rows), n_models=len(modelled(expanded)))


def _entries(leaderboard: Any) -> list[Mapping[str, Any]]:
    """Return a leaderboard's single candidates: an ensemble's weight stands with its members."""
    entries = json.loads(leaderboard) if isinstance(leaderboard, str) else []
    return [entry for entry in entries if entry["candidate"] != "ensemble"]


def _rank(entries: pd.DataFrame, n_models: int) -> pd.DataFrame:
    firsts = entries.loc[entries.groupby("scenario_id")["rank"].idxmin(), "candidate"].value_counts()
    by_candidate = entries.assign(
        alone=entries["estimator"] == entries["candidate"],
        mixed=(entries["estimator"] == "ensemble") & (entries["weight"] > 0),
    ).groupby("candidate", as_index=False)
    ranked = by_candidate.agg(
        share=("weight", "sum"),
        n_alone=("alone", "sum"),
        n_in_ensembles=("mixed", "sum"),
        n_trials=("n_trials", "sum"),
        seconds=("seconds", "sum"),
    )
    ranked["share"] = ranked["share"] / n_models
    ranked["n_first"] = ranked["candidate"].map(firsts).fillna(0).astype(int)
    return ranked.sort_values(["share", "candidate"], ascending=[False, True], ignore_index=True)[CANDIDATE_COLUMNS]


def group_reasons(expanded: pd.DataFrame) -> pd.DataFrame:
    """Group the scenarios without a model by why, numbers and names left out; the commonest reason first."""
    lost = expanded[expanded["status"].isin(("skipped", "failed"))]
    if lost.empty:
        return pd.DataFrame(columns=REASON_COLUMNS)
    keyed = lost.assign(
        pattern=lost["reason"].fillna("no reason given").map(pattern_of),
        **{name: lost[name].astype(object).where(lost[name].notna(), "") for name in ("stage", "error_type")},
    )
    grouped = keyed.groupby(["status", "stage", "error_type", "pattern"], as_index=False).agg(
        n_scenarios=("scenario_id", "size"),
        example=("reason", "first"),
        scenarios=("scenario_id", lambda ids: ", ".join(sorted(ids))),
    )
    return grouped.sort_values(["status", "n_scenarios", "pattern"], ascending=[True, False, True], ignore_index=True)[
        REASON_COLUMNS
    ]


def pattern_of(reason: str) -> str:
    """Leave out what differs between scenarios: quoted names and numbers."""
    first_line = reason.strip().splitlines()[0] if reason.strip() else "no reason given"
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d.,:T-]*", "…", first_line)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
