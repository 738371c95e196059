"""Returns and their statistics, dividends reinvested."""

from __future__ import annotations

import numpy as np

from data_layer.features.averages import mean_close
from data_layer.features.elementwise import excess, gain, lagged
from data_layer.features.extreme_kernels import rolling_max
from data_layer.features.kernels import lag, rolling_mean, rolling_mean_std
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import central_moments, rolling_comoments
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import running_max
from data_layer.features.registry import indicator


def one_session_return(panel: Panel) -> FloatArray:
    """Simple total return since the session before."""
    return lagged(gain, panel.total_return_close, before=panel.total_return_close, rows=1)


def mean_return(panel: Panel, window: int) -> FloatArray:
    """Mean of the last returns."""
    return rolling_mean(panel.once(one_session_return), window)


def moments(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Second to fourth central moments of the last returns."""
    returns = panel.once(one_session_return)
    return central_moments(returns, panel.once(mean_return, window), window)


@indicator(
    "return_{window}", formula="total-return close over that of {window} sessions before, less 1",
    inputs=("total_return_close",), windows=(1, 2, 3, 5, 10, 20, 60, 120, 252), warm_up=lambda window: window,
    unit="fraction", value_range=(-1.0, None), equals="TA-Lib ROCP(total-return close, {window})",
)  # fmt: skip
def simple_return(panel: Panel, window: int) -> FloatArray:
    """Simple return with dividends reinvested; it reads its two closes only, not those between them."""
    return lagged(gain, panel.total_return_close, before=panel.total_return_close, rows=window)


@indicator(
    "log_return_{window}", formula="natural logarithm of the total-return close over that of {window} sessions before",
    inputs=("total_return_close",), windows=(1, 5, 10, 20, 60, 120, 252), warm_up=lambda window: window,
    unit="log", equals="TA-Lib LN(ROCR(total-return close, {window}))",
)  # fmt: skip
def log_return(panel: Panel, window: int) -> FloatArray:
    """Logarithmic return, which adds up over time."""
    return np.log(lagged(np.divide, panel.total_return_close, before=panel.total_return_close, rows=window))


@indicator(
    "return_mean_{window}", formula="mean of the last {window} of return_1", inputs=("total_return_close",),
    windows=(20, 60), warm_up=lambda window: window, unit="fraction",
    equals="TA-Lib SMA(return_1, {window})",
)  # fmt: skip
def average_return(panel: Panel, window: int) -> FloatArray:
    """Mean daily return."""
    return panel.once(mean_return, window)


@indicator(
    "return_std_{window}", formula="standard deviation (ddof 1) of the last {window} of return_1",
    inputs=("total_return_close",), windows=(5, 20, 60), warm_up=lambda window: window, unit="fraction",
    value_range=(0.0, None), equals="pandas rolling({window}).std of return_1",
)  # fmt: skip
def deviation_of_returns(panel: Panel, window: int) -> FloatArray:
    """Daily volatility; volatility_{window} is the same per year."""
    return rolling_mean_std(panel.once(one_session_return), window, 1)[1]


@indicator(
    "return_skew_{window}", formula="bias-corrected skewness of the last {window} of return_1",
    inputs=("total_return_close",), windows=(20, 60), warm_up=lambda window: window, unit="ratio",
    equals="pandas rolling({window}).skew of return_1",
)  # fmt: skip
def skewness_of_returns(panel: Panel, window: int) -> FloatArray:
    """Adjusted Fisher-Pearson skewness, as pandas and Excel; none on equal returns."""
    second, third, _ = panel.once(moments, window)
    return np.asarray(np.sqrt(window * (window - 1.0)) / (window - 2.0) * third / second**1.5)


@indicator(
    "return_kurtosis_{window}", formula="bias-corrected excess kurtosis of the last {window} of return_1",
    inputs=("total_return_close",), windows=(20, 60), warm_up=lambda window: window, unit="ratio",
    equals="pandas rolling({window}).kurt of return_1",
)  # fmt: skip
def kurtosis_of_returns(panel: Panel, window: int) -> FloatArray:
    """Excess kurtosis, 0 for a normal law, as pandas and Excel; none on equal returns."""
    second, _, fourth = panel.once(moments, window)
    scale = (window - 1.0) / ((window - 2.0) * (window - 3.0))
    return scale * ((window + 1.0) * fourth / second**2 - 3.0 * (window - 1.0))


@indicator(
    "return_autocorrelation_{window}",
    formula="correlation of return_1 with return_1 of the session before, over the last {window} such pairs",
    inputs=("total_return_close",), windows=(20, 60), warm_up=lambda window: window + 1, unit="ratio",
    value_range=(-1.0, 1.0), equals="TA-Lib CORREL(return_1, return_1 before, {window})",
)  # fmt: skip
def autocorrelation(panel: Panel, window: int) -> FloatArray:
    """First-order autocorrelation; none when one side does not vary."""
    returns = panel.once(one_session_return)
    before = lag(returns, 1)
    own, others, both = rolling_comoments(returns, before, window)
    return both / np.sqrt(own * others)


@indicator(
    "zscore_{window}", formula="(close - sma_{window}) / standard deviation (ddof 0) of the last {window} closes",
    inputs=("close",), windows=(20, 60), warm_up=lambda window: window - 1, unit="ratio",
    equals="(close - TA-Lib SMA(close, {window})) / STDDEV(close, {window})",
)  # fmt: skip
def standard_score(panel: Panel, window: int) -> FloatArray:
    """Standard score of the price in its window; ddof 0 as the Bollinger bands; none on equal closes."""
    spread = rolling_mean_std(panel.close, window, 0)[1]
    return (panel.close - panel.once(mean_close, window)) / spread


@indicator(
    "drawdown", formula="total-return close over its highest since the symbol's first session, less 1",
    inputs=("total_return_close",), windows=(1,), warm_up=lambda window: 0, unit="fraction",
    value_range=(-1.0, 0.0),
)  # fmt: skip
def drawdown(panel: Panel, window: int) -> FloatArray:
    """Fall from the peak; a NaN starts it anew."""
    return np.asarray(excess(panel.total_return_close, running_max(panel.total_return_close)))


@indicator(
    "drawdown_{window}", formula="total-return close over its highest of the last {window} sessions, less 1",
    inputs=("total_return_close",), windows=(60, 252), warm_up=lambda window: window - 1, unit="fraction",
    value_range=(-1.0, 0.0), equals="total-return close / TA-Lib MAX(total-return close, {window}) - 1",
)  # fmt: skip
def rolling_drawdown(panel: Panel, window: int) -> FloatArray:
    """Fall from the highest close of a quarter and of a year."""
    return np.asarray(excess(panel.total_return_close, rolling_max(panel.total_return_close, window)))


def with_market(panel: Panel, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centred sums of the market's and the symbol's returns."""
    return rolling_comoments(panel.market_return, panel.once(one_session_return), window)


@indicator(
    "beta_{window}", "correlation_{window}",
    formula=(
        "slope of return_1 on the market index's return over the last {window} sessions; none without an index",
        "correlation of return_1 with the market index's return over {window} sessions; none without an index",
    ),
    inputs=("total_return_close", "market_return"), windows=(60, 252), warm_up=lambda window: window,
    unit="ratio",
    equals=(
        "TA-Lib CORREL(market return, return_1, {window}) * STDDEV(return_1) / STDDEV(market return)",
        "TA-Lib CORREL(market return, return_1, {window})",
    ),
)  # fmt: skip
def market_relation(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Beta and correlation to the market index; none when it does not vary.

    The market's return is an input column of the symbol's own bars (`with_market_return`), so that a row still
    depends on nothing but its own symbol's bars.
    """
    market, own, both = panel.once(with_market, window)
    return both / market, both / np.sqrt(market * own)
