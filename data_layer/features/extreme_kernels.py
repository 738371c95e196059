"""Compiled loops for highest and lowest values and where they lie; see `kernels` for what all of them keep.

Blocks of one window's length as there (van Herk 1992, Gil and Werman 1993): one comparison for the block's
head, one for the tail of the block before, one to put them together, for any length.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray, IntArray


@kernel
def rolling_max(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Highest of the last `window` values; NaN on the first `window - 1` rows and while one is NaN."""
    out = np.empty_like(values)
    tail = np.empty(window + 1)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = -np.inf
        for block in range(first, last, window):
            head = -np.inf
            for row in range(block, min(block + window, last)):
                value = values[row]
                # Not above covers NaN on either side, which then stays.
                head = head if not (value > head or value != value) else value
                before = tail[row - block + 1]
                out[row] = before if before > head or before != before else head
            if block + window <= last:
                best = -np.inf
                for place in range(window - 1, -1, -1):
                    value = values[block + place]
                    best = best if not (value > best or value != value) else value
                    tail[place] = best
    return out


@kernel
def rolling_min(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Lowest of the last `window` values; NaN on the first `window - 1` rows and while one is NaN."""
    out = np.empty_like(values)
    tail = np.empty(window + 1)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = np.inf
        for block in range(first, last, window):
            head = np.inf
            for row in range(block, min(block + window, last)):
                value = values[row]
                head = head if not (value < head or value != value) else value
                before = tail[row - block + 1]
                out[row] = before if before < head or before != before else head
            if block + window <= last:
                best = np.inf
                for place in range(window - 1, -1, -1):
                    value = values[block + place]
                    best = best if not (value < best or value != value) else value
                    tail[place] = best
    return out


@kernel
def rows_since_max(values: FloatArray, starts: IntArray, window: int, latest: bool) -> FloatArray:
    """How many rows ago the highest of the last `window` values was; of equal ones the latest or the earliest.

    NaN on the first `window - 1` rows and while one of the values is NaN.
    """
    out = np.empty_like(values)
    tail = np.empty(window + 1)
    place_of = np.zeros(window + 1, np.int64)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = -np.inf
        for block in range(first, last, window):
            head, head_row = -np.inf, block
            for row in range(block, min(block + window, last)):
                value = values[row]
                if value > head or (latest and value == head) or value != value:
                    head, head_row = value, row
                before = tail[row - block + 1]
                if before != before or head != head:
                    out[row] = np.nan
                elif head > before or (latest and head == before):
                    out[row] = row - head_row
                else:
                    out[row] = row - place_of[row - block + 1]
            if block + window <= last:
                best, best_row = -np.inf, block + window - 1
                for place in range(window - 1, -1, -1):
                    value = values[block + place]
                    if value > best or (not latest and value == best) or value != value:
                        best, best_row = value, block + place
                    tail[place], place_of[place] = best, best_row
    return out


@kernel
def running_max(values: FloatArray, starts: IntArray) -> FloatArray:
    """Highest value since the symbol's first row, or since the last NaN."""
    out = np.empty_like(values)
    for symbol in range(len(starts) - 1):
        best = -np.inf
        for row in range(starts[symbol], starts[symbol + 1]):
            value = values[row]
            if value != value:
                best = -np.inf
                out[row] = np.nan
            else:
                best = max(best, value)
                out[row] = best
    return out
