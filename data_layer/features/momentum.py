"""Momentum: how strong and how far prices have moved."""

from __future__ import annotations

from functools import partial

import numpy as np

from data_layer.features.averages import mean_close
from data_layer.features.elementwise import (
    balance,
    depth_between,
    excess,
    freshness,
    lagged,
    mean_of_three,
    middle,
    percent_excess,
    place_between,
    share_of_sum,
    while_known,
)
from data_layer.features.extreme_kernels import rolling_max, rolling_min, rolling_peak
from data_layer.features.kernels import rolling_mean
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import distance_in_deviations
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import exponential_mean, wilder_sides
from data_layer.features.registry import Output, indicator

CCI_SCALE = 0.015  # Lambert (1980): puts most values between -100 and 100
SMOOTHING = 3  # Lane's (1984) slow stochastic
FLAT_STRENGTH = 1e-6  # points; while prices stand still the index moves by its rounding alone
ROUNDING = 1e-13  # of a price, far below a cent and far above what a sum of some hundred prices loses


def change(panel: Panel) -> FloatArray:
    """Change of the close since the session before."""
    return lagged(np.subtract, panel.close, before=panel.close, rows=1)


def gain_and_loss(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Wilder's means of the rises and of the falls."""
    return wilder_sides(panel.once(change), window)


def relative_strength(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) relative strength index."""
    gain, loss = panel.once(gain_and_loss, window)
    return np.asarray(share_of_sum(gain, loss))


def highest(panel: Panel, window: int) -> FloatArray:
    """Highest high of the window."""
    return rolling_max(panel.high, window)


def lowest(panel: Panel, window: int) -> FloatArray:
    """Lowest low of the window."""
    return rolling_min(panel.low, window)


def typical_price(panel: Panel) -> FloatArray:
    """Mean of high, low and close."""
    return np.asarray(mean_of_three(panel.high, panel.low, panel.close))


def aroon_up(panel: Panel, window: int) -> FloatArray:
    """How lately the highest high was."""
    return np.asarray(freshness(rolling_peak(panel.high, window + 1, True)[1], window))


def aroon_down(panel: Panel, window: int) -> FloatArray:
    """How lately the lowest low was."""
    return np.asarray(freshness(rolling_peak(-panel.low, window + 1, True)[1], window))


@indicator(
    "rsi_{window}",
    formula="100 * mean gain / (mean gain + mean loss) of the close's changes, Wilder's means over {window}",
    inputs=("close",), windows=(7, 14, 21), warm_up=lambda window: window, unit="points",
    value_range=(0.0, 100.0),
    equals="TA-Lib RSI(close, {window}), except NaN where no close has changed yet (TA-Lib: 0)",
)  # fmt: skip
def relative_strength_index(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) relative strength index.

    Without a single change since its start it is 0 / 0 and NaN; TA-Lib's 0 there (and on means below 1e-14)
    would read as the deepest oversold.
    """
    return panel.once(relative_strength, window)


@indicator(
    "cmo_{window}",
    formula="100 * (mean gain - mean loss) / (mean gain + mean loss), Wilder's means over {window}",
    inputs=("close",), windows=(14,), warm_up=lambda window: window, unit="points",
    value_range=(-100.0, 100.0), equals="TA-Lib CMO(close, {window}), with the exception of rsi",
)  # fmt: skip
def chande_oscillator(panel: Panel, window: int) -> FloatArray:
    """Chande's (1994) momentum oscillator, with TA-Lib's Wilder means."""
    gain, loss = panel.once(gain_and_loss, window)
    return np.asarray(balance(gain, loss))


@indicator(
    "roc_{window}", formula="100 * (close / close {window} sessions before - 1)", inputs=("close",),
    windows=(5, 10, 20, 60), warm_up=lambda window: window, unit="points", value_range=(-100.0, None),
    equals="TA-Lib ROC(close, {window})",
)  # fmt: skip
def rate_of_change(panel: Panel, window: int) -> FloatArray:
    """Rate of change of the price alone, without dividends, in percent as the chart packages have it."""
    return lagged(percent_excess, panel.close, before=panel.close, rows=window)


@indicator(
    "mom_{window}", formula="close less the close {window} sessions before", inputs=("close",),
    windows=(10, 20), warm_up=lambda window: window, unit="price", equals="TA-Lib MOM(close, {window})",
)  # fmt: skip
def momentum(panel: Panel, window: int) -> FloatArray:
    """Momentum in money."""
    return lagged(np.subtract, panel.close, before=panel.close, rows=window)


@indicator(
    "stochastic_k", "stochastic_d",
    formula=(
        "3-session mean of 100 * (close - lowest low) / (highest high - lowest low) of {window} sessions",
        "3-session mean of stochastic_k",
    ),
    inputs=("high", "low", "close"), windows=(14,), warm_up=lambda window: window + 2 * SMOOTHING - 3,
    unit="points", value_range=(0.0, 100.0),
    equals=(
        "TA-Lib STOCH(high, low, close, {window}, 3, 0, 3, 0), first, except NaN in windows without range",
        "TA-Lib STOCH(high, low, close, {window}, 3, 0, 3, 0), second, except NaN in windows without range",
    ),
)  # fmt: skip
def stochastic(panel: Panel, window: int) -> tuple[Output, FloatArray]:
    """Lane's (1984) slow stochastic; both begin with the second line, as in TA-Lib."""
    fast = place_between(panel.close, panel.once(lowest, window), panel.once(highest, window))
    slow = rolling_mean(fast, SMOOTHING)
    signal = rolling_mean(slow, SMOOTHING)
    return lambda: while_known(slow, signal), signal


@indicator(
    "stoch_rsi_k", "stoch_rsi_d",
    formula=(
        "100 * (rsi_{window} - its lowest) / (its highest - its lowest) of {window} sessions",
        "3-session mean of stoch_rsi_k",
    ),
    inputs=("close",), windows=(14,), warm_up=lambda window: 2 * window + SMOOTHING - 2, unit="points",
    value_range=(0.0, 100.0),
    equals=(
        "TA-Lib STOCHRSI(close, {window}, {window}, 3, 0), first, with the exception of rsi",
        "TA-Lib STOCHRSI(close, {window}, {window}, 3, 0), second, with the exception of rsi",
    ),
)  # fmt: skip
def stochastic_strength(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Stochastic of the relative strength index (Chande and Kroll 1994), unsmoothed; none while that is flat."""
    strength = panel.once(relative_strength, window)
    floor = rolling_min(strength, window)
    span = rolling_max(strength, window) - floor
    span[span <= FLAT_STRENGTH] = np.nan
    fast = 100.0 * ((strength - floor) / span)
    signal = rolling_mean(fast, SMOOTHING)
    return fast + signal * 0.0, signal


@indicator(
    "williams_r_{window}", formula="-100 * (highest high - close) / (highest high - lowest low) of {window} sessions",
    inputs=("high", "low", "close"), windows=(14,), warm_up=lambda window: window - 1, unit="points",
    value_range=(-100.0, 0.0),
    equals="TA-Lib WILLR(high, low, close, {window}), except NaN in windows without range (TA-Lib: 0)",
)  # fmt: skip
def williams_range(panel: Panel, window: int) -> FloatArray:
    """Williams' (1979) %R."""
    return np.asarray(depth_between(panel.close, panel.once(lowest, window), panel.once(highest, window)))


@indicator(
    "cci_{window}",
    formula="(typical price - its mean) / (0.015 * its mean distance from that mean), over {window} sessions",
    inputs=("high", "low", "close"), windows=(14, 20), warm_up=lambda window: window - 1, unit="points",
    equals="TA-Lib CCI(high, low, close, {window}), except NaN on equal prices (TA-Lib: 0)", version=2,
)  # fmt: skip
def channel_index(panel: Panel, window: int) -> FloatArray:
    """Lambert's (1980) commodity channel index."""
    typical = panel.once(typical_price)
    mean = rolling_mean(typical, window)
    return distance_in_deviations(typical, mean, window, CCI_SCALE, ROUNDING)


@indicator(
    "trix_{window}", formula="change in percent of the close smoothed by three EMAs of {window} in a row",
    inputs=("close",), windows=(15,), warm_up=lambda window: 3 * window - 2, unit="points",
    equals="TA-Lib TRIX(close, {window})",
)  # fmt: skip
def triple_momentum(panel: Panel, window: int) -> FloatArray:
    """Hutson's (1983) TRIX."""
    level = panel.close
    for _ in range(3):
        level = exponential_mean(level, window, 0)
    return lagged(percent_excess, level, before=level, rows=1)


@indicator(
    "tsi", formula="100 * smoothed change / smoothed |change| of the close, each an EMA of {window}, then one of 13",
    inputs=("close",), windows=(25,), warm_up=lambda window: window + 12, unit="points",
    value_range=(-100.0, 100.0),
    equals="TA-Lib EMA(EMA(change, {window}), 13) / EMA(EMA(|change|, {window}), 13)",
)  # fmt: skip
def true_strength(panel: Panel, window: int) -> FloatArray:
    """Blau's (1991) true strength index."""
    moved = panel.once(change)
    up = exponential_mean(exponential_mean(moved, window, 0), 13, 0)
    path = exponential_mean(exponential_mean(np.abs(moved), window, 0), 13, 0)
    return 100.0 * (up / path)


@indicator(
    "aroon_up_{window}", "aroon_down_{window}", "aroon_oscillator_{window}",
    formula=(
        "100 * (1 - sessions since the highest high of the last {window} + 1 / {window}), the latest of equal ones",
        "100 * (1 - sessions since the lowest low of the last {window} + 1 / {window}), the latest of equal ones",
        "aroon_up_{window} less aroon_down_{window}",
    ),
    inputs=(("high",), ("low",), ("high", "low")), windows=(14,), warm_up=lambda window: window, unit="points",
    value_range=(-100.0, 100.0),
    equals=(
        "TA-Lib AROON(high, low, {window}), second", "TA-Lib AROON(high, low, {window}), first",
        "TA-Lib AROONOSC(high, low, {window})",
    ),
)  # fmt: skip
def aroon(panel: Panel, window: int) -> tuple[Output, Output, Output]:
    """Chande's (1995) Aroon."""
    up, down = partial(panel.once, aroon_up, window), partial(panel.once, aroon_down, window)
    return up, down, lambda: up() - down()


@indicator(
    "awesome_oscillator", formula="5-session less {window}-session mean of the mid price (high + low) / 2",
    inputs=("high", "low"), windows=(34,), warm_up=lambda window: window - 1, unit="price",
    equals="TA-Lib SMA((high + low) / 2, 5) - SMA((high + low) / 2, {window})",
)  # fmt: skip
def awesome_oscillator(panel: Panel, window: int) -> FloatArray:
    """Williams' (1998) awesome oscillator."""
    level = middle(panel.high, panel.low)
    return rolling_mean(level, 5) - rolling_mean(level, window)


@indicator(
    "bop", formula="(close - open) / (high - low)", inputs=("open", "high", "low", "close"), windows=(1,),
    warm_up=lambda window: 0, unit="ratio",
    equals="TA-Lib BOP(open, high, low, close), except NaN where high is low (TA-Lib: 0)",
)  # fmt: skip
def balance_of_power(panel: Panel, window: int) -> FloatArray:
    """Livshin's (2001) balance of power, one session's."""
    return (panel.close - panel.open) / (panel.high - panel.low)


@indicator(
    "sma_distance_{window}", formula="close / sma_{window} - 1", inputs=("close",), windows=(20, 50, 200),
    warm_up=lambda window: window - 1, unit="fraction", value_range=(-1.0, None),
    equals="close / TA-Lib SMA(close, {window}) - 1",
)  # fmt: skip
def distance_from_average(panel: Panel, window: int) -> FloatArray:
    """How far the price stands from its average."""
    return np.asarray(excess(panel.close, panel.once(mean_close, window)))
