"""Compiled loops of averages and sums that go on from the row before; see `kernels` for what all of them keep.

Counts are floats beside the levels they belong to, so that one vector comparison serves all lanes.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray


@kernel
def exponential_mean(values: FloatArray, window: int, skip: int) -> FloatArray:
    """EMA with weight 2 / (window + 1), seeded with the mean of its first `window` values (TA-Lib's EMA).

    The first `skip` values of a symbol, and after a NaN, stay outside the seed (TA-Lib's MACD delays its fast
    average so). NaN on the first `skip + window - 1` rows.
    """
    rows, lanes = values.shape
    out = np.empty_like(values)
    weight, before, full = 2.0 / (window + 1), float(-skip), float(window)
    count, mean = np.full(lanes, before), np.zeros(lanes)
    for row in range(rows):
        now, result = values[row], out[row]
        for lane in range(lanes):
            value, number, level = now[lane], count[lane] + 1.0, mean[lane]
            apart = value - level
            # The seed goes in steps that leave a constant price exactly itself.
            step = apart * weight if number > full else apart / max(number, 1.0)
            level = level + step if number > 0.0 else 0.0
            if np.isnan(value):
                number, level = before, 0.0
            count[lane], mean[lane] = number, level
            result[lane] = level if number >= full else np.nan
    return out


@kernel
def wilder_mean(values: FloatArray, window: int) -> FloatArray:
    """Wilder's (1978) smoothing, before + (value - before) / window, seeded with the first `window`'s mean.

    Leading NaN (a first difference) do not count; NaN until `window` values are there.
    """
    rows, lanes = values.shape
    out = np.empty_like(values)
    weight, full = 1.0 / window, float(window)
    count, mean = np.zeros(lanes), np.zeros(lanes)
    for row in range(rows):
        now, result = values[row], out[row]
        for lane in range(lanes):
            value, number, level = now[lane], count[lane] + 1.0, mean[lane]
            apart = value - level
            level += apart * weight if number > full else apart / number
            if np.isnan(value):
                number, level = 0.0, 0.0
            count[lane], mean[lane] = number, level
            result[lane] = level if number >= full else np.nan
    return out


@kernel
def wilder_sum(values: FloatArray, window: int) -> FloatArray:
    """Wilder's (1978) running sum, before - before / window + value, seeded with the first `window - 1`'s sum.

    It is how his directional movement begins, a row before his mean of the same length would.
    """
    rows, lanes = values.shape
    out = np.empty_like(values)
    weight, full = 1.0 / window, float(window)
    count, total = np.zeros(lanes), np.zeros(lanes)
    for row in range(rows):
        now, result = values[row], out[row]
        for lane in range(lanes):
            value, number, level = now[lane], count[lane] + 1.0, total[lane]
            fade = weight if number >= full else 0.0
            level += value - level * fade
            if np.isnan(value):
                number, level = 0.0, 0.0
            count[lane], total[lane] = number, level
            result[lane] = level if number >= full else np.nan
    return out


@kernel
def wilder_sides(changes: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """`wilder_mean` of the rises and of the falls."""
    rows, lanes = changes.shape
    gains, losses = np.empty_like(changes), np.empty_like(changes)
    weight, full = 1.0 / window, float(window)
    count, gain, loss = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for row in range(rows):
        now, rises, falls = changes[row], gains[row], losses[row]
        for lane in range(lanes):
            change, number, up, down = now[lane], count[lane] + 1.0, gain[lane], loss[lane]
            share = weight if number > full else 1.0 / number
            up += ((change if change > 0.0 else 0.0) - up) * share
            down += ((-change if change < 0.0 else 0.0) - down) * share
            if np.isnan(change):
                number, up, down = 0.0, 0.0, 0.0
            count[lane], gain[lane], loss[lane] = number, up, down
            rises[lane] = up if number >= full else np.nan
            falls[lane] = down if number >= full else np.nan
    return gains, losses


@kernel
def wilder_moves(high: FloatArray, low: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """`wilder_sum` of upward moves of the high and of downward moves of the low, the greater of a row alone."""
    rows, lanes = high.shape
    rises, falls = np.empty_like(high), np.empty_like(high)
    rises[0], falls[0] = np.nan, np.nan
    weight, full = 1.0 / window, float(window)
    count, rise, fall = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for row in range(1, rows):
        now_high, now_low, high_before, low_before = high[row], low[row], high[row - 1], low[row - 1]
        ups, downs = rises[row], falls[row]
        for lane in range(lanes):
            up, down = now_high[lane] - high_before[lane], low_before[lane] - now_low[lane]
            number, higher, lower = count[lane] + 1.0, rise[lane], fall[lane]
            fade = weight if number >= full else 0.0
            higher += (up if (up > down) & (up > 0.0) else 0.0) - higher * fade
            lower += (down if (down > up) & (down > 0.0) else 0.0) - lower * fade
            if np.isnan(up + down):
                number, higher, lower = 0.0, 0.0, 0.0
            count[lane], rise[lane], fall[lane] = number, higher, lower
            ups[lane] = higher if number >= full else np.nan
            downs[lane] = lower if number >= full else np.nan
    return rises, falls


@kernel
def running_sum(values: FloatArray) -> FloatArray:
    """Sum since the symbol's first row, or since the last NaN."""
    rows, lanes = values.shape
    out = np.empty_like(values)
    total = np.zeros(lanes)
    for row in range(rows):
        now, result = values[row], out[row]
        for lane in range(lanes):
            value = now[lane]
            total[lane] = 0.0 if np.isnan(value) else total[lane] + value
            result[lane] = total[lane] + value * 0.0
    return out


@kernel
def running_max(values: FloatArray) -> FloatArray:
    """Highest value since the symbol's first row, or since the last NaN."""
    rows, lanes = values.shape
    out = np.empty_like(values)
    best = np.full(lanes, -np.inf)
    for row in range(rows):
        now, result = values[row], out[row]
        for lane in range(lanes):
            value = now[lane]
            top = value if value > best[lane] else best[lane]
            best[lane] = -np.inf if np.isnan(value) else top
            result[lane] = top + value * 0.0
    return out


@kernel
def oscillator_of_sums(flow: FloatArray, fast: int, slow: int) -> FloatArray:
    """Fast less slow exponential mean of the running sum of `flow`, both seeded with its first value.

    NaN on the first `slow - 1` rows, and after a NaN anew (TA-Lib's ADOSC).
    """
    rows, lanes = flow.shape
    out = np.empty_like(flow)
    fast_weight, slow_weight, full = 2.0 / (fast + 1), 2.0 / (slow + 1), float(slow)
    count, total, quick, lazy = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for row in range(rows):
        now, result = flow[row], out[row]
        for lane in range(lanes):
            value, number = now[lane], count[lane] + 1.0
            level = total[lane] + value
            near = level if number == 1.0 else quick[lane]
            far = level if number == 1.0 else lazy[lane]
            near += (level - near) * fast_weight
            far += (level - far) * slow_weight
            if np.isnan(value):
                number, level, near, far = 0.0, 0.0, 0.0, 0.0
            count[lane], total[lane], quick[lane], lazy[lane] = number, level, near, far
            result[lane] = near - far if number >= full else np.nan
    return out
