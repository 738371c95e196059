"""Compiled loops of recurrences that branch: adaptive averages, stops, accumulations; see `kernels`."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray, IntArray


@kernel
def adaptive_mean(values: FloatArray, path: FloatArray, starts: IntArray, window: int) -> FloatArray:
    """Kaufman's (1995) adaptive average, fast end 2 and slow end 30 sessions, as TA-Lib's KAMA.

    `path` is the mean of the last `window` absolute changes. It starts from the value before its first.
    """
    out = np.full_like(values, np.nan)
    fast, slow = 2.0 / 3.0, 2.0 / 31.0
    for symbol in range(len(starts) - 1):
        level = np.nan
        for row in range(starts[symbol] + window, starts[symbol + 1]):
            length = path[row] * window
            if np.isnan(length):
                level = np.nan
                continue
            if np.isnan(level):
                level = values[row - 1]
            way = values[row] - values[row - window]
            # TA-Lib's own condition, with the sign of `way` left on: a straight way up is fully efficient.
            share = 1.0 if length <= way or length == 0.0 else min(abs(way) / length, 1.0)
            weight = share * (fast - slow) + slow
            level += (values[row] - level) * (weight * weight)
            out[row] = level
    return out


@kernel
def parabolic_stop(
    high: FloatArray, low: FloatArray, starts: IntArray, step: float, limit: float
) -> FloatArray:
    """Wilder's (1978) parabolic stop and reverse as TA-Lib's SAR; it starts on the second row, and after a NaN anew."""
    out = np.full_like(high, np.nan)
    for symbol in range(len(starts) - 1):
        begun, rising, stop, extreme, pace = False, True, 0.0, 0.0, step
        for row in range(starts[symbol] + 1, starts[symbol + 1]):
            now_high, now_low, high_before, low_before = high[row], low[row], high[row - 1], low[row - 1]
            if np.isnan(now_high + now_low + high_before + low_before):
                begun = False
                continue
            if not begun:
                begun, pace = True, step
                rising = not (low_before - now_low > 0.0 and now_high - high_before < low_before - now_low)
                stop, extreme = (low_before, now_high) if rising else (high_before, now_low)
                high_before, low_before = (
                    now_high,
                    now_low,
                )  # TA-Lib: the first stop is not held back by the past
            ceiling, floor = max(high_before, now_high), min(low_before, now_low)
            if rising and now_low <= stop:
                rising, pace = False, step
                out[row] = max(extreme, ceiling)
                extreme = now_low
                stop = max(out[row] + pace * (extreme - out[row]), ceiling)
            elif rising:
                out[row] = stop
                if now_high > extreme:
                    extreme, pace = now_high, min(pace + step, limit)
                stop = min(stop + pace * (extreme - stop), floor)
            elif now_high >= stop:
                rising, pace = True, step
                out[row] = min(extreme, floor)
                extreme = now_high
                stop = min(out[row] + pace * (extreme - out[row]), floor)
            else:
                out[row] = stop
                if now_low < extreme:
                    extreme, pace = now_low, min(pace + step, limit)
                stop = max(stop + pace * (extreme - stop), ceiling)
    return out


@kernel
def band_stop(
    close: FloatArray, upper: FloatArray, lower: FloatArray, starts: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Follow the lower band while the close stays above it, the upper one below it; each only tightens.

    Returns the band followed and the direction, 1 or -1. It begins upward, and after a NaN anew.
    """
    line, direction = np.full_like(close, np.nan), np.full_like(close, np.nan)
    for symbol in range(len(starts) - 1):
        way, ceiling, floor = 1.0, np.nan, np.nan
        for row in range(starts[symbol], starts[symbol + 1]):
            above, below = upper[row], lower[row]
            if np.isnan(close[row] + above + below):
                way, ceiling, floor = 1.0, np.nan, np.nan
                continue
            if close[row] > ceiling:
                way = 1.0
            elif close[row] < floor:
                way = -1.0
            else:
                if way > 0.0 and below < floor:
                    below = floor
                if way < 0.0 and above > ceiling:
                    above = ceiling
            ceiling, floor = above, below
            direction[row] = way
            line[row] = below if way > 0.0 else above
    return line, direction


@kernel
def oscillator_of_sums(flow: FloatArray, starts: IntArray, fast: int, slow: int) -> FloatArray:
    """Fast less slow exponential mean of the running sum of `flow`, both seeded with its first value.

    NaN on the first `slow - 1` rows, and after a NaN anew (TA-Lib's ADOSC).
    """
    out = np.full_like(flow, np.nan)
    fast_weight, slow_weight = 2.0 / (fast + 1), 2.0 / (slow + 1)
    for symbol in range(len(starts) - 1):
        count, total, quick, lazy = 0, 0.0, 0.0, 0.0
        for row in range(starts[symbol], starts[symbol + 1]):
            if np.isnan(flow[row]):
                count, total = 0, 0.0
                continue
            total += flow[row]
            if count == 0:
                quick, lazy = total, total
            count += 1
            quick += (total - quick) * fast_weight
            lazy += (total - lazy) * slow_weight
            if count >= slow:
                out[row] = quick - lazy
    return out


@kernel
def flow_sides(
    price: FloatArray, volume: FloatArray, starts: IntArray, rounding: float
) -> tuple[FloatArray, FloatArray]:
    """Price times volume of the rows on which the price rose, and of those on which it fell, else 0.

    A move below `rounding` of the price is none; NaN on each symbol's first row.
    """
    rising, falling = np.full_like(price, np.nan), np.full_like(price, np.nan)
    for symbol in range(len(starts) - 1):
        first, last = starts[symbol], starts[symbol + 1]
        now, before, traded = price[first + 1 : last], price[first : last - 1], volume[first + 1 : last]
        up, down = rising[first + 1 : last], falling[first + 1 : last]
        for row in range(len(now)):
            moved, flow, tie = now[row] - before[row], now[row] * traded[row], rounding * now[row]
            hole = (moved + flow) * 0.0
            up[row] = (flow if moved > tie else 0.0) + hole
            down[row] = (flow if moved < -tie else 0.0) + hole
    return rising, falling


@kernel
def side_sum(price: FloatArray, volume: FloatArray, starts: IntArray) -> FloatArray:
    """Running sum of the volume, added where the price rose and taken away where it fell; the first row counts in full.

    A missing price or volume starts it anew, and the price after a missing one is a first again.
    """
    out = np.full_like(price, np.nan)
    for symbol in range(len(starts) - 1):
        total, before = 0.0, np.nan
        for row in range(starts[symbol], starts[symbol + 1]):
            now, traded = price[row], volume[row]
            rose, fell = not now <= before, now < before
            side = traded if rose else (-traded if fell else traded * 0.0)
            before = now
            total += side
            if np.isnan(now + traded):
                total = 0.0
            else:
                out[row] = total
    return out


@kernel
def rows_since_change(one: FloatArray, two: FloatArray, starts: IntArray) -> FloatArray:
    """How many rows ago one of two values last changed; NaN before the first change."""
    out = np.full_like(one, np.nan)
    for symbol in range(len(starts) - 1):
        since = np.nan
        for row in range(starts[symbol] + 1, starts[symbol + 1]):
            if one[row] != one[row - 1] or two[row] != two[row - 1]:
                since = 0.0
            else:
                since += 1.0
            out[row] = since
    return out
