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
    slope, average, squares = np.empty_like(values), np.empty_like(values), np.empty_like(values)
    of_steps = window * (window * window - 1.0) / 12.0
    tail_mean, tail_squares, tail_steps = np.empty(window + 1), np.empty(window + 1), np.empty(window + 1)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        tail_mean[:] = np.nan
        for block in range(first, last, window):
            mean, square, steps = 0.0, 0.0, 0.0
            for row in range(block, min(block + window, last)):
                count = row - block + 1
                step = values[row] - mean
                mean += step / count
                square += step * (values[row] - mean)
                steps += step * (0.5 * (count - 1))
                if count < window:
                    apart = mean - tail_mean[count]
                    weight = count * (window - count) / window
                    slope[row] = (tail_steps[count] + steps + apart * (0.5 * window * weight)) / of_steps
                    squares[row] = tail_squares[count] + square + apart * apart * weight
                    average[row] = tail_mean[count] + apart * (count / window)
                else:
                    slope[row], squares[row], average[row] = steps / of_steps, square, mean
            if block + window <= last:
                mean, square, steps = 0.0, 0.0, 0.0
                for place in range(window - 1, -1, -1):
                    count = window - place
                    step = values[block + place] - mean
                    mean += step / count
                    square += step * (values[block + place] - mean)
                    steps -= step * (0.5 * (count - 1))
                    tail_mean[place], tail_squares[place], tail_steps[place] = mean, square, steps
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
            out[base : base + width] = 0.0
            for back in range(window - 1, -1, -1):
                for lane in range(base, base + width):
                    out[lane] += abs(values[lane - back] - means[lane])
            for lane in range(base, base + width):
                out[lane] /= window
    return out


@kernel
def central_moments(
    values: FloatArray, means: FloatArray, starts: IntArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means of the second, third and fourth power of the distance from the row's own mean."""
    second, third, fourth = np.full_like(values, np.nan), np.full_like(values, np.nan), np.full_like(values, np.nan)
    for symbol in range(len(starts) - 1):
        for base in range(starts[symbol] + window - 1, starts[symbol + 1], LANES):
            end = min(base + LANES, starts[symbol + 1])
            second[base:end] = 0.0
            third[base:end] = 0.0
            fourth[base:end] = 0.0
            for back in range(window - 1, -1, -1):
                for lane in range(base, end):
                    apart = values[lane - back] - means[lane]
                    square = apart * apart
                    second[lane] += square
                    third[lane] += square * apart
                    fourth[lane] += square * square
            for lane in range(base, end):
                second[lane] /= window
                third[lane] /= window
                fourth[lane] /= window
    return second, third, fourth
