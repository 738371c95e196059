"""Moving averages and what is made of them."""

from __future__ import annotations

import numpy as np

from data_layer.features.elementwise import distance, double_less, lagged, triple_less, while_known
from data_layer.features.kernels import rolling_mean, rolling_mean_std
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import weighted_mean
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import exponential_mean
from data_layer.features.registry import Output, indicator
from data_layer.features.trend_kernels import adaptive_mean

# Appel's (1979) lengths, the default of every charting package; 26 is the window itself.
MACD_FAST = 12
MACD_SIGNAL = 9
BANDS_WIDTH = 2.0  # standard deviations, Bollinger (2001)


def mean_close(panel: Panel, window: int) -> FloatArray:
    """Mean of the last closes; several formulas ask for it."""
    return rolling_mean(panel.close, window)


def exponential_close(panel: Panel, window: int) -> FloatArray:
    """Exponential mean of the closes; several formulas ask for it."""
    return exponential_mean(panel.close, window, 0)


@indicator(
    "sma_{window}", formula="mean of the last {window} closes", inputs=("close",),
    windows=(5, 10, 20, 50, 100, 200), warm_up=lambda window: window - 1, unit="price", value_range=(0.0, None),
    equals="TA-Lib SMA(close, {window})",
)  # fmt: skip
def simple_average(panel: Panel, window: int) -> FloatArray:
    """Simple moving average of the split-adjusted close."""
    return panel.once(mean_close, window)


@indicator(
    "ema_{window}",
    formula="exponential mean of the closes, weight 2 / ({window} + 1), seeded with their first mean",
    inputs=("close",), windows=(5, 9, 12, 20, 26, 50, 100, 200), warm_up=lambda window: window - 1,
    unit="price", value_range=(0.0, None), equals="TA-Lib EMA(close, {window})",
)  # fmt: skip
def exponential_average(panel: Panel, window: int) -> FloatArray:
    """Exponential moving average of the split-adjusted close; a NaN starts it anew."""
    return panel.once(exponential_close, window)


@indicator(
    "wma_{window}", formula="mean of the last {window} closes, weights falling linearly from {window} to 1",
    inputs=("close",), windows=(10, 20, 50), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None), equals="TA-Lib WMA(close, {window})",
)  # fmt: skip
def weighted_average(panel: Panel, window: int) -> FloatArray:
    """Linearly weighted moving average."""
    return weighted_mean(panel.close, window)


@indicator(
    "dema_{window}", formula="twice ema_{window} less the exponential mean of ema_{window}",
    inputs=("close",), windows=(20, 50), warm_up=lambda window: 2 * window - 2, unit="price",
    equals="TA-Lib DEMA(close, {window})",
)  # fmt: skip
def double_average(panel: Panel, window: int) -> FloatArray:
    """Double exponential average (Mulloy 1994), which lags less."""
    once = panel.once(exponential_close, window)
    return np.asarray(double_less(once, exponential_mean(once, window, 0)))


@indicator(
    "tema_{window}",
    formula="3 * e1 - 3 * e2 + e3 with e1 = ema_{window}, e2 and e3 the exponential means of the one before",
    inputs=("close",), windows=(20, 50), warm_up=lambda window: 3 * window - 3, unit="price",
    equals="TA-Lib TEMA(close, {window})",
)  # fmt: skip
def triple_average(panel: Panel, window: int) -> FloatArray:
    """Triple exponential average (Mulloy 1994)."""
    once = panel.once(exponential_close, window)
    twice = exponential_mean(once, window, 0)
    return np.asarray(triple_less(once, twice, exponential_mean(twice, window, 0)))


@indicator(
    "kama_{window}",
    formula="average whose weight grows from 2/31 to 2/3, squared, with |change over {window}| / sum of |changes|",
    inputs=("close",), windows=(10, 30), warm_up=lambda window: window, unit="price",
    equals="TA-Lib KAMA(close, {window})",
)  # fmt: skip
def kaufman_average(panel: Panel, window: int) -> FloatArray:
    """Kaufman's (1995) adaptive average; 10 is his own length."""
    change = lagged(distance, panel.close, before=panel.close, rows=1)
    return adaptive_mean(panel.close, rolling_mean(change, window), window)


@indicator(
    "hma_{window}",
    formula="weighted mean over sqrt({window}) of 2 * wma({window} / 2) - wma({window}), lengths rounded down",
    inputs=("close",), windows=(9, 20), warm_up=lambda window: window + int(window**0.5) - 2, unit="price",
    equals="pandas-ta-classic hma(close, {window})",
)  # fmt: skip
def hull_average(panel: Panel, window: int) -> FloatArray:
    """Hull's (2005) moving average."""
    half = weighted_mean(panel.close, window // 2)
    apart = double_less(half, weighted_mean(panel.close, window))
    return weighted_mean(apart, int(window**0.5))


@indicator(
    "trima_{window}", formula="mean of the last {window} closes, weights rising to the middle and falling again",
    inputs=("close",), windows=(20,), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None), equals="TA-Lib TRIMA(close, {window})",
)  # fmt: skip
def triangular_average(panel: Panel, window: int) -> FloatArray:
    """Triangular average: the mean of a mean."""
    inner = rolling_mean(panel.close, window // 2 + 1)
    return rolling_mean(inner, (window + 1) // 2)


def macd_line(panel: Panel, window: int) -> FloatArray:
    """Fast less slow exponential mean, the fast one seeded to begin on the slow one's first session."""
    fast = exponential_mean(panel.close, MACD_FAST, window - MACD_FAST)
    return fast - panel.once(exponential_close, window)


@indicator(
    "macd", "macd_signal", "macd_hist",
    formula=(
        "12-session EMA less {window}-session EMA of the close, both seeded to begin on the same session",
        "9-session EMA of macd",
        "macd less macd_signal",
    ),
    inputs=("close",), windows=(26,), warm_up=lambda window: window + MACD_SIGNAL - 2, unit="price",
    equals=(
        "TA-Lib MACD(close, 12, {window}, 9), first", "TA-Lib MACD(close, 12, {window}, 9), second",
        "TA-Lib MACD(close, 12, {window}, 9), third",
    ),
)  # fmt: skip
def macd(panel: Panel, window: int) -> tuple[Output, FloatArray, Output]:
    """Moving average convergence and divergence (Appel 1979); all three begin with the signal, as in TA-Lib.

    TA-Lib holds the fast average's seed back until the slow one begins, so macd is not ema_12 - ema_26 in
    the first sessions.
    """
    line = panel.once(macd_line, window)
    signal = exponential_mean(line, MACD_SIGNAL, 0)
    return lambda: while_known(line, signal), signal, lambda: line - signal


@indicator(
    "ppo", formula="100 * (ema_12 - ema_{window}) / ema_{window}",
    inputs=("close",), windows=(26,), warm_up=lambda window: window - 1, unit="points",
    equals="TA-Lib PPO(close, 12, {window}, EMA)",
)  # fmt: skip
def percentage_oscillator(panel: Panel, window: int) -> FloatArray:
    """Percentage price oscillator: a share of the price; TA-Lib does not hold its fast average back, as in macd."""
    slow = panel.once(exponential_close, window)
    return 100.0 * (panel.once(exponential_close, MACD_FAST) - slow) / slow


def bands(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Middle Bollinger band and how far the others are from it."""
    return panel.once(mean_close, window), BANDS_WIDTH * rolling_mean_std(panel.close, window, 0)[1]


@indicator(
    "bb_upper", "bb_middle", "bb_lower",
    formula=(
        "mean of the last {window} closes plus 2 standard deviations (ddof 0)",
        "mean of the last {window} closes",
        "mean of the last {window} closes less 2 standard deviations (ddof 0)",
    ),
    inputs=("close",), windows=(20,), warm_up=lambda window: window - 1, unit="price",
    equals=(
        "TA-Lib BBANDS(close, {window}, 2, 2), first", "TA-Lib BBANDS(close, {window}, 2, 2), second",
        "TA-Lib BBANDS(close, {window}, 2, 2), third",
    ),
)  # fmt: skip
def bollinger_bands(panel: Panel, window: int) -> tuple[Output, FloatArray, Output]:
    """Bollinger bands; on equal closes all three are that close."""
    middle, width = panel.once(bands, window)
    return lambda: middle + width, middle, lambda: middle - width


@indicator(
    "bb_width", "bb_percent",
    formula=(
        "(bb_upper less bb_lower) / bb_middle", "(close less bb_lower) / (bb_upper less bb_lower)"
    ),
    inputs=("close",), windows=(20,), warm_up=lambda window: window - 1, unit="ratio",
    equals=(
        "(upper - lower) / middle of TA-Lib BBANDS(close, {window}, 2, 2)",
        "(close - lower) / (upper - lower) of TA-Lib BBANDS(close, {window}, 2, 2)",
    ),
)  # fmt: skip
def bollinger_place(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Width of the bands, 0 on equal closes, and the close's place in them, which has no value there."""
    middle, width = panel.once(bands, window)
    upper, lower = middle + width, middle - width
    return (upper - lower) / middle, (panel.close - lower) / (upper - lower)
