"""Candlestick patterns (Nison 1991) as TA-Lib draws them: 1 rising, -1 falling, 0 none, for its +-100 or +-80 and 0."""

from __future__ import annotations

from data_layer.features.candle_parts import (
    BODY_LONG,
    BODY_SHORT,
    DOJI,
    FAR,
    NEAR,
    SHADOW_VERY_SHORT,
    Candles,
    Flags,
)
from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator

PRICES = ("open", "high", "low", "close")
UP, DOWN, EITHER = (0.0, 1.0), (-1.0, 0.0), (-1.0, 1.0)
STAR_DEPTH, CLOUD_DEPTH = 0.3, 0.5  # how far into the first body the last close comes: TA-Lib's defaults


def _hangs(bar: Candles) -> Flags:
    """A short body, a lower shadow longer than it, next to no upper one."""
    thin = (bar("body") < bar.usual(BODY_SHORT)) & (bar("lower") > bar("body"))
    return thin & (bar("upper") < bar.usual(SHADOW_VERY_SHORT))


def _stands(bar: Candles) -> Flags:
    """A short body, an upper shadow longer than it, next to no lower one."""
    thin = (bar("body") < bar.usual(BODY_SHORT)) & (bar("upper") > bar("body"))
    return thin & (bar("lower") < bar.usual(SHADOW_VERY_SHORT))


def _star(bar: Candles) -> Flags:
    """A long body, a short one, one that is not short."""
    outer = (bar("body", 2) > bar.usual(BODY_LONG, 2)) & (bar("body") > bar.usual(BODY_SHORT))
    return outer & (bar("body", 1) <= bar.usual(BODY_SHORT, 1))


@indicator(
    "cdl_doji",
    formula="1 when the body is at most a tenth of the usual range of 10 candles before",
    inputs=PRICES, windows=(10,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDLDOJI(open, high, low, close) as its sign",
)  # fmt: skip
def doji(panel: Panel, window: int) -> FloatArray:
    """Doji: opened and closed alike."""
    bar = Candles(panel, window)
    return bar.flag(rising=bar("body") <= bar.usual(DOJI))


@indicator(
    "cdl_marubozu",
    formula="1 (white) or -1 (black) when a long body has next to no shadows",
    inputs=PRICES, windows=(10,), warm_up=lambda window: window, unit="ratio", value_range=EITHER,
    equals="TA-Lib CDLMARUBOZU(open, high, low, close) as its sign",
)  # fmt: skip
def marubozu(panel: Panel, window: int) -> FloatArray:
    """Marubozu: the body is all there is."""
    bar = Candles(panel, window)
    bald = (bar("upper") < bar.usual(SHADOW_VERY_SHORT)) & (bar("lower") < bar.usual(SHADOW_VERY_SHORT))
    found = bald & (bar("body") > bar.usual(BODY_LONG))
    return bar.flag(found & bar.white(), found & ~bar.white())


@indicator(
    "cdl_hammer",
    formula="1 when a short body with a long lower and no upper shadow stands near or below the low before",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDLHAMMER(open, high, low, close) as its sign",
)  # fmt: skip
def hammer(panel: Panel, window: int) -> FloatArray:
    """Hammer."""
    bar = Candles(panel, window)
    return bar.flag(rising=_hangs(bar) & (bar("bottom") <= bar("low", 1) + bar.usual(NEAR, 1)))


@indicator(
    "cdl_hanging_man",
    formula="-1 when a short body with a long lower and no upper shadow stands near or above the high before",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=DOWN,
    equals="TA-Lib CDLHANGINGMAN(open, high, low, close) as its sign",
)  # fmt: skip
def hanging_man(panel: Panel, window: int) -> FloatArray:
    """Hanging man: a hammer's candle at the top."""
    bar = Candles(panel, window)
    return bar.flag(falling=_hangs(bar) & (bar("bottom") >= bar("high", 1) - bar.usual(NEAR, 1)))


@indicator(
    "cdl_inverted_hammer",
    formula="1 when a short body with a long upper and no lower shadow stands below the body before",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDLINVERTEDHAMMER(open, high, low, close) as its sign",
)  # fmt: skip
def inverted_hammer(panel: Panel, window: int) -> FloatArray:
    """Inverted hammer."""
    bar = Candles(panel, window)
    return bar.flag(rising=_stands(bar) & (bar("top") < bar("bottom", 1)))


@indicator(
    "cdl_shooting_star",
    formula="-1 when a short body with a long upper and no lower shadow stands above the body before",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=DOWN,
    equals="TA-Lib CDLSHOOTINGSTAR(open, high, low, close) as its sign",
)  # fmt: skip
def shooting_star(panel: Panel, window: int) -> FloatArray:
    """Shooting star: an inverted hammer's candle at the top."""
    bar = Candles(panel, window)
    return bar.flag(falling=_stands(bar) & (bar("bottom") > bar("top", 1)))


@indicator(
    "cdl_engulfing",
    formula="1 (white) or -1 (black) when a body covers the one before, of the other colour, beyond one end of it",
    inputs=PRICES, windows=(2,), warm_up=lambda window: window, unit="ratio", value_range=EITHER,
    equals="TA-Lib CDLENGULFING(open, high, low, close) as its sign",
)  # fmt: skip
def engulfing(panel: Panel, window: int) -> FloatArray:
    """Engulfing; at one end the bodies may be even."""
    bar = Candles(panel, window)
    wider = (bar("top") >= bar("top", 1)) & (bar("bottom") < bar("bottom", 1))
    higher = (bar("top") > bar("top", 1)) & (bar("bottom") <= bar("bottom", 1))
    found = (wider | higher) & (bar.white() != bar.white(1))
    return bar.flag(found & bar.white(), found & ~bar.white())


@indicator(
    "cdl_harami",
    formula="1 or -1 against the colour before when a short body lies within the long one before",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=EITHER,
    equals="TA-Lib CDLHARAMI(open, high, low, close) as its sign",
)  # fmt: skip
def harami(panel: Panel, window: int) -> FloatArray:
    """Harami; at the ends the bodies may be even."""
    bar = Candles(panel, window)
    inside = (bar("top") <= bar("top", 1)) & (bar("bottom") >= bar("bottom", 1))
    long_first = bar("body", 1) > bar.usual(BODY_LONG, 1)
    found = inside & long_first & (bar("body") <= bar.usual(BODY_SHORT))
    return bar.flag(found & ~bar.white(1), found & bar.white(1))


@indicator(
    "cdl_piercing",
    formula="1 when a long white body begins below the low before and ends in the upper half of its long black body",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDLPIERCING(open, high, low, close) as its sign",
)  # fmt: skip
def piercing(panel: Panel, window: int) -> FloatArray:
    """Piercing line."""
    bar = Candles(panel, window)
    found = ~bar.white(1) & bar.white()
    found &= (bar("body", 1) > bar.usual(BODY_LONG, 1)) & (bar("body") > bar.usual(BODY_LONG))
    found &= (bar("open") < bar("low", 1)) & (bar("close") < bar("open", 1))
    return bar.flag(rising=found & (bar("close") > bar("close", 1) + bar("body", 1) * CLOUD_DEPTH))


@indicator(
    "cdl_dark_cloud_cover",
    formula="-1 when a black body begins above the high before and ends in the lower half of its long white body",
    inputs=PRICES, windows=(11,), warm_up=lambda window: window, unit="ratio", value_range=DOWN,
    equals="TA-Lib CDLDARKCLOUDCOVER(open, high, low, close) as its sign",
)  # fmt: skip
def dark_cloud_cover(panel: Panel, window: int) -> FloatArray:
    """Dark cloud cover."""
    bar = Candles(panel, window)
    found = bar.white(1) & ~bar.white() & (bar("body", 1) > bar.usual(BODY_LONG, 1))
    found &= (bar("open") > bar("high", 1)) & (bar("close") > bar("open", 1))
    return bar.flag(falling=found & (bar("close") < bar("close", 1) - bar("body", 1) * CLOUD_DEPTH))


@indicator(
    "cdl_morning_star",
    formula="1 when a long black body, a short one below it and a white one ending well within the first follow",
    inputs=PRICES, windows=(12,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDLMORNINGSTAR(open, high, low, close) as its sign",
)  # fmt: skip
def morning_star(panel: Panel, window: int) -> FloatArray:
    """Morning star."""
    bar = Candles(panel, window)
    found = _star(bar) & ~bar.white(2) & bar.white() & (bar("top", 1) < bar("bottom", 2))
    return bar.flag(rising=found & (bar("close") > bar("close", 2) + bar("body", 2) * STAR_DEPTH))


@indicator(
    "cdl_evening_star",
    formula="-1 when a long white body, a short one above it and a black one ending well within the first follow",
    inputs=PRICES, windows=(12,), warm_up=lambda window: window, unit="ratio", value_range=DOWN,
    equals="TA-Lib CDLEVENINGSTAR(open, high, low, close) as its sign",
)  # fmt: skip
def evening_star(panel: Panel, window: int) -> FloatArray:
    """Evening star."""
    bar = Candles(panel, window)
    found = _star(bar) & bar.white(2) & ~bar.white() & (bar("bottom", 1) > bar("top", 2))
    return bar.flag(falling=found & (bar("close") < bar("close", 2) - bar("body", 2) * STAR_DEPTH))


@indicator(
    "cdl_three_white_soldiers",
    formula="1 when three white bodies without upper shadows climb, each from within or near the one before",
    inputs=PRICES, windows=(12,), warm_up=lambda window: window, unit="ratio", value_range=UP,
    equals="TA-Lib CDL3WHITESOLDIERS(open, high, low, close) as its sign",
)  # fmt: skip
def three_white_soldiers(panel: Panel, window: int) -> FloatArray:
    """Three white soldiers."""
    bar = Candles(panel, window)
    found = bar.white() & bar.white(1) & bar.white(2) & (bar("body") > bar.usual(BODY_SHORT))
    for back in range(3):
        found &= bar("upper", back) < bar.usual(SHADOW_VERY_SHORT, back)
    for now, before in ((1, 2), (0, 1)):
        found &= (bar("close", now) > bar("close", before)) & (bar("open", now) > bar("open", before))
        found &= bar("open", now) <= bar("close", before) + bar.usual(NEAR, before)
        found &= bar("body", now) > bar("body", before) - bar.usual(FAR, before)
    return bar.flag(rising=found)


@indicator(
    "cdl_three_black_crows",
    formula="-1 when after a white candle three black bodies without lower shadows fall, each from within another",
    inputs=PRICES, windows=(13,), warm_up=lambda window: window, unit="ratio", value_range=DOWN,
    equals="TA-Lib CDL3BLACKCROWS(open, high, low, close) as its sign",
)  # fmt: skip
def three_black_crows(panel: Panel, window: int) -> FloatArray:
    """Three black crows."""
    bar = Candles(panel, window)
    found = bar.white(3) & ~bar.white(2) & ~bar.white(1) & ~bar.white()
    found &= bar("high", 3) > bar("close", 2)
    for back in range(3):
        found &= bar("lower", back) < bar.usual(SHADOW_VERY_SHORT, back)
    for now, before in ((1, 2), (0, 1)):
        found &= (bar("open", now) < bar("open", before)) & (bar("open", now) > bar("close", before))
        found &= bar("close", now) < bar("close", before)
    return bar.flag(falling=found)
