"""Compiled loops over a block of symbols side by side: the layout, and means of windows.

Every kernel takes float64 values [rows, lanes] and gives float64 [rows, lanes]: a lane is a symbol, its first row
the symbol's first, and one step of the loop takes all lanes, which the processor's vector unit does at once. Lanes
never meet and no row reads a later one, so a value's bits depend on its own symbol's rows up to it and on nothing
else.
NaN in is NaN out until the window has left it; a recurrence starts anew after a NaN, with a whole warm-up. Symbols
that end early are filled up with NaN, which no row before can see.

A window goes by blocks of its length counted from the first row: the tail of one block and the head of the next
(van Herk 1992, Gil and Werman 1993). It costs the same whatever the window's length, and unlike a running sum it
forgets a NaN or a huge value as soon as the window has left it.

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

FOUR = 4  # rows turned at a time: neighbours in the one layout, so that they are read or written together
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)


@kernel
def spread(values: npt.NDArray, starts: IntArray, filler: float) -> npt.NDArray:
    """Bring symbols' rows that lie one after the other, [rows], side by side, [longest, lanes]."""
    lanes = len(starts) - 1
    out = np.empty((np.max(starts[1:] - starts[:-1]), lanes), values.dtype)
    for row in range(len(out)):
        place = out[row]
        for lane in range(lanes):
            own = starts[lane] + row
            place[lane] = values[own] if own < starts[lane + 1] else filler
    return out


@kernel
def spread_adjusted(values: FloatArray, factors: FloatArray, starts: IntArray, divided: bool) -> FloatArray:
    """`spread` values times, or divided by, their factors; NaN where that is not finite."""
    lanes = len(starts) - 1
    adjusted = np.empty(len(values))
    for row in range(len(values)):
        value = values[row] / factors[row] if divided else values[row] * factors[row]
        adjusted[row] = value if abs(value) < np.inf else np.nan
    lengths = starts[1:] - starts[:-1]
    out = np.empty((np.max(lengths), lanes))
    whole = np.min(lengths) // FOUR * FOUR
    for row in range(0, whole, FOUR):
        first, second, third, fourth = out[row], out[row + 1], out[row + 2], out[row + 3]
        for lane in range(lanes):
            own = np.uint64(starts[lane] + row)  # unsigned: no test for places counted from the end
            first[lane], second[lane] = adjusted[own], adjusted[own + ONE]
            third[lane], fourth[lane] = adjusted[own + TWO], adjusted[own + THREE]
    for row in range(whole, len(out)):
        place = out[row]
        for lane in range(lanes):
            at = starts[lane] + row
            place[lane] = adjusted[at] if at < starts[lane + 1] else np.nan
    return out


@kernel
def store(values: FloatArray, starts: IntArray, out: npt.NDArray) -> None:
    """Bring lanes back one after the other, rounded to the type of `out`; what is not finite becomes the one NaN.

    By way of a buffer that stays in the cache: `out` lies in memory, which likes to be written in one go.
    """
    rows, lanes = values.shape
    turned = np.empty(lanes * rows, out.dtype)
    whole = rows // FOUR * FOUR
    for row in range(0, whole, FOUR):
        first, second, third, fourth = values[row], values[row + 1], values[row + 2], values[row + 3]
        at = np.uint64(row)
        for lane in range(lanes):
            turned[at], turned[at + ONE] = first[lane], second[lane]
            turned[at + TWO], turned[at + THREE] = third[lane], fourth[lane]
            at += np.uint64(rows)
    for row in range(whole, rows):
        now, place = values[row], turned[row:]
        for lane in range(lanes):
            place[lane * rows] = now[lane]
    for lane in range(lanes):
        target, own = out[starts[lane] : starts[lane + 1]], turned[lane * rows :]
        for row in range(len(target)):
            target[row] = own[row] if abs(own[row]) < np.inf else np.nan


@kernel
def lag(values: FloatArray, rows: int) -> FloatArray:
    """The symbol's value `rows` rows before; NaN on its first `rows` rows."""
    out = np.empty_like(values)
    out[:rows] = np.nan
    if rows < len(values):
        out[rows:] = values[: len(values) - rows]
    return out


@kernel
def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values; NaN on the first `window - 1` rows."""
    rows, lanes = values.shape
    out = np.empty_like(values)
    tail, head = np.full((window + 1, lanes), np.nan), np.empty(lanes)
    tail[window] = 0.0
    for block in range(0, rows, window):
        head[:] = 0.0
        for row in range(block, min(block + window, rows)):
            now, rest, mean = values[row], tail[row - block + 1], out[row]
            for lane in range(lanes):
                head[lane] += now[lane]
                mean[lane] = (rest[lane] + head[lane]) / window
        if block + window < rows:
            for place in range(window - 1, -1, -1):
                now, newer, sums = values[block + place], tail[place + 1], tail[place]
                for lane in range(lanes):
                    sums[lane] = newer[lane] + now[lane]
    return out


@kernel
def rolling_mean_std(values: FloatArray, window: int, ddof: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the last `window` values; the deviation of equal ones is exactly 0.

    Head and tail are means and centred sums of squares, put together by Chan, Golub and LeVeque (1979), because
    the textbook difference of squares cancels on prices.
    """
    rows, lanes = values.shape
    average, deviation = np.empty_like(values), np.empty_like(values)
    tail_mean, tail_square = np.full((window + 1, lanes), np.nan), np.full((window + 1, lanes), np.nan)
    tail_mean[window], tail_square[window] = 0.0, 0.0
    mean, square = np.empty(lanes), np.empty(lanes)
    for block in range(0, rows, window):
        mean[:], square[:] = 0.0, 0.0
        for row in range(block, min(block + window, rows)):
            count = row - block + 1
            weight, share = 1.0 / count, count / window
            cross = share * (window - count)
            now, rest, rest_square = values[row], tail_mean[count], tail_square[count]
            whole, spread_out = average[row], deviation[row]
            for lane in range(lanes):
                step = now[lane] - mean[lane]
                level = mean[lane] + step * weight
                own = square[lane] + step * (now[lane] - level)
                mean[lane], square[lane] = level, own
                apart = level - rest[lane]
                whole[lane] = rest[lane] + apart * share
                spread_out[lane] = np.sqrt(
                    (own + rest_square[lane] + apart * cross * apart) / (window - ddof)
                )
        if block + window < rows:
            mean[:], square[:] = 0.0, 0.0
            for place in range(window - 1, -1, -1):
                weight = 1.0 / (window - place)
                now, rest, rest_square = values[block + place], tail_mean[place], tail_square[place]
                for lane in range(lanes):
                    step = now[lane] - mean[lane]
                    level = mean[lane] + step * weight
                    own = square[lane] + step * (now[lane] - level)
                    mean[lane], square[lane] = level, own
                    rest[lane], rest_square[lane] = level, own
    return average, deviation
