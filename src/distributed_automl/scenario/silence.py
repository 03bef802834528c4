"""What is left of a series that has fallen silent: a store that closed, a product that was delisted.

A model whose features end a horizon before its rows goes on forecasting as if nothing had happened. But a series that
hardly ever stood still and now has been at zero for longer than ever before seldom comes back:

    sales  12 9 14 0 11 13 10 0 0 0 0 |  ?  ?  ?
                   ^ the longest       ^ the origin: four periods of zero, three more than ever before

How often it does was counted in panels of receipts and in M5 (docs/decisions/silence-is-an-answer.md).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.tseries.offsets import BaseOffset, BusinessDay, BusinessHour, CustomBusinessDay, Day, Tick
from scipy.special import expit

from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import offset_of
from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.history import known_target, series_starts

EVEN_ODDS = {"day": 3.0, "longer": 1.75}
"""Periods of zero more than ever before after which half of the usual demand comes, by the length of a period."""
STEEPNESS = 1.6
"""By how much the log-odds fall with each further period."""
MOST_ZEROS = 0.2
"""Share of zeros from which on standing still is nothing unusual."""
LEAST_PERIODS = 8
"""Periods that a series must have had before it fell silent, beside two for each silent one."""
SETTLED = 6
"""Periods beyond the longest before after which next to nothing is left, and further ones need no more of a past."""
DAYS = (Day(1), BusinessDay(1), CustomBusinessDay(1))


@dataclass(frozen=True)
class Ends:
    """How some series ended, each with at least one value other than zero.

    Attributes:
        series: position at which each begins, ascending, shape (n_series,).
        n_zeros: length of the run of zeros at the end; 0 if it does not end so.
        longest: length of the longest run of zeros before that, after the first value other than zero.
        n_before: periods from there to the run at the end.
        zeros_before: zeros among them.
        lowest: smallest known value, shape (n_series,).
    """

    series: IntArray
    n_zeros: IntArray
    longest: IntArray
    n_before: IntArray
    zeros_before: IntArray
    lowest: FloatArray


def left_of_demand(samples: Samples, history: IntArray, rows: IntArray) -> FloatArray:
    """Return the share of its usual demand that is expected in some rows after the silence of their series.

    Args:
        samples: canonical rows.
        history: positions whose target may be looked at.
        rows: positions asked for.

    Returns:
        Shape (n_rows,), between 0 and 1. It is 1 where nothing unusual is seen: the series does not end in zeros, was
        often or already as long at zero, is short, or can be negative; the task is tabular, a period less than a day.
    """
    even = even_odds(samples.problem)
    if even is None:
        return np.ones(len(rows))
    ends = ends_of(samples, known_target(samples, history))
    excess = ends.n_zeros - ends.longest
    counted = ends.longest + np.minimum(excess, SETTLED)
    is_long = ends.n_before >= LEAST_PERIODS + 2 * counted
    sold = is_long & (ends.zeros_before < MOST_ZEROS * ends.n_before) & (ends.lowest >= 0.0)
    share = np.where(sold & (excess > 0), expit(STEEPNESS * (even - excess)), 1.0)
    found = pd.Series(share, index=ends.series).reindex(series_starts(samples)[rows])
    return np.asarray(found.fillna(1.0).to_numpy(dtype=np.float64))


def even_odds(problem: Problem) -> float | None:
    """Return the excess at which half of the demand is expected; None where nothing is known about such periods."""
    if not problem.is_forecasting or not isinstance(problem.frequency, str):
        return None
    offset = offset_of(problem.frequency)
    return None if _is_within_a_day(offset) else EVEN_ODDS["day" if offset in DAYS else "longer"]


def _is_within_a_day(offset: BaseOffset) -> bool:
    return isinstance(offset, BusinessHour) or (isinstance(offset, Tick) and offset.nanos < Day(1).nanos)


def ends_of(samples: Samples, known: FloatArray) -> Ends:
    """Return how the series ended, as far as their target is known; unknown periods are passed over.

    Args:
        samples: canonical rows.
        known: target of all samples, NaN where it may not be looked at, shape (n_samples,).
    """
    places = np.flatnonzero(np.isfinite(known))
    series, is_zero = series_starts(samples)[places], known[places] == 0.0
    begins = np.r_[True, (series[1:] != series[:-1]) | (is_zero[1:] != is_zero[:-1])][: len(places)]
    first = np.flatnonzero(begins)
    runs = pd.DataFrame({"series": series[first], "zero": is_zero[first], "n": np.diff(np.r_[first, len(places)])})
    runs = runs[~(runs["zero"] & ~runs["series"].duplicated())]  # what is before a series' first demand does not count
    is_last = ~runs["series"].duplicated(keep="last")
    at_end = runs[is_last].set_index("series")
    n_zeros = at_end["n"].where(at_end["zero"], 0)
    before = runs[~(is_last & runs["zero"])].set_index("series")
    zeros = before["n"].where(before["zero"], 0).groupby(level=0)
    lowest = pd.Series(known[places]).groupby(series).min()
    counts = [n_zeros, zeros.max(), before["n"].groupby(level=0).sum(), zeros.sum(), lowest]
    return Ends(at_end.index.to_numpy(), *(one.reindex(at_end.index).to_numpy() for one in counts))
