"""The plan: what this run fits, what it reuses and why. A small table that people read before they spend money."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.arrays import IntegerArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import RunError, TableError
from distributed_automl.fleet.bids import (
    GRANTED,
    hold_auction,
    seconds_beyond,
    standing,
    usual_trials,
)
from distributed_automl.fleet.estimates import estimate
from distributed_automl.fleet.fingerprint import (
    code_digest,
    core_fingerprint,
    digest_of,
    measure,
    pool_fingerprint,
    with_pool,
    with_portfolio,
    with_trials,
)
from distributed_automl.fleet.frequency_check import warn_if_sparse
from distributed_automl.fleet.past import Outcome, Past, PoolPast
from distributed_automl.fleet.scenario_ids import without_helpers
from distributed_automl.fleet.setup import Setup, define_features
from distributed_automl.fleet.waves import fill_tasks, pack
from distributed_automl.narrow import COUNT, compact, texts
from distributed_automl.parameters import Plan
from distributed_automl.tables import PART_COL, PLAN, POOLED_PREFIX, are_pools

logger = logging.getLogger(__name__)

FIT, REUSE, SKIP, OUTSIDE = "fit", "reuse", "skip", "outside"
N_NAMED = 5
"""Scenarios that an error names."""
POOL_WAVE = 0
"""The wave of the pools; the scenarios' begin at 1."""


class Verdict(NamedTuple):
    """What is to be done with one scenario or pool, and why."""

    action: str
    reason: str
    fit_run_id: str | None = None


def make_plan(master_df: DataFrame, past: Past, setup: Setup, *, run_id: str, n_cores: int) -> pd.DataFrame:
    """Decide what is fitted, in which wave and task.

    Args:
        master_df: the training table.
        past: earlier fits and plans.
        setup: the run's parameters.
        run_id: this run.
        n_cores: cores that work at once.

    Returns:
        Columns of PLAN; pools first, then one row per scenario, sorted by id.

    Raises:
        TableError: the table does not fit the problem.
        RunError: `run.scenarios` names a scenario that is not there, or the table is empty.
    """
    with pd.option_context("mode.copy_on_write", True):  # else every column that is added copies all the others
        planned = decide(master_df, past, setup, run_id)
        planned = planned.join(expected_costs(planned, past, setup))
        planned = planned.join(place(planned, setup.plan, n_cores)).assign(run_id=run_id)
        return nullable(planned[PLAN.names].astype({PART_COL: COUNT}))


def decide(master_df: DataFrame, past: Past, setup: Setup, run_id: str) -> pd.DataFrame:
    """Measure and fingerprint everyone, and say what is done; arguments and errors as of `make_plan`.

    Returns:
        The columns of PLAN that do not depend on costs, but for run_id; pools first.
    """
    sizes = measure(master_df, setup.problem)
    check_sizes(sizes, setup)
    warn_if_sparse(sizes, setup.problem)
    settings = settings_digest(master_df, setup)
    pools = plan_pools(sizes, past, setup, settings)
    of_scenarios = digest_of([settings, setup.automl.model_dump(mode="json")])
    settings = with_portfolio(of_scenarios, setup.portfolio_in_use().digest)
    granted = standing(past.grants, sizes, partial(core_fingerprint, settings))
    scenarios = plan_scenarios(sizes.join(granted), pools, past, setup, settings)
    more = scenarios.loc[scenarios["n_trials"].notna(), ["scenario_id", "fingerprint"]]
    was_too_much = more.index[had(more, past, "failed")]
    if len(was_too_much):  # a grant that met a limit: the usual trials may not
        granted.loc[was_too_much, ["n_trials", "expected_gain"]] = None
        scenarios = plan_scenarios(sizes.join(granted), pools, past, setup, settings)
    if setup.plan.auction.enabled:
        granted = auctioned(master_df, scenarios, past, setup, run_id)
        scenarios = plan_scenarios(sizes.join(granted), pools, past, setup, settings)
    pools = compact(_without_unneeded(pools, scenarios))
    return pd.concat([pools, scenarios], ignore_index=True)


def expected_costs(everyone: pd.DataFrame, past: Past, setup: Setup) -> pd.DataFrame:
    """Return what fits are expected to cost, with the trials that an auction gave them."""
    costs = estimate(everyone, past.latest)
    if past.records.empty:
        return costs
    more = seconds_beyond(everyone.join(costs), past.records, usual=usual_trials(setup))
    return costs.assign(estimated_seconds=(costs["estimated_seconds"] + more).clip(lower=0.0))


def settings_digest(master_df: DataFrame, setup: Setup) -> str:
    """Return the digest of what decides any fit beside its rows: parameters, definitions, code.

    What is about scenarios alone is not in it: it fits no pool again.
    """
    definitions = define_features(without_helpers(master_df).schema, setup.problem, setup.automl)
    logger.info("%s", definitions.summary())
    parameters = [setup.problem.model_dump(mode="json"), setup.automl.of_pools.model_dump(mode="json")]
    return digest_of([parameters, definitions.digest, code_digest()])


def check_sizes(sizes: pd.DataFrame, setup: Setup) -> None:
    """Raise RunError or TableError unless there are scenarios, of allowed names, and all of `run.scenarios`."""
    if sizes.empty:
        raise RunError("master_df has no rows: check the engineering's inputs and its origin")
    reserved = sizes.loc[are_pools(sizes["scenario_id"]), "scenario_id"]
    if len(reserved):
        raise TableError(f"scenario ids must not start with '{POOLED_PREFIX}', found {sorted(reserved)[:5]}")
    known = sorted(sizes["scenario_id"])
    unknown = sorted({*setup.run.scenarios} - {*known})
    if unknown:
        raise RunError(f"run.scenarios names scenarios that master_df does not have: {near_misses(unknown, known)}")


def require_plan_of(run_id: str, plan: DataFrame) -> None:
    """Raise RunError unless a plan was made by this run.

    What was fitted of another's plan meanwhile would be fitted twice, and rows or parameters may be others by now.

    Args:
        run_id: this run.
        plan: rows of PLAN.
    """
    other = plan.where(F.col("run_id") != run_id).select("run_id").first()
    if other is not None:
        raise RunError(
            f"expected a plan of this run, {run_id}, found one of {other['run_id']}: only the run that made a plan may "
            "carry it out. Start the whole pipeline again (`kedro run --pipelines=train`, without --from-nodes): it "
            "plans anew, reuses what is durable and fits the rest"
        )


def near_misses(unknown: Sequence[str], known: list[str]) -> str:
    """Return unknown names, the first N_NAMED, with the known ones that look like them: each is compared with all."""
    folded = {name.casefold(): name for name in known}
    lines = []
    for name in unknown[:N_NAMED]:
        close = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
        others = f"there are {len(known)}, e.g. {known[:5]}" if known else "there are none yet"
        hint = f"did you mean {close}?" if close else others
        lines.append(f"'{name}' ({hint})")
    more = len(unknown) - N_NAMED
    return "; ".join([*lines, *([f"and {more:,} more"] if more > 0 else [])])


# --- pools -----------------------------------------------------------------------------------------------------------


def plan_pools(sizes: pd.DataFrame, past: Past, setup: Setup, settings: str) -> pd.DataFrame:
    """Return one row per pool: its members' rows, its (possibly frozen) fingerprint, and its verdict."""
    settings = digest_of([settings, setup.plan.pool_max_samples])
    rows = [
        _plan_pool(str(pool_id), members, past.of_pool(str(pool_id)), setup.plan, settings)
        for pool_id, members in sizes.groupby("pool_id")
    ]
    return pd.DataFrame(rows)


def _plan_pool(pool_id: str, members: pd.DataFrame, past: PoolPast, plan: Plan, settings: str) -> dict[str, object]:
    """Plan one pool."""
    sampled = sample_members(members, plan.pool_max_samples)
    rows = digest_of(sorted(sampled.items()))
    now = pool_fingerprint(settings, sampled.items())
    outcomes = past.outcomes(now)
    frozen = _frozen(sampled, past, plan, settings)
    if plan.refit == "all":
        verdict = Verdict(FIT, "plan.refit is 'all'")
    elif frozen is not None and not outcomes:
        verdict, now = frozen
    else:
        verdict = judge(outcomes, plan, known=not past.fits.empty)
    chosen = members[members["scenario_id"].isin(list(sampled))]
    return {
        "scenario_id": pool_id,
        "pool_id": pool_id,
        "n_rows": int(chosen["n_rows"].sum()),
        "first_timestamp": chosen["first_timestamp"].min(),
        "last_timestamp": chosen["last_timestamp"].max(),
        "rows_fingerprint": rows,
        "core_fingerprint": now,
        "pool_fingerprint": None,
        "fingerprint": now,
        **verdict._asdict(),
        "serves": _serves(verdict, outcomes),
    }


def sample_members(members: pd.DataFrame, max_samples: int) -> dict[str, str]:
    """Choose the scenarios that a pooled fit learns from: whole ones, in the order of their ids' hashes, up to a cap.

    Args:
        members: scenario_id, n_rows, rows_fingerprint of the pool's scenarios.
        max_samples: rows at most; the first scenario is always chosen.

    Returns:
        scenario_id -> rows_fingerprint.
    """
    hashes = (hashlib.sha256(name.encode()).digest() for name in members["scenario_id"])
    order = np.argsort(np.fromiter(hashes, "S32", len(members)))
    n_fitting = int((members["n_rows"].to_numpy(dtype=np.int64)[order].cumsum() <= max_samples).sum())
    chosen = members.iloc[order[: max(1, n_fitting)]]
    return dict(zip(chosen["scenario_id"], chosen["rows_fingerprint"], strict=True))


def _frozen(now: Mapping[str, str], past: PoolPast, plan: Plan, settings: str) -> tuple[Verdict, str] | None:
    """Return the verdict and the fingerprint of the latest pooled fit, if too few of its scenarios changed since."""
    fitted = past.fits[past.fits["status"] == "fitted"]
    if fitted.empty:
        return None
    latest = fitted.iloc[-1]
    then = sample_members(past.plans[past.plans["run_id"] == latest["run_id"]], plan.pool_max_samples)
    if pool_fingerprint(settings, then.items()) != latest["fingerprint"]:
        return None
    share = changed_share(then, now)
    if share > plan.pool_changed_share:
        return None
    first = fitted[fitted["fingerprint"] == latest["fingerprint"]].iloc[0]
    reason = f"frozen: {share:.1%} of its scenarios changed, at most {plan.pool_changed_share:.1%} may"
    return Verdict(REUSE, reason, str(first["run_id"])), str(latest["fingerprint"])


def changed_share(then: Mapping[str, str], now: Mapping[str, str]) -> float:
    """Return the share of scenarios that came, went or changed, of all that are there then or now."""
    everyone = {*then, *now}
    return sum(then.get(name) != now.get(name) for name in everyone) / max(1, len(everyone))


def _serves(verdict: Verdict, outcomes: Sequence[Outcome]) -> bool:
    """Return whether scenarios may count on the pool: not if these very rows failed or were skipped before."""
    return verdict.action == REUSE or (
        verdict.action == FIT and not any(one.status in ("failed", "skipped") for one in outcomes)
    )


def _without_unneeded(pools: pd.DataFrame, scenarios: pd.DataFrame) -> pd.DataFrame:
    """Put pools outside that no scenario of this run belongs to."""
    needed = set(scenarios.loc[scenarios["action"] != OUTSIDE, "pool_id"])
    away = ~pools["pool_id"].isin(needed)
    pools = pools.copy()
    pools.loc[away, ["action", "reason", "fit_run_id"]] = [OUTSIDE, "no scenario of this run belongs to it", None]
    return pools


# --- scenarios -------------------------------------------------------------------------------------------------------


def plan_scenarios(sizes: pd.DataFrame, pools: pd.DataFrame, past: Past, setup: Setup, settings: str) -> pd.DataFrame:
    """Return one row per scenario: fingerprints and verdict; `sizes` has GRANTED too."""
    served = dict(pools.loc[pools["serves"], ["pool_id", "fingerprint"]].itertuples(index=False, name=None))
    trials = zip(sizes["rows_fingerprint"], sizes["n_trials"], strict=True)
    cores = texts((with_trials(core_fingerprint(settings, rows), n) for rows, n in trials), sizes.index)
    of_pools = pd.Series([served.get(pool_id) for pool_id in sizes["pool_id"]], index=sizes.index, dtype=object)
    prints = texts((with_pool(core, pool) for core, pool in zip(cores, of_pools, strict=True)), sizes.index)
    scenarios = sizes.assign(core_fingerprint=cores, pool_fingerprint=of_pools, fingerprint=prints)
    told = pd.DataFrame(_verdicts(scenarios, past, setup), columns=list(Verdict._fields), index=sizes.index)
    return scenarios.assign(**{name: told[name] for name in Verdict._fields})


def _verdicts(scenarios: pd.DataFrame, past: Past, setup: Setup) -> Iterator[Verdict]:
    """Yield what is done with each scenario, in their order; the past is asked of those alone that it decides on."""
    seen = past.knows(scenarios["scenario_id"])
    wanted = setup.run.scenarios
    inside = scenarios["scenario_id"].isin(wanted) if wanted else pd.Series(True, index=scenarios.index)
    asked = scenarios[inside] if setup.plan.refit != "all" else scenarios.iloc[:0]
    found = chain(past.outcomes_of(asked), repeat([]))
    for is_known, is_inside in zip(seen, inside, strict=True):
        if is_inside:
            yield judge(next(found), setup.plan, known=is_known)
        else:
            yield Verdict(OUTSIDE, "not among run.scenarios")


def had(scenarios: pd.DataFrame, past: Past, status: str) -> pd.Series:
    """Return which scenarios have an outcome of a status with the very fingerprint that they have now."""
    found = [any(one.status == status for one in outcomes) for outcomes in past.outcomes_of(scenarios)]
    return pd.Series(found, index=scenarios.index, dtype=bool)


def auctioned(master_df: DataFrame, scenarios: pd.DataFrame, past: Past, setup: Setup, run_id: str) -> pd.DataFrame:
    """Return GRANTED after an auction among the scenarios that this run fits anyway; an auction makes nobody fitted.

    Who was granted trials that no fit has had yet keeps them: the run that granted them did not come to its end.
    """
    to_fit = scenarios["action"] == FIT
    granted_before = scenarios[to_fit & scenarios["auctioned_by"].notna()]
    is_kept = scenarios.index.isin(granted_before.index[~had(granted_before, past, "fitted")])
    is_bidder = to_fit & ~is_kept
    if not is_bidder.any():
        return scenarios[list(GRANTED)]
    dealt = hold_auction(master_df, scenarios, is_bidder, past.records, setup).assign(auctioned_by=run_id)
    granted = scenarios[list(GRANTED)].copy()
    granted.loc[is_bidder] = dealt[list(GRANTED)]
    return granted


def judge(outcomes: Sequence[Outcome], plan: Plan, *, known: bool) -> Verdict:
    """Decide what is done.

    Args:
        outcomes: earlier outcomes of this scenario with this very fingerprint, oldest first.
        plan: the rules.
        known: whether the scenario was ever tried.
    """
    if plan.refit == "all":
        return Verdict(FIT, "plan.refit is 'all'")
    if not outcomes:
        return Verdict(FIT, "its rows, parameters, code, portfolio or pool changed" if known else "new")
    fitted = [outcome for outcome in outcomes if outcome.status == "fitted"]
    if fitted:
        return _judge_fitted(fitted, plan)
    last = outcomes[-1]
    if last.status == "failed" and plan.retry_failed:
        return Verdict(FIT, "failed before, tried again (plan.retry_failed)")
    return Verdict(SKIP, str(last.message), last.run_id)


def _judge_fitted(fitted: Sequence[Outcome], plan: Plan) -> Verdict:
    """For equal fingerprints the earlier fit counts; its age is the latest one's."""
    age = datetime.now(UTC) - fitted[-1].fitted_at.replace(tzinfo=UTC)
    if plan.refit == "stale" and age > timedelta(days=plan.max_age_days):
        return Verdict(FIT, f"its fit is {age.days} days old, more than plan.max_age_days ({plan.max_age_days:g})")
    return Verdict(REUSE, "unchanged", fitted[0].run_id)


# --- waves -----------------------------------------------------------------------------------------------------------


def place(planned: pd.DataFrame, plan: Plan, n_cores: int) -> pd.DataFrame:
    """Return wave and bucket of whatever is fitted, NA of the rest; `planned` has estimated_seconds and PART_COL."""
    is_pool = are_pools(planned["scenario_id"])
    to_fit = planned["action"] == FIT
    pools, scenarios = np.flatnonzero(to_fit & is_pool), np.flatnonzero(to_fit & ~is_pool)
    seconds = planned["estimated_seconds"].to_numpy(dtype=np.float64)
    parts = planned[PART_COL].iloc[scenarios]
    known = None if parts.isna().any() else parts.to_numpy(dtype=int)
    packing = pack(seconds[scenarios], plan, n_cores, parts=known)
    placed = np.full((2, len(planned)), POOL_WAVE, dtype=np.int32)
    placed[1, pools] = fill_tasks(seconds[pools], plan, n_cores)
    placed[:, scenarios] = packing.waves, packing.buckets
    columns = zip(("wave", "bucket"), placed, strict=True)
    away = ~to_fit.to_numpy()
    return pd.DataFrame({name: IntegerArray(cells, away.copy()) for name, cells in columns}, index=planned.index)


def nullable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy whose missing cells are None, or NA among counts, and so become null in Spark."""
    has_gaps = frame.isna().any() & (frame.dtypes != COUNT)
    gaps = frame.loc[:, has_gaps].astype(object)
    return frame.assign(**{str(name): cells.mask(cells.isna(), None) for name, cells in gaps.items()})


def summary(planned: pd.DataFrame) -> str:
    """Return one line for the log: what will be done, and about how much it costs."""
    is_pool = are_pools(planned["scenario_id"])
    counts = planned.loc[~is_pool, "action"].value_counts()
    seconds = planned.loc[planned["action"] == FIT, "estimated_seconds"].sum()
    parts = [f"{counts.get(action, 0)} {word}" for action, word in _WORDS]
    n_pools = int(((planned["action"] == FIT) & is_pool).sum())
    return f"plan: {', '.join(parts)}; {n_pools} pools to fit; about {seconds:,.0f} core-seconds"


_WORDS = ((FIT, "to fit"), (REUSE, "to reuse"), (SKIP, "to skip"), (OUTSIDE, "outside this run"))
