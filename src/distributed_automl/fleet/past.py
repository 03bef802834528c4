"""What earlier runs left, as far as a plan needs it.

However many nights a store remembers, what comes to the driver of a scenario is a row of costs, and how those fits
ended that had the very fingerprint it has now. Of pools, which are few, all fits come. The rest is looked at where it
lies.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from distributed_automl.fleet.bids import read_grants, read_records
from distributed_automl.fleet.estimates import COSTS
from distributed_automl.fleet.scenario_ids import is_pool_column
from distributed_automl.fleet.setup import Setup
from distributed_automl.narrow import places, to_driver, typed

_FITTED = "fitted"
_MOMENT = ("fitted_at", "run_id")
_UNTIL_HERE = (Window.unboundedPreceding, Window.currentRow)


class Outcome(NamedTuple):
    """What came of one earlier fit."""

    run_id: str
    fitted_at: datetime
    status: str
    message: str | None


@dataclass(frozen=True)
class PoolPast:
    """What earlier runs left of one pool.

    Attributes:
        fits: fingerprint and the fields of Outcome of its fits, oldest first.
        plans: scenario_id, run_id, n_rows, rows_fingerprint of the scenarios that it learned from when it was fitted
            last; other runs may be there too.
    """

    fits: pd.DataFrame
    plans: pd.DataFrame

    def outcomes(self, fingerprint: str) -> list[Outcome]:
        """Return the outcomes of the fits with a fingerprint, oldest first."""
        found = self.fits.loc[self.fits["fingerprint"] == fingerprint, list(Outcome._fields)]
        return [Outcome(*values) for values in found.itertuples(index=False, name=None)]


@dataclass(frozen=True)
class Past:
    """What earlier runs left.

    Attributes:
        latest: one row for each scenario and pool that was ever tried: scenario_id, the run_id of its latest fit, and
            what fits cost, see `estimate`.
        pools: scenario_id, fingerprint and the fields of Outcome of all fits of pools, oldest first.
        plans: see `sampled`, of the runs that fitted a pool last.
        look_up: takes scenario_id, fingerprint and place (int64) of scenarios; returns place and the fields of Outcome
            of their fits with that fingerprint, the first and the last one of each status, in any order.
        grants: what the latest auctions decided, see `read_grants`.
        records: how searches went, see `read_records`; empty unless an auction is to be held.
    """

    latest: pd.DataFrame
    pools: pd.DataFrame
    plans: pd.DataFrame
    look_up: Callable[[pd.DataFrame], pd.DataFrame]
    grants: pd.DataFrame = field(default_factory=pd.DataFrame)
    records: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def read(cls, fits_before: DataFrame, plans_before: DataFrame, setup: Setup) -> "Past":
        """Read narrow columns, as far as a setup needs them; models stay where they are."""
        latest = to_driver(latest_of(fits_before))
        of_pools = fits_before.where(is_pool_column()).select("scenario_id", "fingerprint", *Outcome._fields)
        pools = to_driver(of_pools).sort_values(list(_MOMENT), ignore_index=True)
        fitted = pools[pools["status"] == _FITTED].drop_duplicates("scenario_id", keep="last")
        plans = to_driver(sampled(plans_before, sorted(set(fitted["run_id"])), setup.plan.pool_max_samples))
        grants = read_grants(plans_before, oldest_needed=min(latest["run_id"], default=""))
        past = cls(latest, pools, plans, partial(outcomes_with, fits_before), grants)
        if not setup.plan.auction.enabled:
            return past
        return replace(past, records=read_records(fits_before, setup.problem.objective))

    def knows(self, scenario_ids: pd.Series) -> pd.Series:
        """Return which scenarios were ever tried, like the ids."""
        return pd.Series(places(scenario_ids, self.latest["scenario_id"]) >= 0, index=scenario_ids.index)

    def outcomes_of(self, wanted: pd.DataFrame) -> Iterator[list[Outcome]]:
        """Yield the outcomes of each scenario with a fingerprint in the order of `wanted`, oldest first; see `look_up`.

        Two scenarios may hold the same rows under different names, but not one fit. They come one scenario's at a time:
        as objects, those of a large fleet would take more memory than all else that a plan is made from.

        Args:
            wanted: scenario_id, fingerprint.
        """
        asked = wanted[["scenario_id", "fingerprint"]].assign(place=np.arange(len(wanted), dtype=np.int64))
        asked = asked[self.knows(asked["scenario_id"])]
        if asked.empty:
            yield from ([] for _ in range(len(wanted)))
            return
        found = self.look_up(asked).sort_values(["place", *_MOMENT])
        rows = found[list(Outcome._fields)].itertuples(index=False, name=None)
        for n_outcomes in np.bincount(found["place"], minlength=len(wanted)).tolist():
            yield [Outcome(*values) for values in islice(rows, n_outcomes)]

    def of_pool(self, pool_id: str) -> PoolPast:
        """Return what is about one pool."""
        return self._of_pools.get(pool_id, PoolPast(self.pools.iloc[:0], self.plans.iloc[:0]))

    @cached_property
    def _of_pools(self) -> Mapping[str, PoolPast]:
        """The same of all pools that were ever fitted, in one pass."""
        plans = dict(iter(self.plans.groupby("pool_id")))
        none = self.plans.iloc[:0]
        return {str(name): PoolPast(own, plans.get(name, none)) for name, own in self.pools.groupby("scenario_id")}


def latest_of(fits: DataFrame) -> DataFrame:
    """Return one row for each scenario and pool that was ever tried; see `Past.latest`. Lazy.

    Args:
        fits: rows of FITS.
    """
    latest = F.max_by("run_id", F.struct(*_MOMENT)).alias("run_id")
    of_each = fits.groupBy("scenario_id").agg(latest, *(_newest_first(name).alias(name) for name in COSTS))
    return of_each.select("scenario_id", "run_id", *(column for name in COSTS for column in _latest_two(name)))


def _newest_first(name: str) -> Column:
    """Return a cost of every fit that tells, and its rows."""
    is_known = (F.col("status") == _FITTED) & F.col("n_samples").isNotNull() & (F.col(name) > 0) & ~F.isnan(name)
    told = F.struct(*_MOMENT, F.col(name).alias("cost"), F.col("n_samples").cast("double").alias("rows"))
    return F.sort_array(F.collect_list(F.when(is_known, told)), asc=False)


def _latest_two(name: str) -> Iterator[Column]:
    """Yield what the latest fit cost that tells, its rows, and what the one before cost."""
    newest, before = F.get(name, F.lit(0)), F.get(name, F.lit(1))
    yield newest["cost"].alias(name)
    yield newest["rows"].alias(f"{name}_rows")
    yield before["cost"].alias(f"{name}_before")


def sampled(plans: DataFrame, run_ids: Sequence[str], max_samples: int) -> DataFrame:
    """Return scenario_id, run_id, pool_id, n_rows, rows_fingerprint of the scenarios that runs' pools learn from. Lazy.

    Args:
        plans: rows of PLAN.
        run_ids: of the runs.
        max_samples: rows that a pool learns from at most: see `sample_members`, which chooses the same again.
    """
    of_scenarios = plans.where(F.col("run_id").isin(list(run_ids)) & ~is_pool_column())
    by_hash = Window.partitionBy("run_id", "pool_id").orderBy(F.sha2("scenario_id", 256)).rowsBetween(*_UNTIL_HERE)
    until = of_scenarios.withColumn("n_until", F.sum("n_rows").over(by_hash))
    chosen = until.where((F.col("n_until") <= max_samples) | (F.col("n_until") == F.col("n_rows")))
    return chosen.select("scenario_id", "run_id", "pool_id", "n_rows", "rows_fingerprint")


def outcomes_with(fits: DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Look up the outcomes of scenarios with a fingerprint; see `Past.look_up`."""
    sent = typed(fits.sparkSession, asked, "place bigint, scenario_id string, fingerprint string")
    found = fits.join(sent, ["scenario_id", "fingerprint"]).select("place", *Outcome._fields)
    of_status = Window.partitionBy("place", "status")
    up, down = (of_status.orderBy(*(order(name) for name in _MOMENT)) for order in (F.asc, F.desc))
    ranked = found.withColumns({"first": F.row_number().over(up), "last": F.row_number().over(down)})
    return to_driver(ranked.where((F.col("first") == 1) | (F.col("last") == 1)).select(*found.columns))
