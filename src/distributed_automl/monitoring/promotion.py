"""Which fit predicts from now on. One row per decision; the latest row of a scenario wins.

The rule: a scenario without a champion takes the fit that it has. One with a champion takes a newer fit, whether this
run made it or reused what an unpromoted run left, unless the champion is pinned. A fit that was champion before does
not come back by itself: a rollback would not last longer than the next run.

People decide too: they pin a fit, unpin it, and roll back to the champion before. No decision chooses a fit that is not
there any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from distributed_automl.errors import RunError
from distributed_automl.tables import BY_HAND, CHAMPIONS, PINNED, ROLLED_BACK, UNPINNED

BY = "promote"
FIRST, PROMOTED = "first", "promoted"
RESULT_COLUMNS = ("scenario_id", "fit_run_id", "fitted_at")
"""Of TRAINING_RESULTS: what a promotion is decided by."""
N_RECENT = 10
"""Decisions of a scenario that are looked at: those of all nights of a year are more than a driver can hold."""
N_NAMED = 5
"""Scenarios that an error names."""
Decisions = Mapping[str, list[dict[Any, Any]]]
"""scenario_id -> its rows of CHAMPIONS, the latest one last."""


@dataclass(frozen=True)
class Signature:
    """Whose decision it is.

    Attributes:
        by: who decides.
        reason: why.
        now: UTC, with its time zone.
    """

    by: str
    reason: str
    now: datetime


def fits_there(fits: DataFrame, run_ids: Collection[str]) -> pd.DataFrame:
    """Return scenario_id and run_id of what some runs fitted and is still there; `fits` are rows of FITS."""
    fitted = fits.where((F.col("status") == "fitted") & F.col("run_id").isin(sorted(run_ids)))
    return fitted.select("scenario_id", "run_id").toPandas()


def recent(champions: DataFrame) -> pd.DataFrame:
    """Return the latest decisions about each scenario, N_RECENT at most; `champions` are rows of CHAMPIONS."""
    place = F.row_number().over(Window.partitionBy("scenario_id").orderBy(F.desc("since")))
    return champions.withColumn("place", place).where(F.col("place") <= N_RECENT).drop("place").toPandas()


def history_of(champions: pd.DataFrame) -> Decisions:
    """Return the decisions that count by scenario, the latest last; `champions` as `recent` returns them."""
    found: dict[str, list[dict[Any, Any]]] = {}
    known = champions.assign(since=pd.to_datetime(champions["since"], utc=True))
    for row in known.sort_values("since", kind="stable").to_dict("records"):
        past = found.setdefault(str(row["scenario_id"]), [])
        if row["decision"] in BY_HAND or not (past and past[-1]["decision"] == PINNED):
            past.append(row)
    return found


# --- the rule --------------------------------------------------------------------------------------------------------


def decide_champions(
    training_results: pd.DataFrame, champions_before: pd.DataFrame, there: pd.DataFrame, *, now: datetime
) -> pd.DataFrame:
    """Decide who predicts.

    Args:
        training_results: RESULT_COLUMNS of one training run.
        champions_before: the decisions so far, see `recent`.
        there: scenario_id and run_id of at least those fits of `training_results` that are still there.
        now: UTC, with its time zone; the decisions' time.

    Returns:
        New rows of CHAMPIONS, sorted by scenario_id; none for scenarios that keep what they have.

    Raises:
        RunError: nothing was trained yet; or a fit that would predict from now on is gone.
    """
    if training_results.empty:
        raise RunError("nothing was trained yet: run `kedro run --pipelines=train` first")
    known = training_results.assign(fitted_at=pd.to_datetime(training_results["fitted_at"], utc=True))
    with_model = known[known["fit_run_id"].notna()].sort_values("scenario_id")
    past = history_of(champions_before)
    decided = [_decide(row, past.get(str(row["scenario_id"]), [])) for row in with_model.to_dict("records")]
    rows = [decision for decision in decided if decision is not None]
    _require_fits({str(row["scenario_id"]): str(row["fit_run_id"]) for row in rows}, there)
    return _signed(rows, past, BY, now)


def _decide(result: dict[Any, Any], past: list[dict[Any, Any]]) -> dict[str, Any] | None:
    """Return the decision about one scenario, or None if all stays as it is."""
    decision = {"scenario_id": result["scenario_id"], "fit_run_id": result["fit_run_id"]}
    if not past:
        return {**decision, "decision": FIRST, "reason": "it had no champion"}
    current = past[-1]
    was_champion = result["fit_run_id"] in {row["fit_run_id"] for row in past}
    if was_champion or current["decision"] == PINNED or not _is_newer(result, past):
        return None
    return {**decision, "decision": PROMOTED, "reason": f"fitted after the champion of run {current['fit_run_id']}"}


def _is_newer(result: dict[Any, Any], past: list[dict[Any, Any]]) -> bool:
    """Return whether a fit was made after the champion's: after the champion was chosen, or by a later run.

    Run ids sort by time. A run with an id of the user's own choice is judged by the time of its fit. Decisions that
    left the champion as it was, a pin and its end, do not count as choosing it.
    """
    champion = past[-1]["fit_run_id"]
    *_, chosen = takewhile(lambda row: row["fit_run_id"] == champion, reversed(past))
    return bool(result["fitted_at"] > chosen["since"]) or str(result["fit_run_id"]) > str(champion)


# --- people's decisions ----------------------------------------------------------------------------------------------


def pin(champions: pd.DataFrame, there: pd.DataFrame, fit_of: Mapping[str, str], signature: Signature) -> pd.DataFrame:
    """Let fits predict, and no newer ones take their place.

    Args:
        champions: the decisions so far, see `recent`.
        there: scenario_id and run_id of at least those of these fits that are still there.
        fit_of: scenario_id -> the run whose fit predicts from now on.
        signature: whose decision it is.

    Returns:
        New rows of CHAMPIONS.

    Raises:
        RunError: a fit is not there; names it.
    """
    _require_fits(fit_of, there)
    return _by_hand(fit_of, PINNED, history_of(champions), signature)


def unpin(champions: pd.DataFrame, scenarios: Sequence[str], signature: Signature) -> pd.DataFrame:
    """Let pinned scenarios be promoted again; what predicts now goes on until then.

    Args:
        champions: the decisions so far, see `recent`.
        scenarios: whom it is about; none: all that are pinned.
        signature: whose decision it is.

    Returns:
        New rows of CHAMPIONS.

    Raises:
        RunError: a scenario is not pinned; names it.
    """
    past = history_of(champions)
    pinned = {name: str(rows[-1]["fit_run_id"]) for name, rows in past.items() if rows[-1]["decision"] == PINNED}
    free = [name for name in scenarios if name not in pinned]
    if free:
        raise RunError(f"expected scenarios that are pinned; these are not: {_some(free)}")
    return _by_hand({name: pinned[name] for name in scenarios or pinned}, UNPINNED, past, signature)


def roll_back(
    champions: pd.DataFrame, there: pd.DataFrame, scenarios: Sequence[str], signature: Signature
) -> pd.DataFrame:
    """Let the champion before predict again; a pinned scenario is unpinned by it.

    Args:
        champions: the decisions so far, see `recent`.
        there: scenario_id and run_id of at least those former champions' fits that are still there.
        scenarios: whom it is about.
        signature: whose decision it is.

    Returns:
        New rows of CHAMPIONS.

    Raises:
        RunError: a scenario has no champion before its champion, or its fit is gone; names it.
    """
    past = history_of(champions)
    former = {name: former_champion(past.get(name, [])) for name in scenarios}
    never = [name for name, run_id in former.items() if run_id is None]
    if never:
        raise RunError(
            f"expected scenarios that had a champion before the one they have; these had none: {_some(never)}"
        )
    fit_of = {name: run_id for name, run_id in former.items() if run_id is not None}
    _require_fits(fit_of, there)
    return _by_hand(fit_of, ROLLED_BACK, past, signature)


def who_can_roll_back(champions: pd.DataFrame, there: pd.DataFrame, run_id: str | None) -> list[str]:
    """Return the scenarios with a champion before theirs whose fit is there, but for pinned ones, sorted.

    Args:
        champions: the decisions so far, see `recent`.
        there: see `roll_back`.
        run_id: only those whose champion this run fitted; None: all.
    """
    kept = set(there[["scenario_id", "run_id"]].itertuples(index=False, name=None))
    return sorted(
        name
        for name, rows in history_of(champions).items()
        if run_id in (None, rows[-1]["fit_run_id"])
        and rows[-1]["decision"] != PINNED
        and (name, former_champion(rows)) in kept
    )


def former_champion(past: Iterable[Mapping[Any, Any]]) -> str | None:
    """Return the run whose fit predicted before the one that predicts; None if there is none.

    A fit that was rolled back from does not count: two rollbacks go two champions back.
    """
    stack: list[str] = []
    for row in past:
        if row["decision"] == ROLLED_BACK and stack:
            stack.pop()
        if not stack or stack[-1] != row["fit_run_id"]:
            stack.append(str(row["fit_run_id"]))
    return stack[-2] if len(stack) > 1 else None


def _by_hand(fit_of: Mapping[str, str], decision: str, past: Decisions, signature: Signature) -> pd.DataFrame:
    rows = [
        {"scenario_id": name, "fit_run_id": run_id, "decision": decision, "reason": signature.reason}
        for name, run_id in sorted(fit_of.items())
    ]
    return _signed(rows, past, signature.by, signature.now)


def _signed(rows: Iterable[Mapping[str, Any]], past: Decisions, by: str, now: datetime) -> pd.DataFrame:
    """Return decisions as rows of CHAMPIONS; each later than the one before it, also where clocks differ."""
    signed = [{**row, "since": _after(past.get(str(row["scenario_id"]), []), now), "by": by} for row in rows]
    return pd.DataFrame(signed, columns=CHAMPIONS.names).astype({"since": "datetime64[ns, UTC]"})


def _after(past: list[dict[Any, Any]], now: datetime) -> pd.Timestamp:
    if not past:
        return pd.Timestamp(now)
    latest: pd.Timestamp = past[-1]["since"]
    return max(pd.Timestamp(now), latest + pd.Timedelta(1, "us"))


def _require_fits(fit_of: Mapping[str, str], there: pd.DataFrame) -> None:
    """Raise RunError if a fit that is to predict is not there."""
    kept = set(there[["scenario_id", "run_id"]].itertuples(index=False, name=None))
    gone = [f"{name} of run {run_id}" for name, run_id in fit_of.items() if (name, run_id) not in kept]
    if gone:
        raise RunError(
            f"expected fits that can predict, but {len(gone)} of {len(fit_of)} are not among the fits (failed, removed "
            f"since, or never made), so nothing was decided: {_some(gone)}. `kedro run --pipelines=train` fits anew "
            "what is gone; `promote` then takes it"
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:N_NAMED]) + (f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else "")
