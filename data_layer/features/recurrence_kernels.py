"""Compiled loops of averages and sums that go on from the row before; see `kernels` for what all of them keep.

Counts are floats beside the levels they belong to. Once every lane has its full count and as long as nothing is
missing a row takes the short way; it gives what the long one would.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.lanes import WIDTH, all_of, choose, every, extent, is_nan, is_number, put, take
from data_layer.features.layout import FloatArray


@kernel
def exponential_mean(values: FloatArray, window: int, skip: int) -> FloatArray:
    """EMA with weight 2 / (window + 1), seeded with the mean of its first `window` values (TA-Lib's EMA).

    The first `skip` values of a symbol, and after a NaN, stay outside the seed (TA-Lib's MACD delays its fast
    average so). NaN on the first `skip + window - 1` rows.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    weight, before, full = 2.0 / (window + 1), float(-skip), float(window)
    for lane in range(0, lanes, WIDTH):
        count, mean, steady = every(before), every(0.0), False
        for row in range(rows):
            value = take(values, row, lane)
            apart = value - mean
            if steady and all_of(is_number(value)):
                mean = mean + apart * weight
                put(out, row, lane, mean)
                continue
            count = count + 1.0
            # The seed goes in steps that leave a constant price exactly itself.
            step = choose(count > full, apart * weight, apart / choose(count > 1.0, count, 1.0))
            mean = choose(count > 0.0, mean + step, 0.0)
            missing = is_nan(value)
            count, mean = choose(missing, before, count), choose(missing, 0.0, mean)
            put(out, row, lane, choose(count >= full, mean, np.nan))
            steady = all_of(count >= full)
    return out


@kernel
def wilder_mean(values: FloatArray, window: int) -> FloatArray:
    """Wilder's (1978) smoothing, before + (value - before) / window, seeded with the first `window`'s mean.

    Leading NaN (a first difference) do not count; NaN until `window` values are there.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    weight, full = 1.0 / window, float(window)
    for lane in range(0, lanes, WIDTH):
        count, mean, steady = every(0.0), every(0.0), False
        for row in range(rows):
            value = take(values, row, lane)
            apart = value - mean
            if steady and all_of(is_number(value)):
                mean = mean + apart * weight
                put(out, row, lane, mean)
                continue
            count = count + 1.0
            mean = mean + choose(count > full, apart * weight, apart / count)
            missing = is_nan(value)
            count, mean = choose(missing, 0.0, count), choose(missing, 0.0, mean)
            put(out, row, lane, choose(count >= full, mean, np.nan))
            steady = all_of(count >= full)
    return out


@kernel
def wilder_sum(values: FloatArray, window: int) -> FloatArray:
    """Wilder's (1978) running sum, before - before / window + value, seeded with the first `window - 1`'s sum.

    It is how his directional movement begins, a row before his mean of the same length would.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    weight, full = 1.0 / window, float(window)
    for lane in range(0, lanes, WIDTH):
        count, total = every(0.0), every(0.0)
        for row in range(rows):
            value = take(values, row, lane)
            count = count + 1.0
            total = total + (value - total * choose(count >= full, weight, 0.0))
            missing = is_nan(value)
            count, total = choose(missing, 0.0, count), choose(missing, 0.0, total)
            put(out, row, lane, choose(count >= full, total, np.nan))
    return out


@kernel
def wilder_sides(changes: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """`wilder_mean` of the rises and of the falls."""
    rows, lanes = extent(changes)
    gains, losses = np.empty_like(changes), np.empty_like(changes)
    weight, full = 1.0 / window, float(window)
    for lane in range(0, lanes, WIDTH):
        count, gain, loss, steady = every(0.0), every(0.0), every(0.0), False
        for row in range(rows):
            change = take(changes, row, lane)
            more = choose(change > 0.0, change, 0.0) - gain
            less = choose(change < 0.0, 0.0 - change, 0.0) - loss
            if steady and all_of(is_number(change)):
                gain, loss = gain + more * weight, loss + less * weight
                put(gains, row, lane, gain)
                put(losses, row, lane, loss)
                continue
            count = count + 1.0
            share = choose(count > full, weight, 1.0 / count)
            missing = is_nan(change)
            count = choose(missing, 0.0, count)
            gain = choose(missing, 0.0, gain + more * share)
            loss = choose(missing, 0.0, loss + less * share)
            put(gains, row, lane, choose(count >= full, gain, np.nan))
            put(losses, row, lane, choose(count >= full, loss, np.nan))
            steady = all_of(count >= full)
    return gains, losses


@kernel
def wilder_moves(high: FloatArray, low: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """`wilder_sum` of upward moves of the high and of downward moves of the low, the greater of a row alone."""
    rows, lanes = extent(high)
    rises, falls = np.empty_like(high), np.empty_like(high)
    rises[0], falls[0] = np.nan, np.nan
    weight, full = 1.0 / window, float(window)
    for lane in range(0, lanes, WIDTH):
        count, rise, fall = every(0.0), every(0.0), every(0.0)
        for row in range(1, rows):
            up = take(high, row, lane) - take(high, row - 1, lane)
            down = take(low, row - 1, lane) - take(low, row, lane)
            count = count + 1.0
            fade = choose(count >= full, weight, 0.0)
            rise = rise + (choose((up > down) & (up > 0.0), up, 0.0) - rise * fade)
            fall = fall + (choose((down > up) & (down > 0.0), down, 0.0) - fall * fade)
            missing = is_nan(up + down)
            count = choose(missing, 0.0, count)
            rise, fall = choose(missing, 0.0, rise), choose(missing, 0.0, fall)
            put(rises, row, lane, choose(count >= full, rise, np.nan))
            put(falls, row, lane, choose(count >= full, fall, np.nan))
    return rises, falls


@kernel
def running_sum(values: FloatArray) -> FloatArray:
    """Sum since the symbol's first row, or since the last NaN."""
    rows, lanes = extent(values)
    out = np.empty_like(values)
    for lane in range(0, lanes, WIDTH):
        total = every(0.0)
        for row in range(rows):
            value = take(values, row, lane)
            total = total + value
            put(out, row, lane, total)
            total = choose(is_number(value), total, 0.0)
    return out


@kernel
def running_max(values: FloatArray) -> FloatArray:
    """Highest value since the symbol's first row, or since the last NaN."""
    rows, lanes = extent(values)
    out = np.empty_like(values)
    for lane in range(0, lanes, WIDTH):
        best = every(-np.inf)
        for row in range(rows):
            value = take(values, row, lane)
            best = choose(best > value, best, value)
            put(out, row, lane, best)
            best = choose(is_number(value), best, -np.inf)
    return out


@kernel
def oscillator_of_sums(flow: FloatArray, fast: int, slow: int) -> FloatArray:
    """Fast less slow exponential mean of the running sum of `flow`, both seeded with its first value.

    NaN on the first `slow - 1` rows, and after a NaN anew (TA-Lib's ADOSC).
    """
    rows, lanes = extent(flow)
    out = np.empty_like(flow)
    fast_weight, slow_weight, full = 2.0 / (fast + 1), 2.0 / (slow + 1), float(slow)
    for lane in range(0, lanes, WIDTH):
        count, total, near, far = every(0.0), every(0.0), every(0.0), every(0.0)
        for row in range(rows):
            value = take(flow, row, lane)
            count, total = count + 1.0, total + value
            fresh = count == 1.0
            near, far = choose(fresh, total, near), choose(fresh, total, far)
            near = near + (total - near) * fast_weight
            far = far + (total - far) * slow_weight
            missing = is_nan(value)
            count, total = choose(missing, 0.0, count), choose(missing, 0.0, total)
            put(out, row, lane, choose(count >= full, near - far, np.nan))
    return out


@kernel
def trailing_mean(values: FloatArray, window: int, skip: int, share: float) -> FloatArray:
    """`share` of the mean of the `window` values before each row's own, by a running sum, as TA-Lib's candle averages.

    The first `skip` values of a symbol, and after a NaN, stay outside; NaN on the first `skip + window` rows.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    before, full = float(-skip), float(window)
    for lane in range(0, lanes, WIDTH):
        count, total = every(before), every(0.0)
        for row in range(rows):
            put(out, row, lane, choose(count >= full, total / window * share, np.nan))
            value, leaving = take(values, row, lane), take(values, max(row - window, 0), lane)
            count = count + 1.0
            total = total + choose(count > full, value - leaving, value)
            total = choose((count > 0.0) & is_number(value), total, 0.0)
            count = choose(is_nan(value), before, count)
    return out
