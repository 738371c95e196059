"""Every technical column worked out anew in plain Python: lists, windows and sums, no arrays and no blocks.

A reference takes the adjusted fields as lists (open, high, low, close, volume, total, market, days, split,
dividend) and gives one number a row. It knows nothing of the kernels' ways.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics

from data_layer.sessions import next_session, sessions_between
from tests.data_layer.features.reference_tools import (
    NAN,
    ago,
    anew,
    by_row,
    change,
    each,
    ema,
    highest,
    lowest,
    mean,
    pairs,
    wilder,
)


def macd_lines(close):
    line = by_row(lambda a, b: a - b, ema(close, 12, 14), ema(close, 26))
    signal = ema(line, 9)
    return by_row(lambda a, b: a, line, signal), signal, by_row(lambda a, b: a - b, line, signal)


def rsi(close, n):
    gain = wilder(by_row(lambda x: max(x, 0), change(close)), n)
    loss = wilder(by_row(lambda x: max(-x, 0), change(close)), n)
    return by_row(lambda g, s: 100 * g / (g + s), gain, loss)


def cmo(close, n):
    return by_row(lambda r: 2 * r - 100, rsi(close, n))


def kama(close, n):
    def begin(run):
        level, out = NAN, []
        for row, value in enumerate(run):
            if row >= n:
                way = value - run[row - n]
                path = math.fsum(abs(b - a) for a, b in itertools.pairwise(run[row - n : row + 1]))
                share = 1 if path <= way or path == 0 else min(abs(way) / path, 1)
                level = run[row - 1] if row == n else level
                level += (value - level) * (share * (2 / 3 - 2 / 31) + 2 / 31) ** 2
            out.append(level)
        return out

    return anew(begin, close)


def wma(values, n):
    return each(values, n, lambda w: math.fsum((i + 1) * x for i, x in enumerate(w)) / (n * (n + 1) / 2))


def hma(values, n):
    return wma(by_row(lambda a, b: 2 * a - b, wma(values, n // 2), wma(values, n)), int(math.sqrt(n)))


def true_range(b):
    return by_row(lambda h, l, c: max(h - l, abs(h - c), abs(l - c)), b["high"], b["low"], ago(b["close"], 1))


def atr(b, n):
    return wilder(true_range(b), n)


def fast_stochastic(value, top, bottom):
    return by_row(lambda v, t, s: 100 * (v - s) / (t - s), value, top, bottom)


def stochastic(b):
    slow = mean(fast_stochastic(b["close"], highest(b["high"], 14), lowest(b["low"], 14)), 3)
    signal = mean(slow, 3)
    return by_row(lambda a, s: a, slow, signal), signal


def stoch_rsi(b):
    strength = rsi(b["close"], 14)
    fast = by_row(
        lambda f, t, s: f if t - s > 1e-6 else NAN,
        fast_stochastic(strength, highest(strength, 14), lowest(strength, 14)),
        highest(strength, 14),
        lowest(strength, 14),
    )
    signal = mean(fast, 3)
    return by_row(lambda a, s: a, fast, signal), signal


def typical(b):
    return by_row(lambda h, l, c: (h + l + c) / 3, b["high"], b["low"], b["close"])


def cci(b, n):
    def one(window):
        centre = math.fsum(window) / n
        deviation = math.fsum(abs(x - centre) for x in window) / n
        return (window[-1] - centre) / (0.015 * deviation) if deviation > 1e-13 * centre else NAN

    return each(typical(b), n, one)


def trix(close, n):
    level = ema(ema(ema(close, n), n), n)
    return by_row(lambda a, b: 100 * (b / a - 1), ago(level, 1), level)


def tsi(close):
    moved = change(close)
    up, path = ema(ema(moved, 25), 13), ema(ema(by_row(abs, moved), 25), 13)
    return by_row(lambda a, b: 100 * a / b, up, path)


def aroon(b, n):
    def latest(window):
        return max(i for i, x in enumerate(window) if x == max(window))

    up = each(b["high"], n + 1, lambda w: 100 * latest(w) / n)
    down = each([-x for x in b["low"]], n + 1, lambda w: 100 * latest(w) / n)
    return up, down, by_row(lambda u, d: u - d, up, down)


def middle(b):
    return by_row(lambda h, l: (h + l) / 2, b["high"], b["low"])


def returns(b, n=1):
    return by_row(lambda a, c: (c - a) / a, ago(b["total"], n), b["total"])


def skew(window):
    n, centre = len(window), statistics.fmean(window)
    second, third = (math.fsum((x - centre) ** p for x in window) / n for p in (2, 3))
    return math.sqrt(n * (n - 1)) / (n - 2) * third / second**1.5


def kurtosis(window):
    n, centre = len(window), statistics.fmean(window)
    second, fourth = (math.fsum((x - centre) ** p for x in window) / n for p in (2, 4))
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * fourth / second**2 - 3 * (n - 1))


def moments(window):
    """Centred sums of a window of pairs."""
    ones, twos = zip(*window, strict=True)
    one, two = statistics.fmean(ones), statistics.fmean(twos)
    return tuple(
        math.fsum((x - one) ** p * (y - two) ** q for x, y in window) for p, q in ((2, 0), (0, 2), (1, 1))
    )


def correlation(window):
    own, other, both = moments(window)
    return both / math.sqrt(own * other)


def beta(window):
    own, _, both = moments(window)
    return both / own


def drawdown(total):
    return anew(lambda run: [x / max(run[: i + 1]) - 1 for i, x in enumerate(run)], total)


def wilder_sum(values, n):
    def begin(run):
        level, out = math.fsum(run[: n - 1]), [NAN] * min(n - 1, len(run))
        for value in run[n - 1 :]:
            level = level - level / n + value
            out.append(level)
        return out

    return anew(begin, values)


def moves(b, n):
    up, down = change(b["high"]), [-x for x in change(b["low"])]
    rises = by_row(lambda u, d: u if u > d and u > 0 else 0, up, down)
    falls = by_row(lambda u, d: d if d > u and d > 0 else 0, up, down)
    return wilder_sum(rises, n), wilder_sum(falls, n)


def directions(b, n):
    spread = wilder_sum(true_range(b), n)
    return tuple(by_row(lambda m, s: 100 * m / s, side, spread) for side in moves(b, n))


def adx(b, n):
    return wilder(by_row(lambda p, m: 100 * abs(p - m) / (p + m), *moves(b, n)), n)


def psar(b):
    """Wilder's rules as a state machine over runs of rows with both prices."""

    def begin(run):
        if len(run) < 2:
            return [NAN] * len(run)
        (h0, l0), (h1, l1) = run[:2]
        up = not (l0 - l1 > 0 and l0 - l1 > h1 - h0)
        stop, extreme, pace, out = (l0, h1, 0.02, [NAN]) if up else (h0, l1, 0.02, [NAN])
        for i in range(1, len(run)):
            recent = run[i - 1 : i + 1] if i > 1 else run[1:2]
            ceiling, floor = max(h for h, _ in recent), min(l for _, l in recent)
            high, low = run[i]
            if (up and low <= stop) or (not up and high >= stop):
                up, pace = not up, 0.02
                stop = min(extreme, floor) if up else max(extreme, ceiling)
                out.append(stop)
                extreme = high if up else low
            else:
                out.append(stop)
                if (high > extreme) if up else (low < extreme):
                    extreme, pace = (high if up else low), min(pace + 0.02, 0.2)
            stop += pace * (extreme - stop)
            stop = min(stop, floor) if up else max(stop, ceiling)
        return out

    return anew(begin, pairs(b["high"], b["low"]))


def supertrend(b):
    def begin(run):
        out, way, above, below = [], 1, math.inf, -math.inf
        for close, upper, lower in run:
            way_before, way = way, 1 if close > above else -1 if close < below else way
            crossed = close > above or close < below
            below = max(lower, below) if way > 0 and way_before > 0 and not crossed else lower
            above = min(upper, above) if way < 0 and way_before < 0 and not crossed else upper
            out.append((below if way > 0 else above, way))
        return out

    width = by_row(lambda x: 3 * x, atr(b, 10))
    bands = pairs(
        b["close"], by_row(lambda m, w: m + w, middle(b), width), by_row(lambda m, w: m - w, middle(b), width)
    )
    found = anew(begin, bands)
    return [x[0] if isinstance(x, tuple) else NAN for x in found], [
        x[1] if isinstance(x, tuple) else NAN for x in found
    ]


def centre_of_channel(b, n):
    return by_row(lambda h, l: (h + l) / 2, highest(b["high"], n), lowest(b["low"], n))


def line(window):
    """End, slope and share of the least-squares line."""
    n, mean_y = len(window), statistics.fmean(window)
    steps = [i - (n - 1) / 2 for i in range(n)]
    slope = math.fsum(s * (y - mean_y) for s, y in zip(steps, window, strict=True)) / math.fsum(
        s * s for s in steps
    )
    squares = math.fsum((y - mean_y) ** 2 for y in window)
    on_line = slope * slope * math.fsum(s * s for s in steps)
    # Equal closes are off their mean by its rounding.
    return (
        mean_y + slope * (n - 1) / 2,
        slope,
        on_line / squares if squares > n * (1e-13 * mean_y) ** 2 else NAN,
    )


def is_month_end(day):
    date = dt.date(1970, 1, 1) + dt.timedelta(days=int(day))
    return bool(sessions_between(date, date)) and next_session(date).month != date.month
