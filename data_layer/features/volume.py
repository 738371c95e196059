"""Volume: how much is traded, and on which side."""

from __future__ import annotations

import numpy as np

from data_layer.features.elementwise import lagged, middle, share_of_sum
from data_layer.features.kernels import rolling_mean, rolling_mean_std
from data_layer.features.layout import FloatArray
from data_layer.features.momentum import ROUNDING, change, typical_price
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import exponential_mean, oscillator_of_sums, running_sum
from data_layer.features.registry import indicator
from data_layer.features.returns import one_session_return
from data_layer.features.trend_kernels import flow_sides, placed_flow, side_sum

EASE_SCALE = 1e8  # shares; pandas-ta's divisor, which brings liquid stocks' values near 1


def mean_volume(panel: Panel, window: int) -> FloatArray:
    """Mean volume of the window."""
    return rolling_mean(panel.volume, window)


def money_flow(panel: Panel) -> FloatArray:
    """Volume times the close's place in the range, -1 at the low and 1 at the high; 0 in a session without range."""
    return placed_flow(panel.high, panel.low, panel.close, panel.volume)


@indicator(
    "volume_mean_{window}", formula="mean volume of the last {window} sessions, this one included",
    inputs=("volume",), windows=(5, 10, 20, 50), warm_up=lambda window: window - 1, unit="volume",
    value_range=(0.0, None), equals="TA-Lib SMA(volume, {window})",
)  # fmt: skip
def average_volume(panel: Panel, window: int) -> FloatArray:
    """Mean split-adjusted volume."""
    return panel.once(mean_volume, window)


@indicator(
    "volume_ratio_{window}", formula="volume over its mean of the last {window} sessions, this one included",
    inputs=("volume",), windows=(5, 20, 50), warm_up=lambda window: window - 1, unit="ratio",
    value_range=(0.0, 50.0), equals="volume / TA-Lib SMA(volume, {window})",
)  # fmt: skip
def volume_ratio(panel: Panel, window: int) -> FloatArray:
    """Relative volume, at most `window`; NaN when nothing was traded in the whole window."""
    return panel.volume / panel.once(mean_volume, window)


@indicator(
    "volume_zscore_{window}", formula="(volume - volume_mean_{window}) / its standard deviation (ddof 0)",
    inputs=("volume",), windows=(20,), warm_up=lambda window: window - 1, unit="ratio",
    equals="(volume - TA-Lib SMA(volume, {window})) / STDDEV(volume, {window})",
)  # fmt: skip
def volume_score(panel: Panel, window: int) -> FloatArray:
    """Standard score of the volume; none when the volume does not vary."""
    spread = rolling_mean_std(panel.volume, window, 0)[1]
    return (panel.volume - panel.once(mean_volume, window)) / spread


@indicator(
    "obv", formula="running sum of the volume, added when the close rises, taken away when it falls",
    inputs=("close", "volume"), windows=(1,), warm_up=lambda window: 0, unit="volume",
    equals="TA-Lib OBV(close, volume)",
)  # fmt: skip
def on_balance_volume(panel: Panel, window: int) -> FloatArray:
    """Granville's (1963) on-balance volume from the symbol's first session, whose own volume counts in full."""
    return side_sum(panel.close, panel.volume)


@indicator(
    "ad", formula="running sum of volume * ((close - low) - (high - close)) / (high - low)",
    inputs=("high", "low", "close", "volume"), windows=(1,), warm_up=lambda window: 0, unit="volume",
    equals="TA-Lib AD(high, low, close, volume)",
)  # fmt: skip
def accumulation(panel: Panel, window: int) -> FloatArray:
    """Chaikin's accumulation and distribution line; a session without range adds nothing."""
    return running_sum(panel.once(money_flow))


@indicator(
    "adosc", formula="3-session less {window}-session EMA of ad, both seeded with its first value",
    inputs=("high", "low", "close", "volume"), windows=(10,), warm_up=lambda window: window - 1, unit="volume",
    equals="TA-Lib ADOSC(high, low, close, volume, 3, {window})",
)  # fmt: skip
def accumulation_oscillator(panel: Panel, window: int) -> FloatArray:
    """Chaikin's oscillator."""
    return oscillator_of_sums(panel.once(money_flow), 3, window)


@indicator(
    "cmf_{window}", formula="sum of money flow volume over sum of volume, {window} sessions",
    inputs=("high", "low", "close", "volume"), windows=(20,), warm_up=lambda window: window - 1, unit="ratio",
    value_range=(-1.0, 1.0), equals="pandas-ta-classic cmf(high, low, close, volume, {window})",
)  # fmt: skip
def chaikin_flow(panel: Panel, window: int) -> FloatArray:
    """Chaikin's money flow; none when nothing was traded."""
    return rolling_mean(panel.once(money_flow), window) / panel.once(mean_volume, window)


@indicator(
    "mfi_{window}",
    formula="100 * rising / (rising + falling) sum of typical price * volume over {window} sessions",
    inputs=("high", "low", "close", "volume"), windows=(14,), warm_up=lambda window: window, unit="points",
    value_range=(0.0, 100.0),
    equals="TA-Lib MFI(high, low, close, volume, {window}), except in windows with an unchanged typical price",
)  # fmt: skip
def money_flow_index(panel: Panel, window: int) -> FloatArray:
    """Quong and Soudack's (1989) money flow index; an unchanged typical price counts on neither side.

    Unchanged means but for rounding, which decides in TA-Lib whether the thirds of two sums are equal.
    """
    rises, falls = flow_sides(panel.once(typical_price), panel.volume, ROUNDING)
    rising, falling = rolling_mean(rises, window), rolling_mean(falls, window)
    return np.asarray(share_of_sum(rising, falling))


@indicator(
    "vwap_{window}", formula="sum of typical price * volume over sum of volume, {window} sessions",
    inputs=("high", "low", "close", "volume"), windows=(5, 20, 60), warm_up=lambda window: window - 1,
    unit="price", value_range=(0.0, None),
    equals="TA-Lib SMA(TYPPRICE(high, low, close) * volume, {window}) / SMA(volume, {window})",
)  # fmt: skip
def volume_weighted_price(panel: Panel, window: int) -> FloatArray:
    """Volume-weighted average price of a window of daily bars; none when nothing was traded."""
    flow = panel.once(typical_price) * panel.volume
    return rolling_mean(flow, window) / panel.once(mean_volume, window)


@indicator(
    "force_index_{window}", formula="exponential mean over {window} of the close's change * volume",
    inputs=("close", "volume"), windows=(13,), warm_up=lambda window: window, unit="USD",
    equals="TA-Lib EMA(change of close * volume, {window})",
)  # fmt: skip
def force_index(panel: Panel, window: int) -> FloatArray:
    """Elder's (1993) force index, his 13 sessions."""
    return exponential_mean(panel.once(change) * panel.volume, window, 0)


@indicator(
    "ease_of_movement_{window}",
    formula="mean over {window} of the mid price's change * (high - low) * 1e8 / volume",
    inputs=("high", "low", "volume"), windows=(14,), warm_up=lambda window: window, unit="price^2 per share",
    equals="pandas-ta-classic eom(high, low, close, volume, {window}), except NaN without volume",
)  # fmt: skip
def ease_of_movement(panel: Panel, window: int) -> FloatArray:
    """Arms' ease of movement."""
    level = middle(panel.high, panel.low)
    moved = lagged(np.subtract, level, before=level, rows=1)
    ease = moved * (panel.high - panel.low) * EASE_SCALE / panel.volume
    ease[~np.isfinite(ease)] = np.nan
    return rolling_mean(ease, window)


@indicator(
    "dollar_volume_{window}", formula="mean of close * volume over {window} sessions", inputs=("close", "volume"),
    windows=(20,), warm_up=lambda window: window - 1, unit="USD", value_range=(0.0, None),
    equals="TA-Lib SMA(close * volume, {window})",
)  # fmt: skip
def dollar_volume(panel: Panel, window: int) -> FloatArray:
    """Money traded a session, the usual measure of liquidity."""
    return rolling_mean(panel.close * panel.volume, window)


@indicator(
    "illiquidity_{window}", formula="1e6 * mean of |return_1| / (close * volume) over {window} sessions",
    inputs=("close", "total_return_close", "volume"), windows=(20,), warm_up=lambda window: window,
    unit="fraction per million USD", value_range=(0.0, None),
)  # fmt: skip
def illiquidity(panel: Panel, window: int) -> FloatArray:
    """Amihud's (2002) illiquidity; none while a session of the window traded nothing."""
    impact = np.abs(panel.once(one_session_return)) * 1e6 / (panel.close * panel.volume)
    impact[~np.isfinite(impact)] = np.nan
    return rolling_mean(impact, window)
