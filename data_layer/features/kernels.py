"""Compiled loops over symbols: windows and recurrences that never look past their row.

Every kernel takes float64 values [rows] and int64 starts [symbols + 1] and returns float64 [rows]. Each
symbol is worked through from its own first row, so a row's bits depend on nothing after it and on no other
symbol.
NaN in is NaN out until the window has left it; a recurrence starts anew after a NaN, with a whole warm-up.

Windowed sums go by blocks of one window's length, counted from the symbol's first row (van Herk 1992, Gil and
Werman 1993): a window is the tail of one block and the head of the next. It costs two additions a row for any
length, and unlike a running sum it forgets a NaN or a huge value as soon as the window has left it.

Never fastmath: it may assume there are no NaN and reorder sums. Helpers of a kernel belong in its own file,
because the compile cache on disk is renewed by the time stamp of that file only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from data_layer.features.layout import FloatArray, IntArray

# numpy's error model: a division by zero is inf or NaN for `compute` to deal with, not an exception.
kernel = njit(cache=True, error_model="numpy", nogil=True)


@kernel
def lag(values: FloatArray, starts: IntArray, rows: int) -> FloatArray:
    """The symbol's value `rows` rows before; NaN on its first `rows` rows."""
    out = np.empty_like(values)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        for row in range(first, last):
            out[row] = values[row - rows] if row - rows >= first else np.nan
    return out


@kernel
def rolling_mean(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Mean of the last `window` values; NaN on the first `window - 1` rows."""
    out = np.empty_like(values)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail = np.full(window + 1, np.nan)  # tail[i]: sum of the block before from its place i on
        tail[window] = 0.0
        for block in range(first, last, window):
            head = 0.0
            for row in range(block, min(block + window, last)):
                head += values[row]
                out[row] = (tail[row - block + 1] + head) / window
            if block + window <= last:
                for place in range(window - 1, -1, -1):
                    tail[place] = tail[place + 1] + values[block + place]
    return out


@kernel
def rolling_std(values: FloatArray, starts: IntArray, window: int, ddof: int) -> FloatArray:
    """Standard deviation of the last `window` values; exactly 0 for equal ones, NaN on the first rows.

    Mean and squared deviations of head and tail by Welford (1962), put together by Chan, Golub and LeVeque
    (1979), because the textbook difference of squares cancels on prices.
    """
    out = np.empty_like(values)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail_mean = np.full(window + 1, np.nan)
        tail_squares = np.full(window + 1, np.nan)
        for block in range(first, last, window):
            mean, squares = 0.0, 0.0
            for row in range(block, min(block + window, last)):
                count = row - block + 1
                step = values[row] - mean
                mean += step / count
                squares += step * (values[row] - mean)
                total = squares
                if count < window:
                    apart = mean - tail_mean[count]
                    weight = count * (window - count) / window
                    total += tail_squares[count] + apart * apart * weight
                out[row] = np.sqrt(total / (window - ddof))
            if block + window <= last:
                mean, squares = 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    step = values[block + place] - mean
                    mean += step / (window - place)
                    squares += step * (values[block + place] - mean)
                    tail_mean[place], tail_squares[place] = mean, squares
    return out


@kernel
def exponential_mean(values: FloatArray, starts: IntArray, window: int, skip: int) -> FloatArray:
    """EMA with weight 2 / (window + 1), seeded with the mean of its first `window` values (TA-Lib's EMA).

    The first `skip` values of a symbol, and after a NaN, stay outside the seed (TA-Lib's MACD delays its fast
    average so). NaN on the first `skip + window - 1` rows.
    """
    out = np.full_like(values, np.nan)
    weight = 2.0 / (window + 1)
    for symbol in range(len(starts) - 1):
        count, mean = -skip, 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            if np.isnan(values[row]):
                count, mean = -skip, 0.0
                continue
            count += 1
            if count > window:
                mean += (values[row] - mean) * weight
            elif count > 0:  # the seed, in steps that leave a constant price exactly itself
                mean += (values[row] - mean) / count
            if count >= window:
                out[row] = mean
    return out


@kernel
def wilder_mean(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Wilder's (1978) smoothing, before + (value - before) / window, seeded with the first `window`'s mean.

    Leading NaN (a first difference) do not count; NaN until `window` values are there.
    """
    out = np.full_like(values, np.nan)
    weight = 1.0 / window
    for symbol in range(len(starts) - 1):
        count, mean = 0, 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            if np.isnan(values[row]):
                count, mean = 0, 0.0
                continue
            count += 1
            if count > window:
                mean += (values[row] - mean) * weight
            else:
                mean += (values[row] - mean) / count
            if count >= window:
                out[row] = mean
    return out


@kernel
def wilder_sum(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Wilder's (1978) running sum, before - before / window + value, seeded with the first `window - 1`'s sum.

    It is how his directional movement begins, a row before his mean of the same length would.
    """
    out = np.full_like(values, np.nan)
    weight = 1.0 / window
    for symbol in range(len(starts) - 1):
        count, total = 0, 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            if np.isnan(values[row]):
                count, total = 0, 0.0
                continue
            count += 1
            if count >= window:
                total += values[row] - total * weight
                out[row] = total
            else:
                total += values[row]
    return out


@kernel
def running_sum(values: FloatArray, starts: IntArray) -> FloatArray:
    """Sum since the symbol's first row, or since the last NaN."""
    out = np.full_like(values, np.nan)
    for symbol in range(len(starts) - 1):
        total = 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            total = 0.0 if np.isnan(values[row]) else total + values[row]
            out[row] = total + values[row] * 0.0
    return out


@kernel
def store(values: FloatArray, out: npt.NDArray) -> None:
    """Round to the type of `out`, to nearest and half to even; what is not finite becomes the one NaN."""
    for row in range(len(values)):
        out[row] = values[row]
        if not abs(out[row]) < np.inf:
            out[row] = np.nan
