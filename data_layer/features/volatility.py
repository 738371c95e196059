"""Volatility: how widely prices move."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import lag, rolling_std, wilder_mean
from data_layer.features.layout import FloatArray
from data_layer.features.momentum import simple_return
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator

SESSIONS_PER_YEAR = 252  # of the New York exchanges, and empyrical's


@indicator(
    "atr_{window}",
    formula="Wilder's mean over {window} of the true range, max(high, close before) - min(low, close before)",
    inputs=("high", "low", "close"), windows=(14,), warm_up=lambda window: window, unit="price",
    value_range=(0.0, None), equals="TA-Lib ATR(high, low, close, {window})",
)  # fmt: skip
def average_true_range(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) average true range; it starts at the second bar, for the first has none before it."""
    before = lag(panel.close, panel.starts, 1)
    true_range = np.maximum(panel.high, before) - np.minimum(panel.low, before)
    return wilder_mean(true_range, panel.starts, window)


@indicator(
    "volatility_{window}",
    formula="standard deviation (ddof 1) of the last {window} of return_1, times the square root of 252",
    inputs=("total_return_close",), windows=(20,), warm_up=lambda window: window, unit="fraction per year",
    value_range=(0.0, None), equals="empyrical annual_volatility(the last {window} of return_1)",
)  # fmt: skip
def historical_volatility(panel: Panel, window: int) -> FloatArray:
    """Annualised volatility of simple returns; 0 on equal ones. ddof 1: it estimates from a sample."""
    daily = rolling_std(np.asarray(simple_return(panel, 1)), panel.starts, window, 1)
    return np.asarray(daily * np.sqrt(SESSIONS_PER_YEAR))
