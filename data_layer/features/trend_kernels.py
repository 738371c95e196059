"""Compiled loops of recurrences that branch: adaptive averages, stops, sides; see `kernels`.

Branches are written as choices between values, which a vector unit takes for all lanes at once.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray


@kernel
def adaptive_mean(values: FloatArray, path: FloatArray, window: int) -> FloatArray:
    """Kaufman's (1995) adaptive average, fast end 2 and slow end 30 sessions, as TA-Lib's KAMA.

    `path` is the mean of the last `window` absolute changes. It starts from the value before its first.
    """
    rows, lanes = values.shape
    out = np.empty_like(values)
    out[:window] = np.nan
    fast, slow = 2.0 / 3.0, 2.0 / 31.0
    average = np.full(lanes, np.nan)
    for row in range(window, rows):
        now, before, first, mean, result = (
            values[row],
            values[row - 1],
            values[row - window],
            path[row],
            out[row],
        )
        for lane in range(lanes):
            length, way = mean[lane] * window, now[lane] - first[lane]
            level = before[lane] if np.isnan(average[lane]) else average[lane]
            # TA-Lib's own condition, with the sign of `way` left on: a straight way up is fully efficient.
            share = abs(way) / length
            share = 1.0 if (length <= way) | (length == 0.0) | (share > 1.0) else share
            weight = share * (fast - slow) + slow
            level += (now[lane] - level) * (weight * weight)
            level = length if np.isnan(length) else level
            average[lane], result[lane] = level, level
    return out


@kernel
def parabolic_stop(high: FloatArray, low: FloatArray, step: float, limit: float) -> FloatArray:
    """Wilder's (1978) parabolic stop and reverse as TA-Lib's SAR; it starts on the second row, and after a NaN anew.

    While it falls everything is seen in a mirror, prices times -1, so that one rule serves both ways.
    """
    rows, lanes = high.shape
    out = np.empty_like(high)
    out[0] = np.nan
    side = np.zeros(lanes)  # 1 rising, -1 falling, 0 not begun
    stops, extremes, paces = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)  # stop and extreme as mirrored
    for row in range(1, rows):
        highs, lows, highs_before, lows_before, result = (
            high[row],
            low[row],
            high[row - 1],
            low[row - 1],
            out[row],
        )
        for lane in range(lanes):
            now_high, now_low = highs[lane], lows[lane]
            high_before, low_before = highs_before[lane], lows_before[lane]
            missing = np.isnan(now_high + now_low + high_before + low_before)
            fresh = side[lane] == 0.0
            fell = low_before - now_low
            opening = -1.0 if (fell > 0.0) & (now_high - high_before < fell) else 1.0
            way = opening if fresh else side[lane]
            rising = way > 0.0
            reach = now_high if rising else -now_low
            touch = now_low if rising else -now_high
            reach_before = high_before if rising else -low_before
            touch_before = low_before if rising else -high_before
            stop = touch_before if fresh else stops[lane]
            extreme = reach if fresh else extremes[lane]
            pace = step if fresh else paces[lane]
            # TA-Lib: the first stop is not held back by the past.
            ceiling = reach if fresh | (reach > reach_before) else reach_before
            floor = touch if fresh | (touch < touch_before) else touch_before
            turned = touch <= stop
            further = reach > extreme
            turning_point = extreme if extreme > ceiling else ceiling
            after_turn = turning_point + step * (touch - turning_point)
            after_turn = after_turn if after_turn > ceiling else ceiling
            faster = pace + step if pace + step < limit else limit
            pace = faster if further else pace
            extreme = reach if further else extreme
            onward = stop + pace * (extreme - stop)
            onward = onward if onward < floor else floor
            result[lane] = np.nan if missing else (turning_point if turned else stop) * way
            # Turned, the mirror turns too: what was touched is the first extreme of the other way.
            side[lane] = 0.0 if missing else (-way if turned else way)
            stops[lane] = -after_turn if turned else onward
            extremes[lane] = -touch if turned else extreme
            paces[lane] = step if turned else pace
    return out


@kernel
def band_stop(close: FloatArray, upper: FloatArray, lower: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Follow the lower band while the close stays above it, the upper one below it; each only tightens.

    Returns the band followed and the direction, 1 or -1. It begins upward, and after a NaN anew.
    """
    rows, lanes = close.shape
    line, direction = np.empty_like(close), np.empty_like(close)
    ways, ceilings, floors = np.ones(lanes), np.full(lanes, np.nan), np.full(lanes, np.nan)
    for row in range(rows):
        now, tops, bottoms, lines, directions = close[row], upper[row], lower[row], line[row], direction[row]
        for lane in range(lanes):
            value, above, below = now[lane], tops[lane], bottoms[lane]
            way, ceiling, floor = ways[lane], ceilings[lane], floors[lane]
            missing = np.isnan(value + above + below)
            rose, fell = value > ceiling, value < floor
            stays = not (rose | fell)
            below = floor if stays & (way > 0.0) & (below < floor) else below
            above = ceiling if stays & (way < 0.0) & (above > ceiling) else above
            way = 1.0 if rose else (-1.0 if fell else way)
            ways[lane] = 1.0 if missing else way
            ceilings[lane] = np.nan if missing else above
            floors[lane] = np.nan if missing else below
            directions[lane] = np.nan if missing else way
            lines[lane] = np.nan if missing else (below if way > 0.0 else above)
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
    rows, lanes = price.shape
    rising, falling = np.empty_like(price), np.empty_like(price)
    rising[0], falling[0] = np.nan, np.nan
    for row in range(1, rows):
        now, before, traded, up, down = price[row], price[row - 1], volume[row], rising[row], falling[row]
        for lane in range(lanes):
            moved, flow, tie = now[lane] - before[lane], now[lane] * traded[lane], rounding * now[lane]
            hole = (moved + flow) * 0.0
            up[lane] = (flow if moved > tie else 0.0) + hole
            down[lane] = (flow if moved < -tie else 0.0) + hole
    return rising, falling


@kernel
def side_sum(price: FloatArray, volume: FloatArray) -> FloatArray:
    """Running sum of the volume, added where the price rose and taken away where it fell; the first row counts in full.

    A missing price or volume starts it anew, and the price after a missing one is a first again.
    """
    rows, lanes = price.shape
    out = np.empty_like(price)
    totals, befores = np.zeros(lanes), np.full(lanes, np.nan)
    for row in range(rows):
        prices, volumes, result = price[row], volume[row], out[row]
        for lane in range(lanes):
            now, traded, before = prices[lane], volumes[lane], befores[lane]
            side = -traded if now < before else (traded * 0.0 if now == before else traded)
            total = totals[lane] + side
            missing = np.isnan(now + traded)
            befores[lane] = now
            totals[lane] = 0.0 if missing else total
            result[lane] = np.nan if missing else total
    return out


@kernel
def rows_since_change(one: FloatArray, two: FloatArray) -> FloatArray:
    """How many rows ago one of two values last changed; NaN before the first change."""
    rows, lanes = one.shape
    out = np.empty_like(one)
    out[0] = np.nan
    for row in range(1, rows):
        ones, twos, ones_before, twos_before = one[row], two[row], one[row - 1], two[row - 1]
        before, since = out[row - 1], out[row]
        for lane in range(lanes):
            changed = (ones[lane] != ones_before[lane]) | (twos[lane] != twos_before[lane])
            since[lane] = 0.0 if changed else before[lane] + 1.0
    return out
