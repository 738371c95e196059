"""Compiled loops for weighted means, regressions, correlations and shapes of windows; see `kernels`.

Blocks as there, with the means and centred sums of head and tail put together by Chan, Golub and LeVeque
(1979), so that nothing cancels. What has no such rule goes over its whole window.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.lanes import WIDTH, choose, every, extent, put, size_of, take
from data_layer.features.layout import FloatArray


@kernel
def weighted_mean(values: FloatArray, window: int) -> FloatArray:
    """Linearly weighted mean, newest weight `window`, oldest 1; NaN on the first `window - 1` rows."""
    rows, lanes = extent(values)
    out, tail = np.empty_like(values), np.empty((window + 1, WIDTH))
    scale = 2.0 / (window * (window + 1.0))
    for lane in range(0, lanes, WIDTH):
        tail[:] = np.nan
        tail[window] = 0.0
        for block in range(0, rows, window):
            plain, weighted = every(0.0), every(0.0)
            for row in range(block, min(block + window, rows)):
                count, now = row - block + 1, take(values, row, lane)
                plain = plain + now
                weighted = weighted + float(count) * now
                total = take(tail, count, 0) + weighted + float(window - count) * plain
                put(out, row, lane, total * scale)
            if block + window < rows:
                plain, weighted = every(0.0), every(0.0)
                for place in range(window - 1, -1, -1):
                    plain = plain + take(values, block + place, lane)
                    weighted = weighted + plain
                    put(tail, place, 0, weighted)
    return out


@kernel
def rolling_line(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Least squares of the last `window` values on 0, 1, 2 ...: slope, mean, sum of squared deviations.

    Two pieces side by side, a before b, have together n_a * n_b / 2 times the difference of their means more in
    centred products with the row number than each alone, and n_a * n_b / n times its square more in squares.
    """
    rows, lanes = extent(values)
    slope, average, squares = np.empty_like(values), np.empty_like(values), np.empty_like(values)
    of_steps = window * (window * window - 1.0) / 12.0
    means, square_tail, product_tail = (
        np.empty((window + 1, WIDTH)),
        np.empty((window + 1, WIDTH)),
        np.empty((window + 1, WIDTH)),
    )
    for lane in range(0, lanes, WIDTH):
        for tail in (means, square_tail, product_tail):
            tail[:] = np.nan
            tail[window] = 0.0
        for block in range(0, rows, window):
            mean, square, product = every(0.0), every(0.0), every(0.0)
            for row in range(block, min(block + window, rows)):
                count, now = row - block + 1, take(values, row, lane)
                share = count / window
                step = now - mean
                mean = mean + step * (1.0 / count)
                square = square + step * (now - mean)
                product = product + step * (0.5 * (count - 1))
                rest = take(means, count, 0)
                apart = mean - rest
                put(average, row, lane, rest + apart * share)
                cross = apart * (share * (window - count)) * apart
                put(squares, row, lane, square + take(square_tail, count, 0) + cross)
                along = product + take(product_tail, count, 0) + apart * (0.5 * count * (window - count))
                put(slope, row, lane, along / of_steps)
            if block + window < rows:
                mean, square, product = every(0.0), every(0.0), every(0.0)
                for place in range(window - 1, -1, -1):
                    now, later = take(values, block + place, lane), window - place
                    step = now - mean
                    mean = mean + step * (1.0 / later)
                    square = square + step * (now - mean)
                    product = product - step * (0.5 * (later - 1))
                    put(means, place, 0, mean)
                    put(square_tail, place, 0, square)
                    put(product_tail, place, 0, product)
    return slope, average, squares


@kernel
def rolling_comoments(
    one: FloatArray, two: FloatArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centred sums of the last `window` pairs: one * one, two * two, one * two.

    A pair with a NaN in it makes all three NaN until the window has left it.
    """
    rows, lanes = extent(one)
    ones, twos, both = np.empty_like(one), np.empty_like(one), np.empty_like(one)
    tail = np.empty((5 * (window + 1), WIDTH))  # two means, then the three sums
    after = window + 1
    for lane in range(0, lanes, WIDTH):
        tail[:] = np.nan
        for part in range(5):
            tail[part * after + window] = 0.0
        for block in range(0, rows, window):
            mean_1, mean_2, sum_11, sum_22, sum_12 = (
                every(0.0),
                every(0.0),
                every(0.0),
                every(0.0),
                every(0.0),
            )
            for row in range(block, min(block + window, rows)):
                count = row - block + 1
                weight, share = 1.0 / count, count * (window - count) / window
                hole = (take(one, row, lane) + take(two, row, lane)) * 0.0  # NaN where either is
                now_1, now_2 = take(one, row, lane), take(two, row, lane)
                step_1, step_2 = now_1 + hole - mean_1, now_2 + hole - mean_2
                mean_1, mean_2 = mean_1 + step_1 * weight, mean_2 + step_2 * weight
                sum_11 = sum_11 + step_1 * (now_1 - mean_1)
                sum_22 = sum_22 + step_2 * (now_2 - mean_2)
                sum_12 = sum_12 + step_1 * (now_2 - mean_2)
                apart_1, apart_2 = mean_1 - take(tail, count, 0), mean_2 - take(tail, after + count, 0)
                wide = apart_1 * share
                put(ones, row, lane, take(tail, 2 * after + count, 0) + sum_11 + wide * apart_1)
                put(twos, row, lane, take(tail, 3 * after + count, 0) + sum_22 + apart_2 * share * apart_2)
                put(both, row, lane, take(tail, 4 * after + count, 0) + sum_12 + wide * apart_2)
            if block + window < rows:
                mean_1, mean_2, sum_11, sum_22, sum_12 = (
                    every(0.0),
                    every(0.0),
                    every(0.0),
                    every(0.0),
                    every(0.0),
                )
                for place in range(window - 1, -1, -1):
                    weight = 1.0 / (window - place)
                    now_1, now_2 = take(one, block + place, lane), take(two, block + place, lane)
                    hole = (now_1 + now_2) * 0.0
                    step_1, step_2 = now_1 + hole - mean_1, now_2 + hole - mean_2
                    mean_1, mean_2 = mean_1 + step_1 * weight, mean_2 + step_2 * weight
                    sum_11 = sum_11 + step_1 * (now_1 - mean_1)
                    sum_22 = sum_22 + step_2 * (now_2 - mean_2)
                    sum_12 = sum_12 + step_1 * (now_2 - mean_2)
                    put(tail, place, 0, mean_1)
                    put(tail, after + place, 0, mean_2)
                    put(tail, 2 * after + place, 0, sum_11)
                    put(tail, 3 * after + place, 0, sum_22)
                    put(tail, 4 * after + place, 0, sum_12)
    return ones, twos, both


@kernel
def distance_in_deviations(
    values: FloatArray, means: FloatArray, window: int, scale: float, rounding: float
) -> FloatArray:
    """Distance from the mean, which is handed in, over `scale` times the window's mean distance from it.

    NaN where the values are equal: their mean is off by an ulp or two, and so then would be their distance from it.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    out[: window - 1] = np.nan
    for lane in range(0, lanes, WIDTH):
        for row in range(window - 1, rows):
            mean, total = take(means, row, lane), every(0.0)
            for back in range(window - 1, -1, -1):
                total = total + size_of(take(values, row - back, lane) - mean)
            total = choose(total <= size_of(mean) * (rounding * window), np.nan, total)
            put(out, row, lane, (take(values, row, lane) - mean) / (total * (scale / window)))
    return out


@kernel
def central_moments(
    values: FloatArray, means: FloatArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means of the second, third and fourth power of the distance from the row's own mean."""
    rows, lanes = extent(values)
    second, third, fourth = np.empty_like(values), np.empty_like(values), np.empty_like(values)
    second[: window - 1], third[: window - 1], fourth[: window - 1] = np.nan, np.nan, np.nan
    for lane in range(0, lanes, WIDTH):
        for row in range(window - 1, rows):
            mean, twos, threes, fours = take(means, row, lane), every(0.0), every(0.0), every(0.0)
            for back in range(window - 1, -1, -1):
                apart = take(values, row - back, lane) - mean
                square = apart * apart
                twos, threes, fours = twos + square, threes + square * apart, fours + square * square
            put(second, row, lane, twos / window)
            put(third, row, lane, threes / window)
            put(fourth, row, lane, fours / window)
    return second, third, fourth
