"""The candlestick patterns worked out anew in plain Python, candle by candle, as in reference.py.

Means over the candles before are running sums from the first row with a value on, because rounding decides a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.data_layer.features.reference_tools import NAN, anew, pairs


@dataclass(frozen=True)
class Candle:
    open: float
    high: float
    low: float
    close: float

    @property
    def body(self):
        return abs(self.close - self.open)

    @property
    def span(self):
        return self.high - self.low

    @property
    def top(self):
        return max(self.open, self.close)

    @property
    def bottom(self):
        return min(self.open, self.close)

    @property
    def upper(self):
        return self.high - self.top

    @property
    def lower(self):
        return self.bottom - self.low

    @property
    def white(self):
        return self.close >= self.open


class Means:
    """Means of the candles before one of the pattern's own, kept from the pattern's first row on."""

    def __init__(self, candles, first):
        self.candles, self.first, self.kept = candles, first, {}

    def of(self, part, window, back, row):
        if (part, window, back) not in self.kept:
            values = [getattr(candle, part) for candle in self.candles]
            at, total = self.first - back, 0.0
            for value in values[at - window : at]:
                total += value
            means = {self.first: total / window}
            for later in range(self.first + 1, len(values)):
                total += values[later - back - 1] - values[later - back - 1 - window]
                means[later] = total / window
            self.kept[part, window, back] = means
        return self.kept[part, window, back][row]


def pattern(lookback, rule):
    """The rule's answers on each run of whole candles, from row `lookback` on."""

    def begin(run):
        candles = [Candle(*prices) for prices in run]
        means = Means(candles, lookback)
        return [
            NAN if row < lookback else float(rule(
                lambda back, row=row: candles[row - back],
                lambda part, window, back=0, row=row: means.of(part, window, back, row),
            ))
            for row in range(len(run))
        ]  # fmt: skip

    return lambda b: anew(begin, pairs(b["open"], b["high"], b["low"], b["close"]))


def thin(c, mean, long_side, bald_side):
    short = c(0).body < mean("body", 10) and getattr(c(0), long_side) > c(0).body
    return short and getattr(c(0), bald_side) < 0.1 * mean("span", 10)


def near(mean, back):
    return 0.2 * mean("span", 5, back)


def marubozu(c, mean):
    bald = max(c(0).upper, c(0).lower) < 0.1 * mean("span", 10)
    return (1 if c(0).white else -1) * (bald and c(0).body > mean("body", 10))


def engulfing(c, mean):
    now, before = c(0), c(1)
    if now.white == before.white:
        return 0
    covers = now.top >= before.top and now.bottom <= before.bottom
    same = now.top == before.top and now.bottom == before.bottom
    return (1 if now.white else -1) * (covers and not same)


def harami(c, mean):
    inside = c(0).top <= c(1).top and c(0).bottom >= c(1).bottom
    lengths = c(1).body > mean("body", 10, 1) and c(0).body <= mean("body", 10)
    return (-1 if c(1).white else 1) * (inside and lengths)


def piercing(c, mean):
    long = c(1).body > mean("body", 10, 1) and c(0).body > mean("body", 10)
    crosses = c(0).open < c(1).low and c(1).close + c(1).body * 0.5 < c(0).close < c(1).open
    return not c(1).white and c(0).white and long and crosses


def dark_cloud(c, mean):
    crosses = c(0).open > c(1).high and c(1).open < c(0).close < c(1).close - c(1).body * 0.5
    return -(c(1).white and not c(0).white and c(1).body > mean("body", 10, 1) and crosses)


def star(c, mean):
    short = c(1).body <= mean("body", 10, 1)
    return c(2).body > mean("body", 10, 2) and short and c(0).body > mean("body", 10)


def morning(c, mean):
    colours = not c(2).white and c(0).white
    return star(c, mean) and colours and c(1).top < c(2).bottom and c(0).close > c(2).close + c(2).body * 0.3


def evening(c, mean):
    colours = c(2).white and not c(0).white
    below = c(0).close < c(2).close - c(2).body * 0.3
    return -(star(c, mean) and colours and c(1).bottom > c(2).top and below)


def soldiers(c, mean):
    bald = all(c(k).white and c(k).upper < 0.1 * mean("span", 10, k) for k in range(3))
    climbs = all(
        c(k).close > c(k + 1).close
        and c(k + 1).open < c(k).open <= c(k + 1).close + near(mean, k + 1)
        and c(k).body > c(k + 1).body - 0.6 * mean("span", 5, k + 1)
        for k in range(2)
    )
    return bald and climbs and c(0).body > mean("body", 10)


def crows(c, mean):
    bald = all(not c(k).white and c(k).lower < 0.1 * mean("span", 10, k) for k in range(3))
    falls = all(c(k + 1).close < c(k).open < c(k + 1).open and c(k).close < c(k + 1).close for k in range(2))
    return -(c(3).white and bald and falls and c(3).high > c(2).close)


CANDLES = {
    "cdl_doji": pattern(10, lambda c, mean: c(0).body <= 0.1 * mean("span", 10)),
    "cdl_marubozu": pattern(10, marubozu),
    "cdl_hammer": pattern(
        11, lambda c, mean: thin(c, mean, "lower", "upper") and c(0).bottom <= c(1).low + near(mean, 1)),
    "cdl_hanging_man": pattern(
        11, lambda c, mean: -(thin(c, mean, "lower", "upper") and c(0).bottom >= c(1).high - near(mean, 1))),
    "cdl_inverted_hammer": pattern(
        11, lambda c, mean: thin(c, mean, "upper", "lower") and c(0).top < c(1).bottom),
    "cdl_shooting_star": pattern(
        11, lambda c, mean: -(thin(c, mean, "upper", "lower") and c(0).bottom > c(1).top)),
    "cdl_engulfing": pattern(2, engulfing),
    "cdl_harami": pattern(11, harami),
    "cdl_piercing": pattern(11, piercing),
    "cdl_dark_cloud_cover": pattern(11, dark_cloud),
    "cdl_morning_star": pattern(12, morning),
    "cdl_evening_star": pattern(12, evening),
    "cdl_three_white_soldiers": pattern(12, soldiers),
    "cdl_three_black_crows": pattern(13, crows),
}  # fmt: skip
