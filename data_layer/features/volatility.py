"""Volatility: how widely prices move."""

from __future__ import annotations

import numpy as np

from data_layer.features.averages import exponential_close
from data_layer.features.elementwise import lagged, middle, percent_of, range_since
from data_layer.features.extreme_kernels import rolling_max
from data_layer.features.kernels import lag, rolling_mean, rolling_mean_std
from data_layer.features.layout import FloatArray
from data_layer.features.momentum import highest, lowest
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import wilder_mean
from data_layer.features.registry import indicator
from data_layer.features.returns import one_session_return

SESSIONS_PER_YEAR = 252  # of the New York exchanges, and empyrical's
KELTNER_RANGE, KELTNER_WIDTH = 10, 2.0  # Raschke's lengths, the charting packages' default
YANG_ZHANG_ALPHA = 0.34  # Yang and Zhang (2000): the value of least variance for small drift


def true_range(panel: Panel) -> FloatArray:
    """Wilder's (1978) true range; none on the first bar, for there is none before it."""
    return lagged(range_since, panel.high, panel.low, before=panel.close, rows=1)


def average_range(panel: Panel, window: int) -> FloatArray:
    """Wilder's mean of the true range."""
    return wilder_mean(panel.once(true_range), window)


@indicator(
    "true_range", formula="max(high, close before) - min(low, close before)", inputs=("high", "low", "close"),
    windows=(1,), warm_up=lambda window: window, unit="price", value_range=(0.0, None),
    equals="TA-Lib TRANGE(high, low, close)",
)  # fmt: skip
def range_of_session(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) true range."""
    return panel.once(true_range)


@indicator(
    "atr_{window}",
    formula="Wilder's mean over {window} of the true range, max(high, close before) - min(low, close before)",
    inputs=("high", "low", "close"), windows=(7, 14, 20), warm_up=lambda window: window, unit="price",
    value_range=(0.0, None), equals="TA-Lib ATR(high, low, close, {window})",
)  # fmt: skip
def average_true_range(panel: Panel, window: int) -> FloatArray:
    """Wilder's (1978) average true range; it starts at the second bar, for the first has none before it."""
    return panel.once(average_range, window)


@indicator(
    "natr_{window}", formula="100 * atr_{window} / close", inputs=("high", "low", "close"), windows=(14,),
    warm_up=lambda window: window, unit="points", value_range=(0.0, None),
    equals="TA-Lib NATR(high, low, close, {window})",
)  # fmt: skip
def normalised_range(panel: Panel, window: int) -> FloatArray:
    """Average true range in percent of the price."""
    return np.asarray(percent_of(panel.once(average_range, window), panel.close))


@indicator(
    "keltner_upper", "keltner_middle", "keltner_lower",
    formula=("ema_{window} plus 2 * atr of 10", "ema_{window}", "ema_{window} less 2 * atr of 10"),
    inputs=(("high", "low", "close"), ("close",), ("high", "low", "close")), windows=(20,),
    warm_up=lambda window: window - 1, unit="price",
    equals=(
        "TA-Lib EMA(close, {window}) + 2 * ATR(high, low, close, 10)", "TA-Lib EMA(close, {window})",
        "TA-Lib EMA(close, {window}) - 2 * ATR(high, low, close, 10)",
    ),
)  # fmt: skip
def keltner_channel(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Keltner's (1960) channel in Raschke's form."""
    centre = panel.once(exponential_close, window)
    width = KELTNER_WIDTH * panel.once(average_range, KELTNER_RANGE)
    return centre + width, centre, centre - width


def channel(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Highest high, the middle, and lowest low."""
    top, bottom = panel.once(highest, window), panel.once(lowest, window)
    return top, middle(top, bottom), bottom


@indicator(
    "donchian_upper_{window}", "donchian_middle_{window}", "donchian_lower_{window}",
    formula=(
        "highest high of {window} sessions", "mean of donchian_upper_{window} and donchian_lower_{window}",
        "lowest low of {window} sessions",
    ),
    inputs=(("high",), ("high", "low"), ("low",)), windows=(20, 55), warm_up=lambda window: window - 1, unit="price",
    value_range=(0.0, None),
    equals=("TA-Lib MAX(high, {window})", "TA-Lib MIDPRICE(high, low, {window})", "TA-Lib MIN(low, {window})"),
)  # fmt: skip
def donchian_channel(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Donchian's channel, this session included; 20 and 55 are the turtle traders' lengths."""
    return panel.once(channel, window)


@indicator(
    "volatility_{window}",
    formula="standard deviation (ddof 1) of the last {window} of return_1, times the square root of 252",
    inputs=("total_return_close",), windows=(10, 20, 60, 252), warm_up=lambda window: window,
    unit="fraction per year", value_range=(0.0, None),
    equals="empyrical annual_volatility(the last {window} of return_1)",
)  # fmt: skip
def historical_volatility(panel: Panel, window: int) -> FloatArray:
    """Annualised volatility of simple returns; 0 on equal ones. ddof 1: it estimates from a sample."""
    daily = rolling_mean_std(panel.once(one_session_return), window, 1)[1]
    return np.asarray(daily * np.sqrt(SESSIONS_PER_YEAR))


def log_ratios(panel: Panel) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logarithms of high, low and close over the open; nothing where a price is not above 0."""
    return np.log(panel.high / panel.open), np.log(panel.low / panel.open), np.log(panel.close / panel.open)


def rogers_satchell_terms(panel: Panel) -> FloatArray:
    """One session's term of Rogers and Satchell (1991)."""
    up, down, end = panel.once(log_ratios)
    return up * (up - end) + down * (down - end)


def annual(panel: Panel, terms: FloatArray, window: int) -> FloatArray:
    """Root of the mean of daily variances, per year; a mean below 0 (bad bars) has none."""
    return np.sqrt(rolling_mean(terms, window) * SESSIONS_PER_YEAR)


@indicator(
    "parkinson_{window}", formula="root of 252 * mean of ln(high / low)^2 / (4 ln 2) over {window} sessions",
    inputs=("high", "low"), windows=(20, 60), warm_up=lambda window: window - 1,
    unit="fraction per year", value_range=(0.0, None),
)  # fmt: skip
def parkinson(panel: Panel, window: int) -> FloatArray:
    """Parkinson's (1980) volatility from the session's range."""
    return annual(panel, np.log(panel.high / panel.low) ** 2 / (4.0 * np.log(2.0)), window)


@indicator(
    "garman_klass_{window}",
    formula="root of 252 * mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) * ln(close / open)^2 over {window} sessions",
    inputs=("open", "high", "low", "close"), windows=(20, 60), warm_up=lambda window: window - 1,
    unit="fraction per year", value_range=(0.0, None),
)  # fmt: skip
def garman_klass(panel: Panel, window: int) -> FloatArray:
    """Garman and Klass' (1980) volatility from open, high, low and close."""
    up, down, end = panel.once(log_ratios)
    return annual(panel, 0.5 * (up - down) ** 2 - (2.0 * np.log(2.0) - 1.0) * end**2, window)


@indicator(
    "rogers_satchell_{window}",
    formula="root of 252 * mean of u * (u - c) + d * (d - c) over {window} sessions, logs over the open",
    inputs=("open", "high", "low", "close"), windows=(20, 60), warm_up=lambda window: window - 1,
    unit="fraction per year", value_range=(0.0, None),
)  # fmt: skip
def rogers_satchell(panel: Panel, window: int) -> FloatArray:
    """Rogers and Satchell's (1991) volatility, which a drift does not bias."""
    return annual(panel, panel.once(rogers_satchell_terms), window)


@indicator(
    "yang_zhang_{window}",
    formula="root of 252 * (overnight variance + k * open-to-close variance + (1 - k) * Rogers-Satchell mean), "
            "k = 0.34 / (1.34 + (n + 1) / (n - 1)), n = {window}",
    inputs=("open", "high", "low", "close"), windows=(20, 60), warm_up=lambda window: window,
    unit="fraction per year", value_range=(0.0, None),
)  # fmt: skip
def yang_zhang(panel: Panel, window: int) -> FloatArray:
    """Yang and Zhang's (2000) volatility, overnight jumps included (ex-dividend ones too); ddof 1 as theirs."""
    overnight = np.log(panel.open / lag(panel.close, 1))
    share = YANG_ZHANG_ALPHA / (1.0 + YANG_ZHANG_ALPHA + (window + 1) / (window - 1))
    variance = (
        rolling_mean_std(overnight, window, 1)[1] ** 2
        + share * rolling_mean_std(panel.once(log_ratios)[2], window, 1)[1] ** 2
        + (1.0 - share) * rolling_mean(panel.once(rogers_satchell_terms), window)
    )
    return np.sqrt(variance * SESSIONS_PER_YEAR)


@indicator(
    "ulcer_index_{window}",
    formula="root of the mean of squares of 100 * (close / highest close of {window} - 1), over {window} sessions",
    inputs=("close",), windows=(14,), warm_up=lambda window: 2 * window - 2, unit="points",
    value_range=(0.0, None),
)  # fmt: skip
def ulcer_index(panel: Panel, window: int) -> FloatArray:
    """Martin's (1987) ulcer index."""
    fall = 100.0 * (panel.close / rolling_max(panel.close, window) - 1.0)
    return np.sqrt(rolling_mean(fall * fall, window))
