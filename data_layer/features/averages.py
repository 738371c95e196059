"""Moving averages and what is made of them."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import exponential_mean, rolling_mean, rolling_std
from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator

# Appel's (1979) lengths, the default of every charting package; 26 is the window itself.
MACD_FAST = 12
MACD_SIGNAL = 9
BANDS_WIDTH = 2.0  # standard deviations, Bollinger (2001)


@indicator(
    "sma_{window}", formula="mean of the last {window} closes", inputs=("close",), windows=(10, 20, 50, 200),
    warm_up=lambda window: window - 1, unit="price", value_range=(0.0, None),
    equals="TA-Lib SMA(close, {window})",
)  # fmt: skip
def simple_average(panel: Panel, window: int) -> FloatArray:
    """Simple moving average of the split-adjusted close."""
    return rolling_mean(panel.close, panel.starts, window)


@indicator(
    "ema_{window}",
    formula="exponential mean of the closes, weight 2 / ({window} + 1), seeded with their first mean",
    inputs=("close",), windows=(12, 26), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None), equals="TA-Lib EMA(close, {window})",
)  # fmt: skip
def exponential_average(panel: Panel, window: int) -> FloatArray:
    """Exponential moving average of the split-adjusted close; a NaN starts it anew."""
    return exponential_mean(panel.close, panel.starts, window, 0)


@indicator(
    "macd", "macd_signal", "macd_hist",
    formula=(
        "12-session EMA less {window}-session EMA of the close, both seeded to begin on the same session",
        "9-session EMA of macd",
        "macd less macd_signal",
    ),
    inputs=("close",), windows=(26,), warm_up=lambda window: window + MACD_SIGNAL - 2, unit="price",
    equals="TA-Lib MACD(close, 12, {window}, 9)",
)  # fmt: skip
def macd(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Moving average convergence and divergence (Appel 1979); all three begin with the signal, as in TA-Lib.

    TA-Lib holds the fast average's seed back until the slow one begins, so macd is not ema_12 - ema_26 in
    the first sessions.
    """
    fast = exponential_mean(panel.close, panel.starts, MACD_FAST, window - MACD_FAST)
    line = fast - exponential_mean(panel.close, panel.starts, window, 0)
    signal = exponential_mean(line, panel.starts, MACD_SIGNAL, 0)
    line[np.isnan(signal)] = np.nan
    return line, signal, line - signal


@indicator(
    "bb_upper", "bb_middle", "bb_lower",
    formula=(
        "mean of the last {window} closes plus 2 standard deviations (ddof 0)",
        "mean of the last {window} closes",
        "mean of the last {window} closes less 2 standard deviations (ddof 0)",
    ),
    inputs=("close",), windows=(20,), warm_up=lambda window: window - 1, unit="price",
    equals="TA-Lib BBANDS(close, {window}, 2, 2)",
)  # fmt: skip
def bollinger_bands(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bollinger bands; on equal closes all three are that close."""
    middle = rolling_mean(panel.close, panel.starts, window)
    width = BANDS_WIDTH * rolling_std(panel.close, panel.starts, window, 0)
    return middle + width, middle, middle - width
