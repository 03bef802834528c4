"""What predictions were worth once the actuals came: a narrow row per scenario, the fleet's figures. Pure pandas."""

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Costs, Problem
from distributed_automl.scenario.classes import class_costs
from distributed_automl.scenario.kpis import KPIS, kpis
from distributed_automl.scenario.metrics import METRICS, scores
from distributed_automl.scenario.naming import scenario_id_of
from distributed_automl.scenario.outcome import Outcome
from distributed_automl.tables import Table, coverage_name, evaluation_table, interval_names

logger = logging.getLogger(__name__)

MATCH_COL = "match"
"""Column of ``outcomes``: how a row came about, one of the four below."""
MATCHED, ABSENT, MISSING, EXTRA = "matched", "absent", "missing", "extra"
"""An actual stands against the prediction; none does but an absent period means zero; not known (yet); nobody asked."""
KNOWN = (MATCHED, ABSENT)
ACTUAL_COL = "actual"
NO_CLASS = ""
"""Stands for the prediction of a scenario that no class was ever known of."""
SCALED_METRICS = frozenset({"mase", "rmsse"})
"""Metrics in terms of the errors of seasonal naive on the training rows."""
COSTS_OF_ERRORS = ("total_cost", "misclassification_cost")
"""KPIs that are all the money that errors cost: of numbers, and of classes."""
N_ROWS_COL = "n_actual_rows"
"""Column of ``outcomes``: rows of ``actuals`` with this key; null for none."""


def evaluated_metrics(problem: Problem) -> list[str]:
    """Return the metrics of a problem without those whose scale belongs to training rows that nobody holds here."""
    return [name for name, metric in METRICS.items() if problem.task in metric.tasks and name not in SCALED_METRICS]


def evaluation_contract(problem: Problem) -> Table:
    """Return the contract of ``evaluation`` for a problem."""
    names = [name for name, kpi in KPIS.items() if problem.task in kpi.tasks]
    return evaluation_table(evaluated_metrics(problem), names, problem.levels)


def evaluate(outcomes: pd.DataFrame, problem: Problem, costs: Costs) -> pd.DataFrame:
    """Judge the predictions of any number of scenarios.

    Args:
        outcomes: predictions with `actual`, `match` and `n_actual_rows` beside them; of extra actuals only the keys.
        problem: the use case.
        costs: what an error costs.

    Returns:
        One row per scenario with the columns of `evaluation_contract`, sorted by scenario.
    """
    groups = outcomes.groupby(list(problem.scenario_keys), dropna=False, sort=False)
    rows = [_evaluate_scenario(group, problem, costs) for _, group in groups]
    names = evaluation_contract(problem).names
    return pd.DataFrame(rows, columns=names).sort_values("scenario_id", ignore_index=True)


def _evaluate_scenario(outcomes: pd.DataFrame, problem: Problem, costs: Costs) -> dict[str, object]:
    asked = outcomes[outcomes[MATCH_COL] != EXTRA]
    known = asked[asked[MATCH_COL].isin(KNOWN)]
    return {
        "scenario_id": _scenario_id(outcomes, problem),
        "prediction_run_id": _most_frequent(asked["prediction_run_id"]),
        "rung": _most_frequent(asked["rung"]),
        "n_predictions": len(asked),
        "n_actuals": len(known),
        "n_missing": len(asked) - len(known),
        "n_extra": len(outcomes) - len(asked),
        "n_doubled": int((outcomes[N_ROWS_COL].fillna(0) > 1).sum()),
        **(_class_sums(known) if problem.is_classification else _sums(known)),
        **_scores(known, problem, costs),
        **{coverage_name(level): _coverage(known, level) for level in problem.levels},
    }


def _scenario_id(outcomes: pd.DataFrame, problem: Problem) -> str:
    predicted = outcomes["scenario_id"].dropna()
    if len(predicted):
        return str(predicted.iloc[0])
    return scenario_id_of({key: outcomes[key].iloc[0] for key in problem.scenario_keys}, problem)


def _most_frequent(values: pd.Series) -> str | None:
    """Return the commonest value, the first in the alphabet of several; None if there is none."""
    modes = values.dropna().mode()
    return str(modes.iloc[0]) if len(modes) else None


def _sums(known: pd.DataFrame) -> dict[str, float]:
    actual, predicted = _floats(known, ACTUAL_COL), _floats(known, "predicted_value")
    baseline = _floats(known, "baseline_value")
    return {
        "actual_sum": float(actual.sum()),
        "abs_actual_sum": float(np.abs(actual).sum()),
        "predicted_sum": float(predicted.sum()),
        "abs_error_sum": float(np.abs(predicted - actual).sum()),
        "baseline_abs_error_sum": float(np.abs(baseline - actual).sum()),
    }


def _class_sums(known: pd.DataFrame) -> dict[str, float]:
    """Count rows, and rows in a wrong class, where there are values to add up and errors."""
    actual = known[ACTUAL_COL]
    n_wrong, n_baseline = (float((known[name] != actual).sum()) for name in ("predicted_class", "baseline_class"))
    counts = dict.fromkeys(("actual_sum", "abs_actual_sum", "predicted_sum"), float(len(known)))
    return counts | {"abs_error_sum": n_wrong, "baseline_abs_error_sum": n_baseline}


def _scores(known: pd.DataFrame, problem: Problem, costs: Costs) -> dict[str, float]:
    """Compute metrics and KPIs beside the baseline's; nothing without a known actual (the columns are then null)."""
    if known.empty:
        return {}
    outcomes = _class_outcomes(known, problem) if problem.is_classification else _outcomes(known, costs)
    ours, baseline = (_outcome_scores(outcome, problem) for outcome in outcomes)
    error = "error_rate" if problem.is_classification else "wape"
    added = {"forecast_value_added": baseline[error] - ours[error]}
    return added | ours | {f"baseline_{name}": value for name, value in baseline.items()}


def _outcome_scores(outcome: Outcome, problem: Problem) -> dict[str, float]:
    metrics = scores(outcome, problem.task)
    return {name: metrics[name] for name in evaluated_metrics(problem)} | kpis(outcome, problem.task)


def _outcomes(known: pd.DataFrame, costs: Costs) -> list[Outcome]:
    """Pair our values, and the baseline's, with what came true."""
    actual = _floats(known, ACTUAL_COL)
    return [
        Outcome(y_true=actual, y_pred=_floats(known, name), costs=costs)
        for name in ("predicted_value", "baseline_value")
    ]


def _class_outcomes(known: pd.DataFrame, problem: Problem) -> list[Outcome]:
    """Pair our classes, and the baseline's, with what came true; a class that was not known had no probability."""
    pairs = [("predicted_class", "probabilities"), ("baseline_class", "baseline_probabilities")]
    decided = [known[name].fillna(NO_CLASS) for name, _ in pairs]
    maps = [[dict(one) for one in known[name]] for _, name in pairs]
    named = {label for own in maps for one in own for label in one}
    classes = sorted(named.union(known[ACTUAL_COL], *decided))
    codes = [pd.Index(classes).get_indexer(pd.Index(labels)) for labels in (known[ACTUAL_COL], *decided)]
    return [
        Outcome(
            y_true=codes[0].astype(np.float64),
            y_pred=np.array([[one.get(label, 0.0) for label in classes] for one in own]),
            decided=own_codes.astype(np.intp),
            class_costs=class_costs(problem, classes),
        )
        for own, own_codes in zip(maps, codes[1:], strict=True)
    ]


def _coverage(known: pd.DataFrame, level: float) -> float:
    """Share of the known actuals inside their interval; NaN if no row has one."""
    lower, upper = (_floats(known, name) for name in interval_names(level))
    actual = _floats(known, ACTUAL_COL)
    bounded = ~(np.isnan(lower) | np.isnan(upper))
    inside = (lower <= actual) & (actual <= upper)
    return float(inside[bounded].mean()) if bounded.any() else float("nan")


def _floats(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def require_single_actuals(evaluation: pd.DataFrame) -> None:
    """Raise TableError if a key stands in ``actuals`` more than once: nobody knows which row came true."""
    doubled = evaluation[evaluation["n_doubled"] > 0]
    if len(doubled):
        names = ", ".join(doubled["scenario_id"].head(5))
        raise TableError(
            f"table 'actuals' must hold each key once; {int(doubled['n_doubled'].sum())} keys stand there several "
            f"times, in {len(doubled)} scenarios: {names}. Aggregate them before they enter the catalog"
        )


def warn_of_strangers(evaluation: pd.DataFrame) -> None:
    """Warn where no prediction of the whole fleet met an actual, but there are actuals that nobody asked for.

    Where an absent period means zero all of them would be judged by zeros, without a word.
    """
    n_extra = int(evaluation["n_extra"].sum())
    if n_extra and not evaluation["abs_actual_sum"].sum():
        logger.warning(
            "none of %d predictions met an actual other than zero, and %d rows of `actuals` belong to no prediction: "
            "are keys and timestamps written alike in both (a time zone, '01' beside '1')? The evaluation says nothing",
            int(evaluation["n_predictions"].sum()), n_extra,
        )  # fmt: skip


def fleet_figures(evaluation: pd.DataFrame, levels: Iterable[float]) -> dict[str, float]:
    """Pool the rows of ``evaluation`` over the fleet. Sums come before ratios, so that large scenarios weigh more.

    Args:
        evaluation: one row per scenario; may be empty.
        levels: nominal coverages.

    Returns:
        Name -> value; NaN where nothing is known: counts, pooled WAPE (of classes: error rate) and bias beside the
        baseline's, the share of
        scenarios with a smaller error than the baseline, coverage by level (weighted by rows), and every KPI's sum.
    """
    judged = evaluation[evaluation["n_actuals"] > 0]
    better = judged["abs_error_sum"] < judged["baseline_abs_error_sum"]
    worse = judged["abs_error_sum"] > judged["baseline_abs_error_sum"]
    counts = {name: float(evaluation[name].sum()) for name in ("n_predictions", "n_actuals", "n_missing", "n_extra")}
    return {
        "n_scenarios_predicted": float((evaluation["n_predictions"] > 0).sum()),
        "n_scenarios_judged": float(len(judged)),
        **counts,
        **_pooled_errors(judged),
        "n_better": float(better.sum()),
        "n_worse": float(worse.sum()),
        "share_better": _ratio(float(better.sum()), float(len(judged))),
        **{coverage_name(level): _weighted(judged, coverage_name(level)) for level in levels},
        **_pooled_kpis(judged),
    }


def _pooled_errors(judged: pd.DataFrame) -> dict[str, float]:
    actual = float(judged["abs_actual_sum"].sum())
    wape = _ratio(float(judged["abs_error_sum"].sum()), actual)
    baseline = _ratio(float(judged["baseline_abs_error_sum"].sum()), actual)
    return {
        "wape": wape,
        "baseline_wape": baseline,
        "forecast_value_added": baseline - wape,
        "error_reduction": 1.0 - _ratio(wape, baseline),
        "bias": _ratio(float(judged["predicted_sum"].sum() - judged["actual_sum"].sum()), actual),
        "actual_sum": float(judged["actual_sum"].sum()),
        "predicted_sum": float(judged["predicted_sum"].sum()),
    }


def _pooled_kpis(judged: pd.DataFrame) -> dict[str, float]:
    names = [name for kpi in KPIS for name in (kpi, f"baseline_{kpi}") if name in judged]
    sums = {name: float(judged[name].sum()) for name in names}
    saved = [sums[f"baseline_{cost}"] - sums[cost] for cost in COSTS_OF_ERRORS if cost in sums]
    return sums | {"money_saved": sum(saved)}


def _weighted(judged: pd.DataFrame, column: str) -> float:
    known = judged[judged[column].notna()]
    return _ratio(float((known[column] * known["n_actuals"]).sum()), float(known["n_actuals"].sum()))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
