"""Which fit predicts from now on. One row per decision; the latest row of a scenario wins.

The rule: a scenario without a champion takes the fit that it has. One with a champion takes a newer fit if the training
run made it, and nobody pinned the champion. A fit that was merely reused replaces nothing.
"""

from datetime import datetime

import pandas as pd

from distributed_automl.tables import CHAMPIONS

BY = "promote"
FIRST, PROMOTED, PINNED = "first", "promoted", "pinned"


def decide_champions(training_results: pd.DataFrame, champions_before: pd.DataFrame, *, now: datetime) -> pd.DataFrame:
    """Decide who predicts.

    Args:
        training_results: rows of one training run.
        champions_before: all decisions so far.
        now: UTC, with its time zone; the decisions' time.

    Returns:
        New rows of CHAMPIONS, sorted by scenario_id; none for scenarios that keep what they have.
    """
    with_model = training_results[training_results["fit_run_id"].notna()].sort_values("scenario_id")
    current = _latest(champions_before)
    decided = [_decide(row, current.get(str(row["scenario_id"]))) for row in with_model.to_dict("records")]
    rows = [{**decision, "since": pd.Timestamp(now), "by": BY} for decision in decided if decision is not None]
    return pd.DataFrame(rows, columns=CHAMPIONS.names).astype({"since": "datetime64[ns, UTC]"})


def _latest(champions: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return scenario_id -> its latest decision."""
    ordered = champions.sort_values("since", kind="stable")
    return {str(row["scenario_id"]): row for row in ordered.to_dict("records")}  # type: ignore[misc]


def _decide(result: dict[object, object], current: dict[str, str] | None) -> dict[str, object] | None:
    """Return the decision about one scenario, or None if all stays as it is."""
    decision = {"scenario_id": result["scenario_id"], "fit_run_id": result["fit_run_id"]}
    if current is None:
        return {**decision, "decision": FIRST, "reason": "it had no champion"}
    is_newer = result["status"] == "fitted" and result["fit_run_id"] != current["fit_run_id"]
    if not is_newer or current["decision"] == PINNED:
        return None
    return {**decision, "decision": PROMOTED, "reason": f"fitted after the champion of run {current['fit_run_id']}"}
