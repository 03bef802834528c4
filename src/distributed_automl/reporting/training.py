"""What the scores of training say about the fleet: figures and reasons. Pure pandas."""

import re

import pandas as pd

from distributed_automl.scenario.metrics import FVA

MODELLED = ("fitted", "reused")
"""Statuses that come with a model."""
STATUSES = ("fitted", "reused", "skipped", "failed")
COVERAGE = "coverage_"
"""What the scores that say how many actuals an interval holds begin with; the level in percent follows."""
OF_CLASSES = {"wape": "error_rate", "total_cost": "misclassification_cost"}
"""What stands in the same place where the target is a class: a row in a wrong class is an error of one."""
CLASS_ERRORS = {prefix + name: prefix + other for name, other in OF_CLASSES.items() for prefix in ("", "baseline_")}
"""The same of the model and of the baseline."""
_SUMMED = ("wape", "units_short", "units_over", "n_wrong")
_PAIRED = (*_SUMMED, "total_cost", *OF_CLASSES.values())
BEHIND_SUMS = [prefix + name for name in _SUMMED for prefix in ("", "baseline_")]
"""Scores that the sums over holdouts are made of."""
NAMED_SCORES = [prefix + name for name in _PAIRED for prefix in ("", "baseline_")] + [FVA]
"""Scores that the figures call by name."""
REASON_COLUMNS = ["status", "stage", "error_type", "pattern", "n_scenarios", "example", "scenarios"]


def with_class_errors(scores: pd.DataFrame) -> pd.DataFrame:
    """Fill WAPE and cost where they are null by what classes have for them; see CLASS_ERRORS."""
    filled = {
        name: scores[name].fillna(scores[other]) if name in scores else scores[other]
        for name, other in CLASS_ERRORS.items()
        if other in scores
    }
    return scores.assign(**filled)


def modelled(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep the scenarios that have a model, fitted now or reused."""
    return scores[scores["status"].isin(MODELLED)]


def training_figures(scores: pd.DataFrame) -> dict[str, float]:
    """Pool ``training_results`` over the fleet: counts, cost, and the holdout's error beside the baseline's."""
    counts = {f"n_{status}": float((scores["status"] == status).sum()) for status in STATUSES}
    fitted = scores.loc[scores["status"] == "fitted", ["fit_seconds", "n_trials"]]
    judged = [name for name in scores.columns if name in NAMED_SCORES or name.startswith(COVERAGE)]
    models = modelled(scores[["status", "model_bytes", *judged]])
    return {
        "training.n_planned": float(len(scores)),
        **{f"training.{name}": count for name, count in counts.items()},
        "training.fit_seconds": float(fitted["fit_seconds"].sum()),
        "training.fit_seconds_median": float(fitted["fit_seconds"].median()),
        "training.n_trials": float(fitted["n_trials"].sum()),
        "training.model_mb": float(models["model_bytes"].sum()) / 1e6,
        **{f"holdout.{name}": value for name, value in holdout_figures(models).items()},
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
        **{name: float(models[name].mean()) for name in models.columns if name.startswith(COVERAGE)},
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


def group_reasons(scores: pd.DataFrame) -> pd.DataFrame:
    """Group the scenarios without a model by why, numbers and names left out; the commonest reason first."""
    lost = scores[scores["status"].isin(("skipped", "failed"))]
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
