"""Compiled loops for weighted means, regressions, correlations and shapes of windows; see `kernels`.

Blocks as there, with the means and centred sums of head and tail put together by Chan, Golub and LeVeque
(1979), so that nothing cancels. What has no such rule goes over its whole window, many rows of all lanes at a time.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray

PART = 256  # values worked on at a time: their sums stay in the first-level cache


@kernel
def weighted_mean(values: FloatArray, window: int) -> FloatArray:
    """Linearly weighted mean, newest weight `window`, oldest 1; NaN on the first `window - 1` rows."""
    rows, lanes = values.shape
    out = np.empty_like(values)
    scale = 2.0 / (window * (window + 1.0))
    tail = np.full((window + 1, lanes), np.nan)
    tail[window] = 0.0
    plain, weighted = np.empty(lanes), np.empty(lanes)
    for block in range(0, rows, window):
        plain[:], weighted[:] = 0.0, 0.0
        for row in range(block, min(block + window, rows)):
            count = row - block + 1
            newest, others = float(count), float(window - count)
            now, rest, result = values[row], tail[count], out[row]
            for lane in range(lanes):
                plain[lane] += now[lane]
                weighted[lane] += newest * now[lane]
                result[lane] = (rest[lane] + weighted[lane] + others * plain[lane]) * scale
        if block + window < rows:
            plain[:], weighted[:] = 0.0, 0.0
            for place in range(window - 1, -1, -1):
                now, older = values[block + place], tail[place]
                for lane in range(lanes):
                    plain[lane] += now[lane]
                    weighted[lane] += plain[lane]
                    older[lane] = weighted[lane]
    return out


@kernel
def rolling_line(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Least squares of the last `window` values on 0, 1, 2 ...: slope, mean, sum of squared deviations.

    Two pieces side by side, a before b, have together n_a * n_b / 2 times the difference of their means more in
    centred products with the row number than each alone, and n_a * n_b / n times its square more in squares.
    """
    rows, lanes = values.shape
    slope, average, squares = np.empty_like(values), np.empty_like(values), np.empty_like(values)
    of_steps = window * (window * window - 1.0) / 12.0
    tail = np.full((3, window + 1, lanes), np.nan)  # means, centred squares, centred products
    tail[:, window] = 0.0
    mean, square, product = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    for block in range(0, rows, window):
        mean[:], square[:], product[:] = 0.0, 0.0, 0.0
        for row in range(block, min(block + window, rows)):
            count = row - block + 1
            weight, before = 1.0 / count, 0.5 * (count - 1)
            share, half = count / window, 0.5 * count * (window - count)
            cross = share * (window - count)
            now, rest, rest_square, rest_product = values[row], tail[0, count], tail[1, count], tail[2, count]
            line, whole, spread = slope[row], average[row], squares[row]
            for lane in range(lanes):
                step = now[lane] - mean[lane]
                level = mean[lane] + step * weight
                own = square[lane] + step * (now[lane] - level)
                along = product[lane] + step * before
                mean[lane], square[lane], product[lane] = level, own, along
                apart = level - rest[lane]
                whole[lane] = rest[lane] + apart * share
                spread[lane] = own + rest_square[lane] + apart * cross * apart
                line[lane] = (along + rest_product[lane] + apart * half) / of_steps
        if block + window < rows:
            mean[:], square[:], product[:] = 0.0, 0.0, 0.0
            for place in range(window - 1, -1, -1):
                weight, after = 1.0 / (window - place), 0.5 * (window - place - 1)
                now, rest = values[block + place], tail[0, place]
                rest_square, rest_product = tail[1, place], tail[2, place]
                for lane in range(lanes):
                    step = now[lane] - mean[lane]
                    level = mean[lane] + step * weight
                    own = square[lane] + step * (now[lane] - level)
                    along = product[lane] - step * after
                    mean[lane], square[lane], product[lane] = level, own, along
                    rest[lane], rest_square[lane], rest_product[lane] = level, own, along
    return slope, average, squares


@kernel
def rolling_comoments(
    one: FloatArray, two: FloatArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centred sums of the last `window` pairs: one * one, two * two, one * two.

    A pair with a NaN in it makes all three NaN until the window has left it.
    """
    rows, lanes = one.shape
    ones, twos, both = np.empty_like(one), np.empty_like(one), np.empty_like(one)
    tail = np.full((window + 1, 5, lanes), np.nan)
    tail[window] = 0.0
    head = np.empty((5, lanes))
    mean_1, mean_2, sum_11, sum_22, sum_12 = head[0], head[1], head[2], head[3], head[4]
    for block in range(0, rows, window):
        head[:] = 0.0
        for row in range(block, min(block + window, rows)):
            count = row - block + 1
            weight, share = 1.0 / count, count * (window - count) / window
            now_1, now_2, out_11, out_22, out_12 = one[row], two[row], ones[row], twos[row], both[row]
            rest = tail[count]
            rest_1, rest_2, rest_11, rest_22, rest_12 = rest[0], rest[1], rest[2], rest[3], rest[4]
            for lane in range(lanes):
                hole = (now_1[lane] + now_2[lane]) * 0.0  # NaN where either is
                step_1, step_2 = now_1[lane] + hole - mean_1[lane], now_2[lane] + hole - mean_2[lane]
                level_1, level_2 = mean_1[lane] + step_1 * weight, mean_2[lane] + step_2 * weight
                own_11 = sum_11[lane] + step_1 * (now_1[lane] - level_1)
                own_22 = sum_22[lane] + step_2 * (now_2[lane] - level_2)
                own_12 = sum_12[lane] + step_1 * (now_2[lane] - level_2)
                mean_1[lane], mean_2[lane] = level_1, level_2
                sum_11[lane], sum_22[lane], sum_12[lane] = own_11, own_22, own_12
                apart_1, apart_2 = (level_1 - rest_1[lane]) * share, level_2 - rest_2[lane]
                out_11[lane] = rest_11[lane] + own_11 + apart_1 * (level_1 - rest_1[lane])
                out_22[lane] = rest_22[lane] + own_22 + apart_2 * share * apart_2
                out_12[lane] = rest_12[lane] + own_12 + apart_1 * apart_2
        if block + window < rows:
            head[:] = 0.0
            for place in range(window - 1, -1, -1):
                weight, now_1, now_2 = 1.0 / (window - place), one[block + place], two[block + place]
                rest = tail[place]
                rest_1, rest_2, rest_11, rest_22, rest_12 = rest[0], rest[1], rest[2], rest[3], rest[4]
                for lane in range(lanes):
                    hole = (now_1[lane] + now_2[lane]) * 0.0
                    step_1, step_2 = now_1[lane] + hole - mean_1[lane], now_2[lane] + hole - mean_2[lane]
                    level_1, level_2 = mean_1[lane] + step_1 * weight, mean_2[lane] + step_2 * weight
                    sum_11[lane] += step_1 * (now_1[lane] - level_1)
                    sum_22[lane] += step_2 * (now_2[lane] - level_2)
                    sum_12[lane] += step_1 * (now_2[lane] - level_2)
                    mean_1[lane], mean_2[lane] = level_1, level_2
                    rest_1[lane], rest_2[lane] = level_1, level_2
                    rest_11[lane], rest_22[lane], rest_12[lane] = sum_11[lane], sum_22[lane], sum_12[lane]
    return ones, twos, both


@kernel
def mean_deviation(values: FloatArray, means: FloatArray, window: int) -> FloatArray:
    """Mean distance of the last `window` values from the row's own mean, which is handed in."""
    lanes = values.shape[1]
    out = np.empty_like(values)
    out[: window - 1] = np.nan
    every, level, result = values.reshape(-1), means.reshape(-1), out.reshape(-1)
    for base in range((window - 1) * lanes, len(every), PART):
        width = min(PART, len(every) - base)
        total, mean = result[base : base + width], level[base : base + width]
        total[:] = 0.0
        # Two values at a time, one after the other: half as often to and from the sums.
        for back in range(window - 1, 0, -2):
            one = every[base - back * lanes : base - back * lanes + width]
            two = every[base - (back - 1) * lanes : base - (back - 1) * lanes + width]
            for place in range(width):
                total[place] = total[place] + abs(one[place] - mean[place]) + abs(two[place] - mean[place])
        if window % 2:
            newest = every[base : base + width]
            for place in range(width):
                total[place] += abs(newest[place] - mean[place])
        for place in range(width):
            total[place] /= window
    return out


@kernel
def central_moments(
    values: FloatArray, means: FloatArray, window: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means of the second, third and fourth power of the distance from the row's own mean."""
    lanes = values.shape[1]
    moments = np.empty((3, *values.shape))
    moments[:, : window - 1] = np.nan
    every, level = values.reshape(-1), means.reshape(-1)
    second, third, fourth = moments[0].reshape(-1), moments[1].reshape(-1), moments[2].reshape(-1)
    for base in range((window - 1) * lanes, len(every), PART):
        width = min(PART, len(every) - base)
        mean = level[base : base + width]
        twos, threes, fours = (
            second[base : base + width],
            third[base : base + width],
            fourth[base : base + width],
        )
        twos[:], threes[:], fours[:] = 0.0, 0.0, 0.0
        for back in range(window - 1, -1, -1):
            value = every[base - back * lanes : base - back * lanes + width]
            for place in range(width):
                apart = value[place] - mean[place]
                square = apart * apart
                twos[place] += square
                threes[place] += square * apart
                fours[place] += square * square
        for place in range(width):
            twos[place] /= window
            threes[place] /= window
            fours[place] /= window
    return moments[0], moments[1], moments[2]
