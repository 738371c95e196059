"""Compiled loops for highest and lowest values and where they lie; see `kernels` for what all of them keep."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.lanes import WIDTH, choose, every, extent, is_nan, put, take
from data_layer.features.layout import FloatArray


@kernel
def rolling_extreme(values: FloatArray, window: int, sign: float) -> FloatArray:
    """Highest (sign 1) or lowest (sign -1) of the last `window` values.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    rows, lanes = extent(values)
    out, tail = np.empty_like(values), np.empty((window + 1, WIDTH))
    for lane in range(0, lanes, WIDTH):
        tail[:] = np.nan
        tail[window] = -np.inf
        for block in range(0, rows, window):
            # Missing ones are remembered beside the best: the comparisons then need not wait for each other.
            best, holes = every(-np.inf), is_nan(every(0.0))
            for row in range(block, min(block + window, rows)):
                value, rest = take(values, row, lane) * sign, take(tail, row - block + 1, 0)
                best, holes = choose(best > value, best, value), holes | is_nan(value)
                put(out, row, lane, choose(holes, np.nan, choose(best > rest, best, rest)) * sign)
            if block + window < rows:
                best, holes = every(-np.inf), is_nan(every(0.0))
                for place in range(window - 1, -1, -1):
                    value = take(values, block + place, lane) * sign
                    best, holes = choose(best > value, best, value), holes | is_nan(value)
                    put(tail, place, 0, choose(holes, np.nan, best))
    return out


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Highest of the last `window` values."""
    return rolling_extreme(values, window, 1.0)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Lowest of the last `window` values."""
    return rolling_extreme(values, window, -1.0)


@kernel
def rolling_peak(values: FloatArray, window: int, latest: bool) -> tuple[FloatArray, FloatArray]:
    """Highest of the last `window` values and how many rows ago it was; of equal ones the latest or the earliest.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    rows, lanes = extent(values)
    out, age = np.empty_like(values), np.empty_like(values)
    tail, places = np.empty((window + 1, WIDTH)), np.empty((window + 1, WIDTH))
    for lane in range(0, lanes, WIDTH):
        tail[:], places[:] = np.nan, 0.0
        tail[window] = -np.inf
        for block in range(0, rows, window):
            best, best_row, holes = every(-np.inf), every(0.0), is_nan(every(0.0))
            for row in range(block, min(block + window, rows)):
                here = float(row)
                value, rest = take(values, row, lane), take(tail, row - block + 1, 0)
                taken = (value >= best) if latest else (value > best)
                best, best_row = choose(best > value, best, value), choose(taken, here, best_row)
                holes = holes | is_nan(value)
                newer = (best >= rest) if latest else (best > rest)
                missing = holes | is_nan(rest)
                put(out, row, lane, choose(missing, np.nan, choose(newer, best, rest)))
                of_best = choose(newer, best_row, take(places, row - block + 1, 0))
                put(age, row, lane, choose(missing, np.nan, here - of_best))
            if block + window < rows:
                best, best_row, holes = every(-np.inf), every(0.0), is_nan(every(0.0))
                for place in range(window - 1, -1, -1):
                    value = take(values, block + place, lane)
                    taken = (value > best) if latest else (value >= best)
                    best, best_row = (
                        choose(best > value, best, value),
                        choose(taken, float(block + place), best_row),
                    )
                    holes = holes | is_nan(value)
                    put(tail, place, 0, choose(holes, np.nan, best))
                    put(places, place, 0, best_row)
    return out, age
