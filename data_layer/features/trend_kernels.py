"""Compiled loops of recurrences that branch: adaptive averages, stops, sides; see `kernels`.

Branches are written as choices between values, which a vector unit takes for all lanes at once.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.lanes import WIDTH, choose, every, extent, is_number, put, size_of, take
from data_layer.features.layout import FloatArray


@kernel
def adaptive_mean(values: FloatArray, path: FloatArray, window: int) -> FloatArray:
    """Kaufman's (1995) adaptive average, fast end 2 and slow end 30 sessions, as TA-Lib's KAMA.

    `path` is the mean of the last `window` absolute changes. It starts from the value before its first.
    """
    rows, lanes = extent(values)
    out = np.empty_like(values)
    out[:window] = np.nan
    fast, slow = 2.0 / 3.0, 2.0 / 31.0
    for lane in range(0, lanes, WIDTH):
        average = every(np.nan)
        for row in range(window, rows):
            now, length = take(values, row, lane), take(path, row, lane) * window
            way = now - take(values, row - window, lane)
            level = choose(is_number(average), average, take(values, row - 1, lane))
            # TA-Lib's own condition, with the sign of `way` left on: a straight way up is fully efficient.
            share = size_of(way) / length
            share = choose((length <= way) | (length == 0.0) | (share > 1.0), 1.0, share)
            weight = share * (fast - slow) + slow
            level = level + (now - level) * (weight * weight)
            average = choose(is_number(length), level, length)
            put(out, row, lane, average)
    return out


@kernel
def parabolic_stop(high: FloatArray, low: FloatArray, step: float, limit: float) -> FloatArray:
    """Wilder's (1978) parabolic stop and reverse as TA-Lib's SAR; it starts on the second row, and after a NaN anew.

    While it falls everything is seen in a mirror, prices times -1, so that one rule serves both ways.
    """
    rows, lanes = extent(high)
    out = np.empty_like(high)
    out[0] = np.nan
    for lane in range(0, lanes, WIDTH):
        side = every(0.0)  # 1 rising, -1 falling, 0 not begun
        stop, extreme, pace = every(0.0), every(0.0), every(0.0)  # stop and extreme as mirrored
        for row in range(1, rows):
            now_high, now_low = take(high, row, lane), take(low, row, lane)
            high_before, low_before = take(high, row - 1, lane), take(low, row - 1, lane)
            whole = now_high + now_low + high_before + low_before
            fresh, fell = side == 0.0, low_before - now_low
            opening = choose((fell > 0.0) & (now_high - high_before < fell), -1.0, every(1.0))
            way = choose(fresh, opening, side)
            rising = way > 0.0
            reach, touch = choose(rising, now_high, now_low * -1.0), choose(rising, now_low, now_high * -1.0)
            reach_before = choose(rising, high_before, low_before * -1.0)
            touch_before = choose(rising, low_before, high_before * -1.0)
            stop = choose(fresh, touch_before, stop)
            extreme, pace = choose(fresh, reach, extreme), choose(fresh, step, pace)
            # TA-Lib: the first stop is not held back by the past.
            ceiling = choose(fresh | (reach > reach_before), reach, reach_before)
            floor = choose(fresh | (touch < touch_before), touch, touch_before)
            turned, further = touch <= stop, reach > extreme
            turning_point = choose(extreme > ceiling, extreme, ceiling)
            after_turn = turning_point + (touch - turning_point) * step
            after_turn = choose(after_turn > ceiling, after_turn, ceiling)
            faster = choose(pace + step < limit, pace + step, limit)
            pace = choose(further, faster, pace)
            extreme = choose(further, reach, extreme)
            onward = stop + pace * (extreme - stop)
            onward = choose(onward < floor, onward, floor)
            put(out, row, lane, choose(is_number(whole), choose(turned, turning_point, stop) * way, np.nan))
            # Turned, the mirror turns too: what was touched is the first extreme of the other way.
            side = choose(is_number(whole), choose(turned, way * -1.0, way), 0.0)
            stop = choose(turned, after_turn * -1.0, onward)
            extreme = choose(turned, touch * -1.0, extreme)
            pace = choose(turned, step, pace)
    return out


@kernel
def band_stop(close: FloatArray, upper: FloatArray, lower: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Follow the lower band while the close stays above it, the upper one below it; each only tightens.

    Returns the band followed and the direction, 1 or -1. It begins upward, and after a NaN anew.
    """
    rows, lanes = extent(close)
    line, direction = np.empty_like(close), np.empty_like(close)
    for lane in range(0, lanes, WIDTH):
        way, ceiling, floor = every(1.0), every(np.nan), every(np.nan)
        for row in range(rows):
            value, above, below = take(close, row, lane), take(upper, row, lane), take(lower, row, lane)
            whole = value + above + below
            rose, fell = value > ceiling, value < floor
            crossed = rose | fell
            below = choose(crossed, below, choose((way > 0.0) & (below < floor), floor, below))
            above = choose(crossed, above, choose((way < 0.0) & (above > ceiling), ceiling, above))
            way = choose(rose, 1.0, choose(fell, -1.0, way))
            put(line, row, lane, choose(is_number(whole), choose(way > 0.0, below, above), np.nan))
            put(direction, row, lane, choose(is_number(whole), way, np.nan))
            way = choose(is_number(whole), way, 1.0)
            ceiling, floor = choose(is_number(whole), above, np.nan), choose(is_number(whole), below, np.nan)
    return line, direction


@kernel
def placed_flow(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray) -> FloatArray:
    """Volume times the close's place in the range, -1 at the low and 1 at the high; 0 in a row without range."""
    out = np.empty_like(close)
    tops, bottoms, ends, amounts = high.reshape(-1), low.reshape(-1), close.reshape(-1), volume.reshape(-1)
    flows = out.reshape(-1)
    for row in range(len(flows)):
        top, bottom, end = tops[row], bottoms[row], ends[row]
        span = top - bottom
        place = ((end - bottom) - (top - end)) / span
        flows[row] = (place if span > 0.0 else span * 0.0) * amounts[row]
    return out


@kernel
def flow_sides(price: FloatArray, volume: FloatArray, rounding: float) -> tuple[FloatArray, FloatArray]:
    """Price times volume of the rows on which the price rose, and of those on which it fell, else 0.

    A move below `rounding` of the price is none; NaN on each symbol's first row.
    """
    rows, lanes = extent(price)
    rising, falling = np.empty_like(price), np.empty_like(price)
    rising[0], falling[0] = np.nan, np.nan
    for lane in range(0, lanes, WIDTH):
        before = take(price, 0, lane)
        for row in range(1, rows):
            now = take(price, row, lane)
            moved, flow, tie = now - before, now * take(volume, row, lane), now * rounding
            hole = (moved + flow) * 0.0
            put(rising, row, lane, choose(moved > tie, flow, 0.0) + hole)
            put(falling, row, lane, choose(moved < tie * -1.0, flow, 0.0) + hole)
            before = now
    return rising, falling


@kernel
def side_sum(price: FloatArray, volume: FloatArray) -> FloatArray:
    """Running sum of the volume, added where the price rose and taken away where it fell; the first row counts in full.

    A missing price or volume starts it anew, and the price after a missing one is a first again.
    """
    rows, lanes = extent(price)
    out = np.empty_like(price)
    for lane in range(0, lanes, WIDTH):
        total, before = every(0.0), every(np.nan)
        for row in range(rows):
            now, traded = take(price, row, lane), take(volume, row, lane)
            total = total + choose(now < before, traded * -1.0, choose(now == before, traded * 0.0, traded))
            whole = now + traded
            put(out, row, lane, choose(is_number(whole), total, np.nan))
            total = choose(is_number(whole), total, 0.0)
            before = now
    return out


@kernel
def rows_since_change(one: FloatArray, two: FloatArray) -> FloatArray:
    """How many rows ago one of two values last changed; NaN before the first change."""
    rows, lanes = extent(one)
    out = np.empty_like(one)
    out[0] = np.nan
    for lane in range(0, lanes, WIDTH):
        since = every(np.nan)
        for row in range(1, rows):
            changed_1 = take(one, row, lane) != take(one, row - 1, lane)
            changed_2 = take(two, row, lane) != take(two, row - 1, lane)
            since = choose(changed_1 | changed_2, 0.0, since + 1.0)
            put(out, row, lane, since)
    return out
