"""Compiled loops over symbols: windows and recurrences that never look past their row.

Every kernel takes float64 values [rows] and int64 starts [symbols + 1] and returns float64 [rows]. Each
symbol is worked through from its own first row, so a row's bits depend on nothing after it and on no other
symbol.
NaN in is NaN out until the window has left it; a recurrence starts anew after a NaN, with a whole warm-up.

A window is put together from pieces whose lengths are powers of two: the pieces of all rows are made by doubling,
each pass one vector addition over rows side by side. It costs about log2(window) cheap passes, is exact to pairwise
summation, and unlike a running sum it forgets a NaN or a huge value as soon as the window has left it. Where pieces
do not add up so simply, windows go by blocks of their length counted from the symbol's first row, the tail of one and
the head of the next (van Herk 1992, Gil and Werman 1993).

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
    out = np.full_like(values, np.nan)
    longest = np.max(starts[1:] - starts[:-1])
    sums, spare = np.zeros(longest), np.zeros(longest)
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        sums[:rows] = values[first : first + rows]
        total = out[first + window - 1 : first + rows]
        total[:] = 0.0
        width, covered = 1, 0
        while True:
            if window & width:
                part = sums[window - 1 - covered : rows - covered]
                for row in range(len(total)):
                    total[row] += part[row]
                covered += width
            if covered == window:
                break
            here, before, double = sums[width:rows], sums[: rows - width], spare[width:rows]
            for row in range(rows - width):
                double[row] = here[row] + before[row]
            sums, spare = spare, sums
            width *= 2
        for row in range(len(total)):
            total[row] /= window
    return out


@kernel
def rolling_std(values: FloatArray, starts: IntArray, window: int, ddof: int) -> FloatArray:
    """Standard deviation of the last `window` values; exactly 0 for equal ones, NaN on the first rows.

    Pieces are means and centred sums of squares, put together by Chan, Golub and LeVeque (1979), because the
    textbook difference of squares cancels on prices.
    """
    out = np.full_like(values, np.nan)
    longest = np.max(starts[1:] - starts[:-1])
    means, squares, spare, spare_squares = (
        np.zeros(longest),
        np.zeros(longest),
        np.zeros(longest),
        np.zeros(longest),
    )
    mean = np.zeros(longest)
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        means[:rows] = values[first : first + rows]
        # NaN minus itself: a missing value is one in its squares too.
        squares[:rows] = means[:rows] - means[:rows]
        total = out[first + window - 1 : first + rows]
        total[:] = 0.0
        mean[: len(total)] = 0.0
        width, covered = 1, 0
        while True:
            if window & width:
                part = means[window - 1 - covered : rows - covered]
                part_squares = squares[window - 1 - covered : rows - covered]
                share = width / (covered + width)
                weight = covered * share
                for row in range(len(total)):
                    apart = part[row] - mean[row]
                    mean[row] += apart * share
                    total[row] += part_squares[row] + apart * apart * weight
                covered += width
            if covered == window:
                break
            here, before, double = means[width:rows], means[: rows - width], spare[width:rows]
            here_squares, before_squares = squares[width:rows], squares[: rows - width]
            double_squares = spare_squares[width:rows]
            for row in range(rows - width):
                apart = here[row] - before[row]
                double[row] = 0.5 * (here[row] + before[row])
                double_squares[row] = here_squares[row] + before_squares[row] + apart * apart * (0.5 * width)
            means, spare = spare, means
            squares, spare_squares = spare_squares, squares
            width *= 2
        for row in range(len(total)):
            total[row] = np.sqrt(total[row] / (window - ddof))
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
def wilder_sides(changes: FloatArray, starts: IntArray, window: int) -> tuple[FloatArray, FloatArray]:
    """`wilder_mean` of the rises and of the falls, both at once: one waits while the other is worked out."""
    gains, losses = np.full_like(changes, np.nan), np.full_like(changes, np.nan)
    weight = 1.0 / window
    for symbol in range(len(starts) - 1):
        count, gain, loss = 0, 0.0, 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            change = changes[row]
            if np.isnan(change):
                count, gain, loss = 0, 0.0, 0.0
                continue
            count += 1
            share = weight if count > window else 1.0 / count
            gain += (max(change, 0.0) - gain) * share
            loss += (max(-change, 0.0) - loss) * share
            if count >= window:
                gains[row], losses[row] = gain, loss
    return gains, losses


@kernel
def wilder_moves(
    high: FloatArray, low: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray]:
    """`wilder_sum` of upward moves of the high and of downward moves of the low, the greater of a row alone."""
    rises, falls = np.full_like(high, np.nan), np.full_like(high, np.nan)
    weight = 1.0 / window
    for symbol in range(len(starts) - 1):
        count, rise, fall = 0, 0.0, 0.0
        for row in range(starts[symbol] + 1, starts[symbol + 1]):
            up, down = high[row] - high[row - 1], low[row - 1] - low[row]
            if np.isnan(up + down):
                count, rise, fall = 0, 0.0, 0.0
                continue
            count += 1
            fade = weight if count >= window else 0.0
            rise += (up if up > down and up > 0.0 else 0.0) - rise * fade
            fall += (down if down > up and down > 0.0 else 0.0) - fall * fade
            if count >= window:
                rises[row], falls[row] = rise, fall
    return rises, falls


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
