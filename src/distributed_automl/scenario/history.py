"""Looking back along series: where each begins, and what is known at the same phase of its season."""

import numpy as np
import pandas as pd

from distributed_automl.scenario.design import SERIES_COL, FloatArray, IntArray, Samples


def series_starts(samples: Samples) -> IntArray:
    """Return, for every sample, the position at which its series begins. Shape (n_samples,)."""
    codes = pd.factorize(samples.frame[SERIES_COL])[0]
    positions = np.arange(len(codes), dtype=np.intp)
    begins = np.r_[True, codes[1:] != codes[:-1]][: len(codes)]
    return np.maximum.accumulate(np.where(begins, positions, 0))


def known_target(samples: Samples, history: IntArray) -> FloatArray:
    """Return the target of all samples, NaN outside of `history` and where it is not finite. Shape (n_samples,)."""
    y = samples.y
    known = np.full(len(y), np.nan)
    known[history] = y[history]
    known[~np.isfinite(known)] = np.nan
    return known


def same_phase(
    samples: Samples, known: FloatArray, rows: IntArray, n_seasons: int, *, before: IntArray | None = None
) -> FloatArray:
    """Return the last known targets of each row's series at the row's phase of the season.

    Args:
        samples: canonical rows of a forecasting problem.
        known: target of all samples, NaN where it may not be looked at, shape (n_samples,).
        rows: positions asked for.
        n_seasons: how many values to look for.
        before: positions that the values lie before, one per row; the rows themselves if not given.

    Returns:
        Shape (n_rows, n_seasons), the newest first; NaN where there are fewer. Unknown periods are passed over.
    """
    strands = _strands(samples)
    order = np.lexsort((np.arange(len(strands)), strands))
    order = order[np.isfinite(known[order])]
    if not len(order):
        return np.full((len(rows), n_seasons), np.nan)
    width = len(strands) + 1
    wanted = strands[rows] * width + (rows if before is None else before)
    newest = np.searchsorted(strands[order] * width + order, wanted) - 1
    places = newest[:, np.newaxis] - np.arange(n_seasons)
    found = order[np.maximum(places, 0)]
    belongs = (places >= 0) & (strands[found] == strands[rows][:, np.newaxis])
    return np.where(belongs, known[found], np.nan)


def series_means(samples: Samples, known: FloatArray, rows: IntArray) -> FloatArray:
    """Return the mean known target of each row's series, else of the whole scenario, else 0. Shape (n_rows,)."""
    starts = series_starts(samples)
    is_known = np.isfinite(known)
    if not is_known.any():
        return np.zeros(len(rows))
    means = pd.Series(known[is_known]).groupby(starts[is_known]).mean()
    found = means.reindex(starts[rows]).to_numpy(dtype=np.float64)
    return np.where(np.isnan(found), float(np.mean(known[is_known])), found)


def _strands(samples: Samples) -> IntArray:
    """Number the strands: samples of one series at one phase of the season. Shape (n_samples,)."""
    starts = series_starts(samples)
    phases = (np.arange(len(starts)) - starts) % samples.season
    return (starts * samples.season + phases).astype(np.intp)


def zero_share(samples: Samples) -> float:
    """Return the share of zeros among the known targets, each series' last horizon (the holdout) left out; 0 if none.

    It says which candidates may compete, and that must not follow from the rows that the final score is made on.
    """
    known = pd.Series(np.flatnonzero(np.isfinite(samples.y)), dtype=np.intp)
    starts = series_starts(samples)[known]
    remaining = known.groupby(starts).cumcount(ascending=False).to_numpy()
    earlier = samples.y[known.to_numpy()[remaining >= samples.problem.horizon]]
    return float((earlier == 0.0).mean()) if len(earlier) else 0.0
