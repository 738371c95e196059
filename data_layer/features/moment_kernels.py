"""Compiled loops for weighted means, regressions, correlations and shapes of windows; see `kernels`.

Blocks as there, with the means and centred sums of head and tail put together by Chan, Golub and LeVeque
(1979), so that nothing cancels. What has no such rule goes over its whole window, many rows side by side: the
inner loop runs over rows, which a processor's vector unit does without reordering any row's own sum.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray, IntArray

LANES = 128  # rows side by side: their sums stay in the first-level cache


@kernel
def weighted_mean(values: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Linearly weighted mean, newest weight `window`, oldest 1; NaN on the first `window - 1` rows."""
    out = np.empty_like(values)
    scale = 2.0 / (window * (window + 1.0))
    tail = np.empty(window + 1)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        tail[window] = 0.0
        for block in range(first, last, window):
            plain, weighted = 0.0, 0.0
            for row in range(block, min(block + window, last)):
                count = row - block + 1
                plain += values[row]
                weighted += count * values[row]
                out[row] = (tail[count] + weighted + (window - count) * plain) * scale
            if block + window <= last:
                plain, weighted = 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    plain += values[block + place]
                    weighted += plain
                    tail[place] = weighted
    return out


@kernel
def rolling_line(
    values: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Least squares of the last `window` values on 0, 1, 2 ...: slope, mean, sum of squared deviations."""
    slope, average, squares = (
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
    )
    of_steps = window * (window * window - 1.0) / 12.0
    longest = np.max(starts[1:] - starts[:-1])
    pieces, spare = np.zeros((3, longest)), np.zeros((3, longest))  # means, centred squares, centred products
    for symbol in range(len(starts) - 1):
        first, rows = starts[symbol], starts[symbol + 1] - starts[symbol]
        if rows < window:
            continue
        pieces[0, :rows] = values[first : first + rows]
        pieces[1, :rows] = pieces[0, :rows] - pieces[0, :rows]
        pieces[2, :rows] = pieces[1, :rows]
        lines = slope[first + window - 1 : first + rows]
        mean, square = average[first + window - 1 : first + rows], squares[first + window - 1 : first + rows]
        lines[:], mean[:], square[:] = 0.0, 0.0, 0.0
        width, covered = 1, 0
        while True:
            if window & width:
                part = pieces[:, window - 1 - covered : rows - covered]
                means, own, along = part[0], part[1], part[2]
                share = width / (covered + width)
                weight, middle = (
                    covered * share,
                    0.5 * (covered + width),
                )  # the newer piece lies so much later
                for row in range(len(lines)):
                    apart = means[row] - mean[row]
                    mean[row] += apart * share
                    square[row] += own[row] + apart * apart * weight
                    lines[row] += along[row] - apart * (weight * middle)
                covered += width
            if covered == window:
                break
            half, middle = 0.5 * width, float(width)
            now, then, twice = pieces[:, width:rows], pieces[:, : rows - width], spare[:, width:rows]
            now_0, now_1, now_2, then_0, then_1, then_2 = now[0], now[1], now[2], then[0], then[1], then[2]
            twice_0, twice_1, twice_2 = twice[0], twice[1], twice[2]
            for row in range(rows - width):
                apart = now_0[row] - then_0[row]
                twice_0[row] = 0.5 * (now_0[row] + then_0[row])
                twice_1[row] = now_1[row] + then_1[row] + apart * apart * half
                twice_2[row] = now_2[row] + then_2[row] + apart * (half * middle)
            pieces, spare = spare, pieces
            width *= 2
        for row in range(len(lines)):
            lines[row] /= of_steps
    return slope, average, squares


@kernel
def rolling_comoments(
    one: FloatArray, two: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centred sums of the last `window` pairs: one * one, two * two, one * two.

    A pair with a NaN in it makes all three NaN until the window has left it.
    """
    ones, twos, both = np.empty_like(one), np.empty_like(one), np.empty_like(one)
    tail = np.empty((window + 1, 5))
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail[:] = np.nan
        for block in range(first, last, window):
            mean_1, mean_2, sum_11, sum_22, sum_12 = 0.0, 0.0, 0.0, 0.0, 0.0
            for row in range(block, min(block + window, last)):
                count = row - block + 1
                weight = 1.0 / count
                hole = (one[row] + two[row]) * 0.0  # NaN where either is
                step_1, step_2 = one[row] + hole - mean_1, two[row] + hole - mean_2
                mean_1 += step_1 * weight
                mean_2 += step_2 * weight
                sum_11 += step_1 * (one[row] - mean_1)
                sum_22 += step_2 * (two[row] - mean_2)
                sum_12 += step_1 * (two[row] - mean_2)
                if count < window:
                    apart_1, apart_2 = mean_1 - tail[count, 0], mean_2 - tail[count, 1]
                    share = count * (window - count) / window
                    ones[row] = tail[count, 2] + sum_11 + apart_1 * apart_1 * share
                    twos[row] = tail[count, 3] + sum_22 + apart_2 * apart_2 * share
                    both[row] = tail[count, 4] + sum_12 + apart_1 * apart_2 * share
                else:
                    ones[row], twos[row], both[row] = sum_11, sum_22, sum_12
            if block + window <= last:
                mean_1, mean_2, sum_11, sum_22, sum_12 = 0.0, 0.0, 0.0, 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    row = block + place
                    weight = 1.0 / (window - place)
                    hole = (one[row] + two[row]) * 0.0
                    step_1, step_2 = one[row] + hole - mean_1, two[row] + hole - mean_2
                    mean_1 += step_1 * weight
                    mean_2 += step_2 * weight
                    sum_11 += step_1 * (one[row] - mean_1)
                    sum_22 += step_2 * (two[row] - mean_2)
                    sum_12 += step_1 * (two[row] - mean_2)
                    tail[place, 0], tail[place, 1] = mean_1, mean_2
                    tail[place, 2], tail[place, 3], tail[place, 4] = sum_11, sum_22, sum_12
    return ones, twos, both


@kernel
def mean_deviation(values: FloatArray, means: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Mean distance of the last `window` values from the row's own mean, which is handed in."""
    out = np.full_like(values, np.nan)
    for symbol in range(len(starts) - 1):
        for base in range(starts[symbol] + window - 1, starts[symbol + 1], LANES):
            width = min(LANES, starts[symbol + 1] - base)
            total, mean = out[base : base + width], means[base : base + width]
            total[:] = 0.0
            for back in range(window - 1, -1, -1):
                value = values[base - back : base - back + width]
                for lane in range(width):
                    total[lane] += abs(value[lane] - mean[lane])
            for lane in range(width):
                total[lane] /= window
    return out


@kernel
def central_moments(
    values: FloatArray, means: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means of the second, third and fourth power of the distance from the row's own mean."""
    second, third, fourth = (
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
        np.full_like(values, np.nan),
    )
    for symbol in range(len(starts) - 1):
        for base in range(starts[symbol] + window - 1, starts[symbol + 1], LANES):
            width = min(LANES, starts[symbol + 1] - base)
            mean = means[base : base + width]
            twos, threes, fours = (
                second[base : base + width],
                third[base : base + width],
                fourth[base : base + width],
            )
            twos[:], threes[:], fours[:] = 0.0, 0.0, 0.0
            for back in range(window - 1, -1, -1):
                value = values[base - back : base - back + width]
                for lane in range(width):
                    apart = value[lane] - mean[lane]
                    square = apart * apart
                    twos[lane] += square
                    threes[lane] += square * apart
                    fours[lane] += square * square
            for lane in range(width):
                twos[lane] /= window
                threes[lane] /= window
                fours[lane] /= window
    return second, third, fourth
