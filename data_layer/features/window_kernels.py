"""Compiled loops that give several numbers of one window in one pass, made for Alpha158; see `kernels`."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray, IntArray


@kernel
def rolling_peak(values: FloatArray, starts: IntArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Highest of the last `window` values and how many rows ago it was, of equal ones the earliest.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    out, age = np.empty_like(values), np.empty_like(values)
    tail, place_of = np.empty(window + 1), np.zeros(window + 1, np.int64)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = -np.inf
        for block in range(first, last, window):
            head, head_row = -np.inf, block
            for row in range(block, min(block + window, last)):
                value = values[row]
                if value > head or np.isnan(value):
                    head, head_row = value, row
                before = tail[row - block + 1]
                newer = head > before
                best = head if newer else before
                out[row] = best + 0.0 * head  # either's NaN
                age[row] = row - (head_row if newer else place_of[row - block + 1])
            if block + window <= last:
                best, best_row = -np.inf, block + window - 1
                for place in range(window - 1, -1, -1):
                    value = values[block + place]
                    if value >= best or np.isnan(value):
                        best, best_row = value, block + place
                    tail[place], place_of[place] = best, best_row
    for row in range(len(values)):
        if out[row] != out[row]:
            age[row] = np.nan
    return out, age


@kernel
def rolling_order(
    values: FloatArray, starts: IntArray, window: int, low: float, high: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Two quantiles of the last `window` values and the newest one's rank among them, a fraction.

    Quantiles are interpolated linearly, equal values share the mean of their ranks, both as in pandas. The window
    is kept sorted: one pass counts where the leaving and the coming value stand, another moves those between.
    """
    lower, upper, rank = (
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
    )
    low_place, high_place = int(low * (window - 1)), int(high * (window - 1))
    low_share, high_share = low * (window - 1) - low_place, high * (window - 1) - high_place
    low_next, high_next = min(low_place + 1, window - 1), min(high_place + 1, window - 1)
    ordered = np.empty(window)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        ordered[:] = np.inf  # places not yet filled; NaN are kept out by their number
        holes = 0
        for row in range(first, last):
            value = values[row]
            gone = values[row - window] if row - window >= first else np.inf
            if np.isnan(gone):
                holes -= 1
                gone = np.inf
            missing = np.isnan(value)
            if missing:
                holes += 1
                value = np.inf
            old, below, not_above = 0, 0, 0
            for place in range(window):
                old += ordered[place] < gone
                below += ordered[place] < value
                not_above += ordered[place] <= value
            if gone < value:
                below -= 1
                not_above -= 1
                for place in range(old, below):
                    ordered[place] = ordered[place + 1]
            else:
                if gone == value:
                    not_above -= 1
                for place in range(old, below, -1):
                    ordered[place] = ordered[place - 1]
            ordered[below] = value
            if row - first >= window - 1 and holes == 0:
                rank[row] = (below + not_above + 2) * 0.5 / window
                lower[row] = ordered[low_place] + (ordered[low_next] - ordered[low_place]) * low_share
                upper[row] = ordered[high_place] + (ordered[high_next] - ordered[high_place]) * high_share
    return lower, upper, rank


@kernel
def rolling_sides(
    changes: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Of the last `window` changes: the share that rose, the share that fell, sum of rises, sum of falls."""
    up_share, down_share = np.empty_like(changes), np.empty_like(changes)
    up_sum, down_sum = np.empty_like(changes), np.empty_like(changes)
    tail = np.empty((window + 1, 4))
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = 0.0
        for block in range(first, last, window):
            ups, downs, rises, falls = 0.0, 0.0, 0.0, 0.0
            for row in range(block, min(block + window, last)):
                change = changes[row]
                hole = change * 0.0
                ups += (1.0 if change > 0.0 else 0.0) + hole
                downs += (1.0 if change < 0.0 else 0.0) + hole
                rises += change if not change <= 0.0 else 0.0
                falls -= change if not change >= 0.0 else 0.0
                count = row - block + 1
                up_share[row] = (tail[count, 0] + ups) / window
                down_share[row] = (tail[count, 1] + downs) / window
                up_sum[row] = tail[count, 2] + rises
                down_sum[row] = tail[count, 3] + falls
            if block + window <= last:
                ups, downs, rises, falls = 0.0, 0.0, 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    change = changes[block + place]
                    hole = change * 0.0
                    ups += (1.0 if change > 0.0 else 0.0) + hole
                    downs += (1.0 if change < 0.0 else 0.0) + hole
                    rises += change if not change <= 0.0 else 0.0
                    falls -= change if not change >= 0.0 else 0.0
                    tail[place, 0], tail[place, 1] = ups, downs
                    tail[place, 2], tail[place, 3] = rises, falls
    return up_share, down_share, up_sum, down_sum


@kernel
def rolling_mean_std(values: FloatArray, starts: IntArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (ddof 1) of the last `window` values, as `rolling_std` works them out."""
    average, deviation = np.empty_like(values), np.empty_like(values)
    inverse = 1.0 / np.arange(1, window + 1)
    tail_mean, tail_squares = np.empty(window + 1), np.empty(window + 1)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail_mean[:] = np.nan
        for block in range(first, last, window):
            mean, squares = 0.0, 0.0
            for row in range(block, min(block + window, last)):
                count = row - block + 1
                step = values[row] - mean
                mean += step * inverse[count - 1]
                squares += step * (values[row] - mean)
                total, whole = squares, mean
                if count < window:
                    apart = mean - tail_mean[count]
                    share = count * inverse[window - 1]
                    whole = tail_mean[count] + apart * share
                    total += tail_squares[count] + apart * apart * (share * (window - count))
                average[row] = whole
                deviation[row] = np.sqrt(total / (window - 1))
            if block + window <= last:
                mean, squares = 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    step = values[block + place] - mean
                    mean += step * inverse[window - place - 1]
                    squares += step * (values[block + place] - mean)
                    tail_mean[place], tail_squares[place] = mean, squares
    return average, deviation
