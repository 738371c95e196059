"""Compiled loops over a block of symbols side by side: the layout, and means of windows.

Every kernel takes float64 values [rows, lanes] and gives float64 [rows, lanes]: a lane is a symbol, its first row
the symbol's first, and one step of the loop takes a vector of them (see `lanes`). Lanes never meet and no row reads a
later one, so a value's bits depend on its own symbol's rows up to it and on nothing else.

NaN in is NaN out until the window has left it; a recurrence starts anew after a NaN, with a whole warm-up. Symbols
that end early are filled up with NaN, which no row before can see.

A window goes by blocks of its length counted from the first row: the tail of one block and the head of the next
(van Herk 1992, Gil and Werman 1993). It costs the same whatever the window's length, and unlike a running sum it
forgets a NaN or a huge value as soon as the window has left it.

Never fastmath: it may assume there are no NaN and reorder sums.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data_layer.features.lanes import WIDTH, every, extent, put, root_of, take, turn
from data_layer.features.layout import FloatArray, IntArray
from models.compiled import njit

# numpy's error model: a division by zero is inf or NaN for `compute` to deal with, not an exception.
kernel = njit(cache=True, error_model="numpy", nogil=True)


@kernel
def spread(values: npt.NDArray, starts: IntArray, filler: float) -> npt.NDArray:
    """Bring symbols' rows that lie one after the other, [rows], side by side, [longest, lanes]."""
    symbols = len(starts) - 1
    lanes = -(-symbols // WIDTH) * WIDTH
    out = np.empty((np.max(starts[1:] - starts[:-1]), lanes), values.dtype)
    for row in range(len(out)):
        place = out[row]
        for lane in range(symbols):
            own = starts[lane] + row
            place[lane] = values[own] if own < starts[lane + 1] else filler
        place[symbols:] = filler
    return out


@kernel
def spread_adjusted(values: FloatArray, factors: FloatArray, starts: IntArray, divided: bool) -> FloatArray:
    """`spread` values times, or divided by, their factors; NaN where that is not finite."""
    symbols = len(starts) - 1
    lanes, rows = -(-symbols // WIDTH) * WIDTH, np.max(starts[1:] - starts[:-1])
    out = np.empty((-(-rows // WIDTH) * WIDTH, lanes))  # whole squares; the rows too many are cut off
    runs, ratios, square = values.reshape(1, -1), factors.reshape(1, -1), np.empty((WIDTH, WIDTH))
    flat, flat_square = out.reshape(-1), square.reshape(-1)
    ranks, across = np.arange(WIDTH) * WIDTH, np.arange(WIDTH) * lanes
    for lane in range(0, lanes, WIDTH):
        ends = starts[lane + 1 : lane + WIDTH + 1]
        own = starts[lane : lane + len(ends)]
        whole = np.min(ends - own) if len(ends) == WIDTH else 0
        square[:] = np.nan
        for row in range(0, rows, WIDTH):
            if row + WIDTH <= whole:
                for place in range(WIDTH):
                    run, ratio = take(runs, 0, own[place] + row), take(ratios, 0, own[place] + row)
                    put(square, place, 0, run / ratio if divided else run * ratio)
            else:
                for place in range(len(ends)):
                    first = own[place] + row
                    for later in range(WIDTH):
                        here = first + later
                        factor = factors[here] if here < ends[place] else np.nan
                        value = values[here] if here < ends[place] else np.nan
                        square[place, later] = value / factor if divided else value * factor
            turn(flat_square, ranks, 0, flat, across, row * lanes + lane)
    return out[:rows]


@kernel
def store(values: FloatArray, starts: IntArray, out: npt.NDArray) -> None:
    """Bring lanes back one after the other, rounded to the type of `out`; what is not finite becomes the one NaN."""
    rows, lanes = extent(values)
    symbols = len(starts) - 1
    if rows < WIDTH:  # too few for a square of their own
        padded = np.empty((WIDTH, lanes))
        padded[:rows] = values
    else:
        padded = values
    flat, square = padded.reshape(-1), np.empty(WIDTH * WIDTH, out.dtype)
    ranks, across = np.arange(WIDTH) * WIDTH, np.arange(WIDTH) * lanes
    for lane in range(0, symbols, WIDTH):
        own, ends = starts[lane : lane + WIDTH], starts[lane + 1 : lane + WIDTH + 1]
        whole = np.min(ends - own[: len(ends)]) if len(ends) == WIDTH else 0
        for row in range(0, whole - WIDTH + 1, WIDTH):
            turn(flat, across, row * lanes + lane, out, own, row)
        for base in range(whole // WIDTH * WIDTH, rows, WIDTH):
            row = max(min(base, rows - WIDTH), 0)  # the last square lies over the one before
            turn(flat, across, row * lanes + lane, square, ranks, 0)
            for place in range(len(ends)):
                first = own[place] + row
                for later in range(min(WIDTH, ends[place] - first)):
                    out[first + later] = square[place * WIDTH + later]


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
    rows, lanes = extent(values)
    out, tail = np.empty_like(values), np.empty((window + 1, WIDTH))
    for lane in range(0, lanes, WIDTH):
        tail[:] = np.nan
        tail[window] = 0.0
        for block in range(0, rows, window):
            head = every(0.0)
            for row in range(block, min(block + window, rows)):
                head = head + take(values, row, lane)
                put(out, row, lane, (take(tail, row - block + 1, 0) + head) / window)
            if block + window < rows:
                total = every(0.0)
                for place in range(window - 1, -1, -1):
                    total = total + take(values, block + place, lane)
                    put(tail, place, 0, total)
    return out


@kernel
def rolling_mean_std(values: FloatArray, window: int, ddof: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the last `window` values; the deviation of equal ones is exactly 0.

    Head and tail are means and centred sums of squares, put together by Chan, Golub and LeVeque (1979), because
    the textbook difference of squares cancels on prices.
    """
    rows, lanes = extent(values)
    average, deviation = np.empty_like(values), np.empty_like(values)
    tail_mean, tail_square = np.empty((window + 1, WIDTH)), np.empty((window + 1, WIDTH))
    for lane in range(0, lanes, WIDTH):
        tail_mean[:], tail_square[:] = np.nan, np.nan
        tail_mean[window], tail_square[window] = 0.0, 0.0
        for block in range(0, rows, window):
            mean, square = every(0.0), every(0.0)
            for row in range(block, min(block + window, rows)):
                count = row - block + 1
                share = count / window
                now, rest, rest_square = (
                    take(values, row, lane),
                    take(tail_mean, count, 0),
                    take(tail_square, count, 0),
                )
                step = now - mean
                mean = mean + step * (1.0 / count)
                square = square + step * (now - mean)
                apart = mean - rest
                put(average, row, lane, rest + apart * share)
                total = square + rest_square + apart * (share * (window - count)) * apart
                put(deviation, row, lane, root_of(total / (window - ddof)))
            if block + window < rows:
                mean, square = every(0.0), every(0.0)
                for place in range(window - 1, -1, -1):
                    now = take(values, block + place, lane)
                    step = now - mean
                    mean = mean + step * (1.0 / (window - place))
                    square = square + step * (now - mean)
                    put(tail_mean, place, 0, mean)
                    put(tail_square, place, 0, square)
    return average, deviation
