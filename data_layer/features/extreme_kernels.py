"""Compiled loops for highest and lowest values and where they lie; see `kernels` for what all of them keep.

Pieces by doubling, or blocks, as there.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray, IntArray


@kernel
def rolling_max(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Highest of the last `window` values; NaN on the first `window - 1` rows and while one is NaN."""
    out = np.full_like(values, np.nan)
    longest = np.max(starts[1:] - starts[:-1])
    best, spare = np.zeros(longest), np.zeros(longest)
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        best[:rows] = values[first : first + rows]
        width = 1
        while 2 * width <= window:
            here, before, double = best[width:rows], best[: rows - width], spare[width:rows]
            for row in range(rows - width):
                one, two = here[row], before[row]
                double[row] = one if one > two or np.isnan(one) else two  # either's NaN stays
            best, spare = spare, best
            width *= 2
        # Two pieces, which may overlap: that changes no extreme.
        here, before = best[window - 1 : rows], best[width - 1 : rows - window + width]
        total = out[first + window - 1 : first + rows]
        for row in range(len(total)):
            one, two = here[row], before[row]
            total[row] = one if one > two or np.isnan(one) else two
    return out


@kernel
def rolling_min(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Lowest of the last `window` values; NaN on the first `window - 1` rows and while one is NaN."""
    out = np.full_like(values, np.nan)
    longest = np.max(starts[1:] - starts[:-1])
    best, spare = np.zeros(longest), np.zeros(longest)
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        best[:rows] = values[first : first + rows]
        width = 1
        while 2 * width <= window:
            here, before, double = best[width:rows], best[: rows - width], spare[width:rows]
            for row in range(rows - width):
                one, two = here[row], before[row]
                double[row] = one if one < two or np.isnan(one) else two  # either's NaN stays
            best, spare = spare, best
            width *= 2
        # Two pieces, which may overlap: that changes no extreme.
        here, before = best[window - 1 : rows], best[width - 1 : rows - window + width]
        total = out[first + window - 1 : first + rows]
        for row in range(len(total)):
            one, two = here[row], before[row]
            total[row] = one if one < two or np.isnan(one) else two
    return out


@kernel
def rows_since_max(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """How many rows ago the highest of the last `window` values was, of equal ones the latest.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    out = np.full_like(values, np.nan)
    longest = np.max(starts[1:] - starts[:-1])
    best, spare, age, spare_age = np.zeros(longest), np.zeros(longest), np.zeros(longest), np.zeros(longest)
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        best[:rows] = values[first : first + rows]
        age[:rows] = best[:rows] - best[:rows]  # 0, or NaN where the value is
        width = 1
        while width < window:
            step = min(width, window - width)  # the last two pieces may overlap: that changes no extreme
            here, before, double = best[step:rows], best[: rows - step], spare[step:rows]
            here_age, before_age, double_age = age[step:rows], age[: rows - step], spare_age[step:rows]
            for row in range(rows - step):
                newer = here[row] >= before[row]
                double[row] = here[row] if newer else before[row]
                hole = (here_age[row] + before_age[row]) * 0.0
                double_age[row] = (here_age[row] if newer else before_age[row] + step) + hole
            best, spare = spare, best
            age, spare_age = spare_age, age
            width += step
        out[first + window - 1 : first + rows] = age[window - 1 : rows]
    return out


@kernel
def running_max(values: FloatArray, starts: IntArray) -> FloatArray:
    """Highest value since the symbol's first row, or since the last NaN."""
    out = np.empty_like(values)
    for symbol in range(len(starts) - 1):
        best = -np.inf
        for row in range(starts[symbol], starts[symbol + 1]):
            value = values[row]
            if np.isnan(value):
                best = -np.inf
                out[row] = np.nan
            else:
                best = max(best, value)
                out[row] = best
    return out
