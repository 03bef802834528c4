"""The auction: trials beyond the usual ones go where the fleet's objective is expected to gain most for their cost.

What a trial brings. The best of n draws from a distribution with an exponential tail is expected to lie a * H_n above
its start, H_n = 1 + 1/2 + ... + 1/n: the n-th draw brings a / n, always less than the one before (Renyi, "On the theory
of order statistics", Acta Mathematica Hungarica 1953: the steps are independent, exponential with mean a / n). So one
number tells how far a scenario's search still pays: a, here in shares of its error, the `rate`. Its latest fit
tells how much the best of its trials was better than the first; a single search is little to go by, and so it is drawn
to the fleet's mean as far as searches differ by chance alone (Buhlmann, "Experience rating and credibility", ASTIN
Bulletin 1967).

Who gets them. Marginal gains fall, so taking the best ones per unit of cost, one after another, gives allocations that
none of the same cost beats (Fox, "Discrete optimization via marginal analysis", Management Science 1966).
"""

import logging
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.parameters import Auction

logger = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
RECORD_COLUMNS = ("first_error", "best_error", "n_trials", "n_searched", "trial_seconds")
"""Of each scenario's latest fit, see `Records`."""


@dataclass(frozen=True)
class Rates:
    """What searches are expected to bring.

    Attributes:
        values: of each record, in shares of its first error: the n-th trial takes rate / n off. Shape (n,), >= 0.
        are_known: whether any recorded search tells; else all are 1, which compares scenarios and promises nothing.
    """

    values: FloatArray
    are_known: bool


def deal(bidders: pd.DataFrame, records: pd.DataFrame, auction: Auction, *, usual: int) -> pd.DataFrame:
    """Deal out an auction's trials.

    Args:
        bidders: scenario_id, weight (of the scenario's objective in the fleet's), sorted by scenario_id.
        records: RECORD_COLUMNS, index scenario_id: what all scenarios' latest fits tell. A bidder without gets nothing.
        auction: the budget.
        usual: trials per candidate that everyone has anyway.

    Returns:
        In the order of `bidders`: n_trials (int, or None: the usual ones) and expected_gain (float, None if unknown or
        nothing: what the trials beyond the usual ones bring to the fleet's objective, greater is better).
    """
    rates = rates_of(records)
    known = bidders.join(records.assign(rate=rates.values), on="scenario_id").dropna(subset=["rate"])
    worth = (known["weight"] * known["first_error"] * known["rate"]).to_numpy(dtype=np.float64)
    cost, budget = _price(known, auction)
    n_extra = buy(worth, cost, budget=budget, usual=usual, most=auction.max_trials)
    _tell(bidders, n_extra, spent=float((cost * n_extra).sum()), budget=budget, auction=auction)
    gains = worth * (harmonic(usual + n_extra) - harmonic(usual))
    bought = {
        row: (usual + more, gain if rates.are_known else None)
        for row, more, gain in zip(known.index, n_extra.tolist(), gains.tolist(), strict=True)
        if more
    }
    cells = [bought.get(row, (None, None)) for row in bidders.index]
    return pd.DataFrame(cells, index=bidders.index, columns=["n_trials", "expected_gain"], dtype=object)


def _price(known: pd.DataFrame, auction: Auction) -> tuple[FloatArray, float]:
    """Return what one more trial of every candidate costs each scenario, and the budget in the same unit."""
    if auction.n_trials is not None:
        return known["n_searched"].to_numpy(dtype=np.float64), float(auction.n_trials)
    assert auction.core_hours is not None  # an enabled auction has one budget
    return known["trial_seconds"].to_numpy(dtype=np.float64), 3600.0 * auction.core_hours


def _tell(bidders: pd.DataFrame, n_extra: IntArray, *, spent: float, budget: float, auction: Auction) -> None:
    unit, per = ("trials", 1.0) if auction.n_trials is not None else ("core-hours", 3600.0)
    logger.info(
        "auction: %d of %d scenarios get trials beyond the usual ones, for %.4g of %.4g %s",
        *((n_extra > 0).sum(), len(bidders), spent / per, budget / per, unit),
    )


def rates_of(records: pd.DataFrame) -> Rates:
    """Return what trials bring in each scenario: what its search found, drawn to the fleet's mean.

    With h = H_n - 1 and q = 1/2^2 + ... + 1/n^2, a search of n trials at a rate r is expected to find h r, with the
    variance q r^2. The mean rate and the variance of rates between scenarios are estimated by moments. A search of
    one trial tells nothing (h = 0) and gets the mean.

    Args:
        records: first_error, best_error, n_trials.
    """
    error = records["first_error"].to_numpy(dtype=np.float64)
    found = np.divide(
        error - records["best_error"].to_numpy(dtype=np.float64), error, out=np.zeros(len(error)), where=error > 0
    )
    n_trials = records["n_trials"].to_numpy(dtype=np.int64)
    h, q = harmonic(n_trials) - 1.0, harmonic(n_trials, power=2) - 1.0
    taught = (h > 0) & (error > 0)
    if not taught.any():
        return Rates(np.ones(len(records)), are_known=False)
    mean = math.fsum(found[taught]) / math.fsum(h[taught])
    excess = np.square(found - h * mean) - q * mean**2
    between = max(0.0, math.fsum(excess[taught]) / math.fsum((np.square(h) + q)[taught]))
    own = between * np.square(h)
    trust = np.divide(own, own + q * (mean**2 + between), out=np.zeros(len(own)), where=taught & (own > 0))
    rates = np.divide(found, h, out=np.full(len(h), mean), where=taught)
    return Rates(mean + trust * (rates - mean), are_known=True)


def buy(worth: FloatArray, cost: FloatArray, *, budget: float, usual: int, most: int) -> IntArray:
    """Buy trials, the one that brings most per unit of cost first, until the next one is too dear.

    Args:
        worth: the n-th trial of a scenario brings worth / n; shape (n_scenarios,), >= 0.
        cost: of each of its trials, > 0.
        budget: in the unit of cost.
        usual: trials that everyone has; the first to buy is the one after.
        most: trials that a scenario may have.

    Returns:
        Trials beyond the usual ones, shape (n_scenarios,). Of equal bids the earlier scenario's goes first.
    """
    numbers = np.arange(usual + 1, most + 1, dtype=np.float64)
    bids = ((worth / cost)[:, None] / numbers).ravel()
    order = np.argsort(-bids, kind="stable")  # a scenario's own bids fall, so they are taken in their order
    bidder = order[bids[order] > 0] // max(1, len(numbers))
    is_paid = np.cumsum(cost[bidder]) <= budget
    return np.bincount(bidder[is_paid], minlength=len(worth)).astype(np.int64)


def harmonic(n: IntArray | int, power: int = 1) -> FloatArray:
    """Return 1 + 1/2^power + ... + 1/n^power, element by element."""
    numbers = np.arange(1, int(np.max(n, initial=1)) + 1, dtype=np.float64)
    sums: FloatArray = np.cumsum(1.0 / numbers**power)[np.asarray(n) - 1]
    return sums
