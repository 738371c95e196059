"""How well scores foretold returns: each session's correlation between what was said and what came."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.panel import Matrix

Series = NDArray[np.float64]

HORIZONS = (1, 5, 21)  # sessions: a day, a week, a month
FEWEST = 3  # symbols: two are always wholly in order or wholly out of it


@njit(cache=True, nogil=True, error_model="numpy")
def information_coefficients(
    opens: Matrix, steps: Matrix, scores: Matrix, horizon: int, begin: int
) -> tuple[Series, Series]:  # fmt: skip
    """Return Pearson's and Spearman's correlation of scores with the returns they foretold, when these are known.

    Sums run over the symbols in their order, so columns without a score change no bit.

    Args:
        opens: [T, N] raw opens, NaN where there is no bar.
        steps: [T, N] by how much a split or dividend multiplies a holding at the bar; 1 at all others.
        scores: [T, N] as decided at the close of the session; NaN is no opinion.
        horizon: sessions between the open after the decision and the open of the return's end.
        begin: the first row wanted.

    Returns:
        Two arrays [T]: at t that of the scores of t - 1 - horizon with the total returns from the open of
        t - horizon to that of t; NaN before begin, for fewer than FEWEST pairs, and where either is constant.
    """
    sessions, symbols = opens.shape
    plain, ranked = np.full(sessions, np.nan), np.full(sessions, np.nan)
    said, came = np.empty(symbols), np.empty(symbols)
    for t in range(max(begin, horizon + 1), sessions):
        into, count = t - horizon, 0
        for n in range(symbols):
            score = scores[into - 1, n]
            if math.isnan(score) or math.isnan(opens[into, n]) or math.isnan(opens[t, n]):
                continue
            grown = opens[t, n] / opens[into, n]
            for u in range(into + 1, t + 1):
                if not math.isnan(opens[u, n]):
                    grown *= steps[u, n]
            said[count], came[count] = score, grown - 1.0
            count += 1
        if count >= FEWEST:
            plain[t] = _correlation(said[:count], came[:count])
            ranked[t] = _correlation(_ranks(said[:count]), _ranks(came[:count]))
    return plain, ranked


@njit(cache=True, nogil=True, error_model="numpy")
def _correlation(x: Series, y: Series) -> float:
    if x.min() == x.max() or y.min() == y.max():
        return math.nan
    mean_x, mean_y = 0.0, 0.0
    for i in range(len(x)):
        mean_x += x[i]
        mean_y += y[i]
    mean_x, mean_y = mean_x / len(x), mean_y / len(x)
    xx, yy, xy = 0.0, 0.0, 0.0
    for i in range(len(x)):
        a, b = x[i] - mean_x, y[i] - mean_y
        xx += a * a
        yy += b * b
        xy += a * b
    if xx <= 0.0 or yy <= 0.0:
        return math.nan
    return float(min(max(xy / math.sqrt(xx * yy), -1.0), 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks(values: Series) -> Series:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    order = np.argsort(values, kind="mergesort")
    ranks = np.empty(len(values))
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for i in range(first, last + 1):
            ranks[order[i]] = (first + last) / 2.0 + 1.0
        first = last + 1
    return ranks
