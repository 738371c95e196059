"""Momentum: how strong and how far prices have moved."""

from __future__ import annotations

import numpy as np

from data_layer.features.kernels import lag, wilder_mean
from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator


@indicator(
    "rsi_{window}",
    formula="100 * mean gain / (mean gain + mean loss) of the close's changes, Wilder's means over {window}",
    inputs=("close",), windows=(14,), warm_up=lambda window: window, unit="points", value_range=(0.0, 100.0),
    equals="TA-Lib RSI(close, {window}), except NaN where no close has changed yet (TA-Lib: 0)",
)  # fmt: skip
def relative_strength(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) relative strength index.

    Without a single change since its start it is 0 / 0 and NaN; TA-Lib's 0 there (and on means below 1e-14)
    would read as the deepest oversold.
    """
    change = panel.close - lag(panel.close, panel.starts, 1)
    gain = wilder_mean(np.maximum(change, 0.0), panel.starts, window)
    loss = wilder_mean(np.maximum(-change, 0.0), panel.starts, window)
    return 100.0 * (gain / (gain + loss))


@indicator(
    "return_{window}", formula="total-return close over that of {window} sessions before, less 1",
    inputs=("total_return_close",), windows=(1, 5, 20), warm_up=lambda window: window, unit="fraction",
    value_range=(-1.0, None), equals="TA-Lib ROCP(total-return close, {window})",
)  # fmt: skip
def simple_return(panel: Panel, window: int) -> FloatArray:
    """Simple return with dividends reinvested; it reads its two closes only, not those between them."""
    before = lag(panel.total_return_close, panel.starts, window)
    return (panel.total_return_close - before) / before
