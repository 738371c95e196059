"""Compiled loops for highest and lowest values and where they lie; see `kernels` for what all of them keep."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray


@kernel
def rolling_extreme(values: FloatArray, window: int, sign: float) -> FloatArray:
    """Highest (sign 1) or lowest (sign -1) of the last `window` values.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    rows, lanes = values.shape
    out = np.empty_like(values)
    tail, head = np.full((window + 1, lanes), np.nan), np.empty(lanes)
    tail[window] = -np.inf
    for block in range(0, rows, window):
        head[:] = -np.inf
        for row in range(block, min(block + window, rows)):
            now, rest, result = values[row], tail[row - block + 1], out[row]
            for lane in range(lanes):
                value, best, other = now[lane] * sign, head[lane], rest[lane]
                best = best if (best > value) | np.isnan(best) else value  # either's NaN stays
                head[lane] = best
                result[lane] = (best if (best > other) | np.isnan(best) else other) * sign
        if block + window < rows:
            for place in range(window - 1, -1, -1):
                now, newer, older = values[block + place], tail[place + 1], tail[place]
                for lane in range(lanes):
                    value, best = now[lane] * sign, newer[lane]
                    older[lane] = best if (best > value) | np.isnan(best) else value
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
    rows, lanes = values.shape
    out, age = np.empty_like(values), np.empty_like(values)
    tail, place_of = np.full((window + 1, lanes), np.nan), np.zeros((window + 1, lanes))
    tail[window] = -np.inf
    head, head_row = np.empty(lanes), np.empty(lanes)
    for block in range(0, rows, window):
        head[:], head_row[:] = -np.inf, 0.0
        for row in range(block, min(block + window, rows)):
            now, peak, ago, here = values[row], out[row], age[row], float(row)
            rest, rest_row = tail[row - block + 1], place_of[row - block + 1]
            for lane in range(lanes):
                value, best, best_row = now[lane], head[lane], head_row[lane]
                taken = (value > best) | (latest & (value == best)) | np.isnan(value)
                best_row = here if taken else best_row
                best = value if taken else best
                # A NaN is never passed by a number: both comparisons with it are false.
                head[lane], head_row[lane] = best, best_row
                before = rest[lane]
                newer = (best > before) | (latest & (best == before))
                missing = np.isnan(best) | np.isnan(before)
                peak[lane] = np.nan if missing else (best if newer else before)
                ago[lane] = np.nan if missing else here - (best_row if newer else rest_row[lane])
        if block + window < rows:
            for place in range(window - 1, -1, -1):
                now, here = values[block + place], float(block + place)
                newer_best, newer_row = tail[place + 1], place_of[place + 1]
                older_best, older_row = tail[place], place_of[place]
                for lane in range(lanes):
                    value, best = now[lane], newer_best[lane]
                    taken = (value > best) | ((not latest) & (value == best)) | np.isnan(value)
                    older_best[lane] = value if taken else best
                    older_row[lane] = here if taken else newer_row[lane]
    return out, age
