"""Which fit predicts from now on. One row per decision; the latest row of a scenario wins.

The rule: a scenario without a champion takes the fit that it has. One with a champion takes a newer fit, whether this
run made it or reused what an unpromoted run left, unless the champion is pinned. A fit that was champion before does
not come back by itself: a rollback would not last longer than the next run.
"""

from datetime import datetime
from typing import Any

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
    past = _by_scenario(champions_before)
    decided = [_decide(row, past.get(str(row["scenario_id"]), [])) for row in with_model.to_dict("records")]
    rows = [{**decision, "since": pd.Timestamp(now), "by": BY} for decision in decided if decision is not None]
    return pd.DataFrame(rows, columns=CHAMPIONS.names).astype({"since": "datetime64[ns, UTC]"})


def _by_scenario(champions: pd.DataFrame) -> dict[str, list[dict[Any, Any]]]:
    """Return scenario_id -> its decisions, the latest one last."""
    ordered = champions.sort_values("since", kind="stable")
    return {str(name): rows.to_dict("records") for name, rows in ordered.groupby("scenario_id")}


def _decide(result: dict[Any, Any], past: list[dict[Any, Any]]) -> dict[str, object] | None:
    """Return the decision about one scenario, or None if all stays as it is."""
    decision = {"scenario_id": result["scenario_id"], "fit_run_id": result["fit_run_id"]}
    if not past:
        return {**decision, "decision": FIRST, "reason": "it had no champion"}
    current = past[-1]
    was_champion = result["fit_run_id"] in {row["fit_run_id"] for row in past}
    if was_champion or current["decision"] == PINNED or not _is_newer(result, current):
        return None
    return {**decision, "decision": PROMOTED, "reason": f"fitted after the champion of run {current['fit_run_id']}"}


def _is_newer(result: dict[Any, Any], current: dict[Any, Any]) -> bool:
    """Return whether a fit was made after the champion's: after the champion was chosen, or by a later run.

    Run ids sort by time. A run with an id of the user's own choice is judged by the time of its fit.
    """
    fitted_at, since = (pd.to_datetime(at, utc=True) for at in (result["fitted_at"], current["since"]))
    return bool(fitted_at > since) or str(result["fit_run_id"]) > str(current["fit_run_id"])
