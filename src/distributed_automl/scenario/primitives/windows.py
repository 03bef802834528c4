"""What a row sees of the rows before it in its series: lags, windows and their statistics, running sums.

Rows come in canonical order: sorted by series and timestamp, without gaps, so that "periods before" is "rows before,
within the series". Windows are computed for all series at once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from distributed_automl.scenario.design import FloatArray, IntArray

Statistic = Callable[[FloatArray], FloatArray]

_CHUNK_CELLS = 1_000_000
"""Cells of a window matrix that are held at once (8 MB), so that memory does not grow with rows times window."""


def periods_so_far(codes: IntArray) -> IntArray:
    """Return how many rows of the same series stand before each row, shape (n_rows,)."""
    row = np.arange(len(codes))
    starts = np.concatenate([[True], codes[1:] != codes[:-1]])
    return row - np.maximum.accumulate(np.where(starts, row, 0))


def per_series(codes: IntArray, values: FloatArray, function: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Apply a function to each series by itself, (n_periods,) -> (n_periods,)."""
    starts = np.flatnonzero(periods_so_far(codes) == 0)
    parts = [function(part) for part in np.split(values, starts[1:])]
    return np.concatenate(parts) if parts else values


def running_sum(codes: IntArray, values: FloatArray) -> FloatArray:
    """Return the sum of each series up to and including each row; the rounding of one never reaches another."""
    return per_series(codes, values, np.cumsum)


def lagged(codes: IntArray, values: npt.NDArray[Any], periods: int, missing: object = np.nan) -> npt.NDArray[Any]:
    """Return each row's value `periods` rows earlier in its series, `missing` before the series began."""
    row = np.arange(len(values))
    out = np.full(len(values), missing, dtype=values.dtype)
    inside = periods_so_far(codes) >= periods
    out[inside] = values[row[inside] - periods]
    return out


def window_statistic(codes: IntArray, values: FloatArray, offsets: IntArray, statistic: Statistic) -> FloatArray:
    """Return a statistic of the values that stand `offsets` rows earlier in the same series, shape (n_rows,).

    Each row sees nothing but its own window, so that a value does not depend on how much history is kept.

    Args:
        codes: of the series, shape (n_rows,).
        values: shape (n_rows,); NaN where unknown.
        offsets: ascending at an even stride.
        statistic: (n_chunk, n_offsets), youngest value first -> (n_chunk,).
    """
    n_rows, oldest = len(values), int(offsets[-1])
    stride = int(offsets[1] - offsets[0]) if len(offsets) > 1 else 1
    padded = np.concatenate([np.full(oldest, np.nan), values])
    windows = sliding_window_view(padded, oldest + 1)[:, oldest - offsets[0] :: -stride][:, : len(offsets)]
    before = periods_so_far(codes)
    out = np.full(n_rows, np.nan)
    step = max(1, _CHUNK_CELLS // len(offsets))
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        window = np.array(windows[rows], order="C")
        young = before[rows] < oldest
        window[young] = np.where(before[rows][young, None] >= offsets, window[young], np.nan)
        out[rows] = statistic(window)
    return out


def window_mean(window: FloatArray) -> FloatArray:
    """Mean of the known values of each row, shape (n_rows, n_periods) -> (n_rows,); NaN without any."""
    known = ~np.isnan(window)
    return ratio(np.where(known, window, 0.0).sum(axis=1), known.sum(axis=1))


def window_std(window: FloatArray) -> FloatArray:
    """Population standard deviation of the known values; NaN with fewer than two."""
    known = ~np.isnan(window)
    count = known.sum(axis=1)
    deviations = np.where(known, window - window_mean(window)[:, None], 0.0)
    return np.sqrt(ratio((deviations**2).sum(axis=1), np.where(count > 1, count, 0)))


def window_fading_mean(window: FloatArray) -> FloatArray:
    """Mean of the known values, whose weight halves with every quarter of the window that they are older."""
    known = ~np.isnan(window)
    weights = 0.5 ** (4.0 * np.arange(window.shape[1]) / window.shape[1])
    return ratio((np.where(known, window, 0.0) * weights).sum(axis=1), (known * weights).sum(axis=1))


def window_min(window: FloatArray) -> FloatArray:
    """Minimum of the known values; NaN without any."""
    lowest = np.where(np.isnan(window), np.inf, window).min(axis=1)
    return np.where(np.isinf(lowest), np.nan, lowest)


def window_max(window: FloatArray) -> FloatArray:
    """Maximum of the known values; NaN without any."""
    return -window_min(-window)


def window_quantile(window: FloatArray, level: float) -> FloatArray:
    """Quantile of the known values, linear between neighbours; NaN without any."""
    ordered = np.sort(window, axis=1)  # NaN last
    place = level * np.maximum((~np.isnan(window)).sum(axis=1) - 1, 0)
    row, below = np.arange(len(window)), np.floor(place).astype(np.intp)
    lower, upper = ordered[row, below], ordered[row, np.ceil(place).astype(np.intp)]
    return np.asarray(lower + (upper - lower) * (place - below), dtype=np.float64)


def window_zero_share(window: FloatArray) -> FloatArray:
    """Share of zeros among the known values; NaN without any."""
    return ratio((window == 0.0).sum(axis=1), (~np.isnan(window)).sum(axis=1))


STATISTICS: Mapping[str, Statistic] = {
    "mean": window_mean,
    "std": window_std,
    "min": window_min,
    "max": window_max,
    "median": partial(window_quantile, level=0.5),
    "low": partial(window_quantile, level=0.1),
    "high": partial(window_quantile, level=0.9),
    "fading_mean": window_fading_mean,
    "zero_share": window_zero_share,
}


def ratio(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> FloatArray:
    """Divide elementwise; NaN where the denominator is zero."""
    out: FloatArray = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out
