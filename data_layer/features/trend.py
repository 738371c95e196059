"""Trend: which way prices go, and how steadily."""

from __future__ import annotations

import numpy as np

from data_layer.features.elementwise import distance, excess, imbalance, lagged, middle
from data_layer.features.kernels import lag, rolling_mean
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import rolling_line
from data_layer.features.momentum import highest, lowest
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import wilder_mean, wilder_moves, wilder_sum
from data_layer.features.registry import Output, indicator
from data_layer.features.trend_kernels import band_stop, parabolic_stop
from data_layer.features.volatility import average_range, channel, true_range

SAR_STEP, SAR_LIMIT = 0.02, 0.2  # Wilder's (1978)
SUPERTREND_WIDTH = 3.0  # ranges; Seban's, the charting packages' default with 10 sessions
BASE_LINE = 26  # Hosoda's (1969) lengths of the cloud: 9, 26, 52 sessions, and its shift of 26


def moves(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Wilder's sums of upward moves of the high and of downward moves of the low."""
    return wilder_moves(panel.high, panel.low, window)


def directional_movement(panel: Panel, window: int) -> FloatArray:
    """Wilder's directional movement index; the true range in both its indicators cancels."""
    rises, falls = panel.once(moves, window)
    return np.asarray(imbalance(rises, falls))


def average_movement(panel: Panel, window: int) -> FloatArray:
    """Wilder's mean of the directional movement index."""
    return wilder_mean(panel.once(directional_movement, window), window)


@indicator(
    "plus_di_{window}", "minus_di_{window}",
    formula=(
        "100 * Wilder's sum over {window} of upward moves of the high / that of true ranges",
        "100 * Wilder's sum over {window} of downward moves of the low / that of true ranges",
    ),
    inputs=("high", "low", "close"), windows=(14,), warm_up=lambda window: window, unit="points",
    value_range=(0.0, 100.0),
    equals=("TA-Lib PLUS_DI(high, low, close, {window})", "TA-Lib MINUS_DI(high, low, close, {window})"),
)  # fmt: skip
def directional_indicators(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Wilder's (1978) directional indicators; the lesser move of a session counts as none."""
    rises, falls = panel.once(moves, window)
    spread = wilder_sum(panel.once(true_range), window)
    return 100.0 * (rises / spread), 100.0 * (falls / spread)


@indicator(
    "adx_{window}", formula="Wilder's mean over {window} of 100 * |plus_di - minus_di| / (plus_di + minus_di)",
    inputs=("high", "low"), windows=(14,), warm_up=lambda window: 2 * window - 1, unit="points",
    value_range=(0.0, 100.0),
    equals="TA-Lib ADX(high, low, close, {window}), except anew after sessions without any move",
)  # fmt: skip
def average_directional_index(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) average directional movement index."""
    return panel.once(average_movement, window)


@indicator(
    "adxr_{window}", formula="mean of adx_{window} and adx_{window} of {window} - 1 sessions before",
    inputs=("high", "low"), windows=(14,), warm_up=lambda window: 3 * window - 2, unit="points",
    value_range=(0.0, 100.0), equals="TA-Lib ADXR(high, low, close, {window})",
)  # fmt: skip
def movement_rating(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) directional movement rating, with TA-Lib's distance."""
    level = panel.once(average_movement, window)
    return lagged(middle, level, before=level, rows=window - 1)


@indicator(
    "psar",
    formula="parabolic stop: it runs after the trend's extreme by 0.02 to 0.2 of the way, and turns when touched",
    inputs=("high", "low"), windows=(1,), warm_up=lambda window: window, unit="price",
    equals="TA-Lib SAR(high, low, 0.02, 0.2)",
)  # fmt: skip
def parabolic(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) parabolic stop and reverse."""
    return parabolic_stop(panel.high, panel.low, SAR_STEP, SAR_LIMIT)


@indicator(
    "supertrend", "supertrend_direction",
    formula=(
        "mid price less 3 * atr of {window} while rising, plus it while falling; it only tightens until crossed",
        "1 while rising, -1 while falling",
    ),
    inputs=("high", "low", "close"), windows=(10,), warm_up=lambda window: window,
    unit=("price", "ratio"),
    equals=(
        "pandas-ta-classic supertrend(high, low, close, {window}, 3), first",
        "pandas-ta-classic supertrend(high, low, close, {window}, 3), second",
    ),
)  # fmt: skip
def supertrend(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Seban's supertrend; it begins upward."""
    level = middle(panel.high, panel.low)
    width = SUPERTREND_WIDTH * panel.once(average_range, window)
    return band_stop(panel.close, level + width, level - width)


@indicator(
    "ichimoku_conversion", formula="middle of the highest high and lowest low of {window} sessions",
    inputs=("high", "low"), windows=(9,), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None), equals="TA-Lib MIDPRICE(high, low, {window})",
)  # fmt: skip
def conversion_line(panel: Panel, window: int) -> FloatArray:
    """Hosoda's (1969) conversion line."""
    return panel.once(channel, window)[1]


@indicator(
    "ichimoku_base", formula="middle of the highest high and lowest low of {window} sessions",
    inputs=("high", "low"), windows=(BASE_LINE,), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None), equals="TA-Lib MIDPRICE(high, low, {window})",
)  # fmt: skip
def base_line(panel: Panel, window: int) -> FloatArray:
    """Hosoda's (1969) base line."""
    return panel.once(channel, window)[1]


@indicator(
    "ichimoku_span_a", "ichimoku_span_b",
    formula=(
        "mean of ichimoku_conversion and ichimoku_base, 26 sessions before",
        "middle of the highest high and lowest low of {window} sessions, 26 sessions before",
    ),
    inputs=("high", "low"), windows=(52,), warm_up=(lambda window: 51, lambda window: window + 25),
    unit="price", value_range=(0.0, None),
    equals=(
        "pandas-ta-classic ichimoku(high, low, close), ISA", "pandas-ta-classic ichimoku(high, low, close), ISB",
    ),
)  # fmt: skip
def cloud(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Hosoda's (1969) cloud as it lies over the session; the lagging span looks ahead and is left out."""
    short, base, long = (panel.once(channel, length)[1] for length in (9, BASE_LINE, window))
    return lag((short + base) / 2.0, BASE_LINE), lag(long, BASE_LINE)


@indicator(
    "linreg_{window}", "linreg_slope_{window}", "linreg_r2_{window}",
    formula=(
        "end of the least-squares line through the last {window} closes", "its slope per session",
        "share of the closes' variance that lies on it",
    ),
    inputs=("close",), windows=(20, 60), warm_up=lambda window: window - 1,
    unit=("price", "price", "ratio"), value_range=((None, None), (None, None), (0.0, 1.0)),
    equals=(
        "TA-Lib LINEARREG(close, {window})", "TA-Lib LINEARREG_SLOPE(close, {window})",
        "TA-Lib CORREL(close, row number, {window}) squared",
    ),
)  # fmt: skip
def regression_line(panel: Panel, window: int) -> tuple[Output, FloatArray, Output]:
    """Straight line through the closes; the share has no value on equal closes."""
    slope, mean, squares = rolling_line(panel.close, window)
    of_steps = window * (window * window - 1.0) / 12.0
    return (
        lambda: mean + slope * (0.5 * (window - 1)),
        slope,
        lambda: np.minimum(slope * slope * of_steps / squares, 1.0),
    )


@indicator(
    "high_52w_distance", "low_52w_distance",
    formula=("close / highest high of {window} sessions - 1", "close / lowest low of {window} sessions - 1"),
    inputs=(("high", "close"), ("low", "close")), windows=(252,), warm_up=lambda window: window - 1, unit="fraction",
    value_range=((-1.0, 0.0), (0.0, None)),
    equals=("close / TA-Lib MAX(high, {window}) - 1", "close / TA-Lib MIN(low, {window}) - 1"),
)  # fmt: skip
def distance_from_extremes(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """How far the price stands from the year's extremes (George and Hwang 2004); 252 sessions are a year."""
    top, bottom = panel.once(highest, window), panel.once(lowest, window)
    return excess(panel.close, top), excess(panel.close, bottom)


@indicator(
    "vortex_plus_{window}", "vortex_minus_{window}",
    formula=(
        "sum of |high - low before| over sum of true ranges, {window} sessions",
        "sum of |low - high before| over sum of true ranges, {window} sessions",
    ),
    inputs=("high", "low", "close"), windows=(14,), warm_up=lambda window: window, unit="ratio",
    value_range=(0.0, None),
    equals=(
        "TA-Lib SMA(|high - low before|, {window}) / SMA(TRANGE, {window})",
        "TA-Lib SMA(|low - high before|, {window}) / SMA(TRANGE, {window})",
    ),
)  # fmt: skip
def vortex(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Botes and Siepman's (2010) vortex indicator; none when no price has moved."""
    spread = rolling_mean(panel.once(true_range), window)
    plus = lagged(distance, panel.high, before=panel.low, rows=1)
    minus = lagged(distance, panel.low, before=panel.high, rows=1)
    return (
        rolling_mean(plus, window) / spread,
        rolling_mean(minus, window) / spread,
    )


@indicator(
    "range_place_{window}", formula="(close - lowest low) / (highest high - lowest low) of {window} sessions",
    inputs=("high", "low", "close"), windows=(60, 252), warm_up=lambda window: window - 1, unit="ratio",
    value_range=(0.0, 1.0), equals="(close - TA-Lib MIN(low, {window})) / (MAX(high, {window}) - MIN(low, {window}))",
)  # fmt: skip
def place_in_range(panel: Panel, window: int) -> FloatArray:
    """Place of the close in the range of a quarter and of a year; none in windows without range."""
    top, bottom = panel.once(highest, window), panel.once(lowest, window)
    return (panel.close - bottom) / (top - bottom)
