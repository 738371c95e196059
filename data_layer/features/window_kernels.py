"""Compiled loops that give several numbers of one window in one pass, made for Alpha158; see `kernels`."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray


@kernel
def rolling_order(
    values: FloatArray, window: int, low: float, high: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Two quantiles of the last `window` values and the newest one's rank among them, a fraction.

    Quantiles are interpolated linearly, equal values share the mean of their ranks, both as in pandas. The window
    of one lane is kept sorted: one pass counts where the leaving and the coming value stand, another moves those
    between.
    """
    rows, lanes = values.shape
    lower, upper, rank = np.empty_like(values), np.empty_like(values), np.empty_like(values)
    low_place, high_place = int(low * (window - 1)), int(high * (window - 1))
    low_share, high_share = low * (window - 1) - low_place, high * (window - 1) - high_place
    low_next, high_next = min(low_place + 1, window - 1), min(high_place + 1, window - 1)
    ordered, own = np.empty(window), np.empty(rows)
    for lane in range(lanes):
        own[:] = values[:, lane]
        ordered[:] = np.inf  # places not yet filled; NaN are kept out by their number
        holes = 0
        for row in range(rows):
            value = own[row]
            gone = own[row - window] if row >= window else np.inf
            if np.isnan(gone):
                holes -= 1
                gone = np.inf
            if np.isnan(value):
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
            if row >= window - 1 and holes == 0:
                rank[row, lane] = (below + not_above + 2) * 0.5 / window
                lower[row, lane] = ordered[low_place] + (ordered[low_next] - ordered[low_place]) * low_share
                upper[row, lane] = (
                    ordered[high_place] + (ordered[high_next] - ordered[high_place]) * high_share
                )
            else:
                rank[row, lane], lower[row, lane], upper[row, lane] = np.nan, np.nan, np.nan
    return lower, upper, rank


@kernel
def rolling_sides(changes: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Of the last `window` changes: the share that rose, the share that fell, sum of rises, sum of falls."""
    rows, lanes = changes.shape
    sides = np.empty((4, rows, lanes))
    tail = np.full((window + 1, 4, lanes), np.nan)
    tail[window] = 0.0
    head = np.empty((4, lanes))
    ups, downs, rises, falls = head[0], head[1], head[2], head[3]
    for block in range(0, rows, window):
        head[:] = 0.0
        for row in range(block, min(block + window, rows)):
            now, rest = changes[row], tail[row - block + 1]
            rest_ups, rest_downs, rest_rises, rest_falls = rest[0], rest[1], rest[2], rest[3]
            up, down, rise, fall = sides[0, row], sides[1, row], sides[2, row], sides[3, row]
            for lane in range(lanes):
                change = now[lane]
                hole = change * 0.0
                ups[lane] += (1.0 if change > 0.0 else 0.0) + hole
                downs[lane] += (1.0 if change < 0.0 else 0.0) + hole
                rises[lane] += (change if change > 0.0 else 0.0) + hole
                falls[lane] -= (change if change < 0.0 else 0.0) + hole
                up[lane] = (rest_ups[lane] + ups[lane]) / window
                down[lane] = (rest_downs[lane] + downs[lane]) / window
                rise[lane] = rest_rises[lane] + rises[lane]
                fall[lane] = rest_falls[lane] + falls[lane]
        if block + window < rows:
            head[:] = 0.0
            for place in range(window - 1, -1, -1):
                now, rest = changes[block + place], tail[place]
                rest_ups, rest_downs, rest_rises, rest_falls = rest[0], rest[1], rest[2], rest[3]
                for lane in range(lanes):
                    change = now[lane]
                    hole = change * 0.0
                    ups[lane] += (1.0 if change > 0.0 else 0.0) + hole
                    downs[lane] += (1.0 if change < 0.0 else 0.0) + hole
                    rises[lane] += (change if change > 0.0 else 0.0) + hole
                    falls[lane] -= (change if change < 0.0 else 0.0) + hole
                    rest_ups[lane], rest_downs[lane] = ups[lane], downs[lane]
                    rest_rises[lane], rest_falls[lane] = rises[lane], falls[lane]
    return sides[0], sides[1], sides[2], sides[3]
