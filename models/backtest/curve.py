"""What an equity curve says, one definition per measure; compiled, so that a million curves take seconds.

Equal to empyrical-reloaded's functions of the same meaning: cum_returns_final, annual_return,
annual_volatility, sharpe_ratio, sortino_ratio, calmar_ratio, max_drawdown, value_at_risk,
conditional_value_at_risk, tail_ratio, beta, alpha.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Series = NDArray[np.float64]

SESSIONS_PER_YEAR = 252.0  # the exchanges' usual count, and empyrical's
TAIL = 0.05  # of VaR, CVaR and the tail ratio: the field's usual 95 %
MEASURES = (
    "total_return", "annual_return", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio",
    "max_drawdown", "drawdown_sessions", "value_at_risk", "conditional_value_at_risk", "tail_ratio",
    "beta", "alpha",
)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def measure_curve(equity: Series, benchmark: Series, rate: float, scratch: Series, out: Series) -> None:
    """Measure a curve.

    Args:
        equity: [T] account value at each close, > 0 or lost for good.
        benchmark: [T] the benchmark's return from the close before to each; NaN where there is none, and
            then alpha and beta are NaN.
        rate: risk-free, per session.
        scratch: [T - 1] or longer, overwritten.
        out: [len(MEASURES)], filled: fractions; drawdown_sessions is the longest stretch below a peak.
            NaN while undefined: everything below two values, ratios without a deviation.
    """
    out[:] = np.nan
    count = len(equity) - 1
    if count < 1:
        return
    mean, market = 0.0, 0.0
    for t in range(1, count + 1):
        scratch[t - 1] = equity[t] / equity[t - 1] - 1.0 if equity[t - 1] > 0.0 else 0.0
    for t in range(1, count + 1):
        mean += scratch[t - 1]
        market += benchmark[t]
    mean, market = mean / count, market / count
    squares, downside, together, market_squares = 0.0, 0.0, 0.0, 0.0
    for t in range(1, count + 1):
        off, other, short = scratch[t - 1] - mean, benchmark[t] - market, min(scratch[t - 1] - rate, 0.0)
        squares += off * off
        downside += short * short
        market_squares += other * other
        together += off * other
    peak, worst, below, longest = equity[0], 0.0, 0, 0
    for t in range(1, count + 1):
        if equity[t] >= peak:
            peak, below = equity[t], 0
        else:
            below += 1
            longest = max(longest, below)
            if equity[t] < peak * (1.0 + worst):
                worst = equity[t] / peak - 1.0
    growth = max(equity[count] / equity[0], 0.0)
    out[0] = growth - 1.0
    out[1] = growth ** (SESSIONS_PER_YEAR / count) - 1.0
    out[6] = worst
    out[7] = longest
    if worst < 0.0:
        out[5] = out[1] / -worst
    deviation = math.sqrt(squares / (count - 1)) if count > 1 else math.nan
    annual = math.sqrt(SESSIONS_PER_YEAR)
    out[2] = deviation * annual
    if deviation > 0.0:
        out[3] = (mean - rate) / deviation * annual
    if downside > 0.0:
        out[4] = (mean - rate) * annual / math.sqrt(downside / count)
    _measure_tails(scratch[:count], out)
    if market_squares > 0.0:  # false for NaN
        beta = together / market_squares
        out[11] = beta
        out[12] = (1.0 + mean - rate - beta * (market - rate)) ** SESSIONS_PER_YEAR - 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _measure_tails(returns: Series, out: Series) -> None:
    """Fill in what needs the returns in order: partly ordered in place, quantiles as numpy interpolates them."""
    last = len(returns) - 1
    low = int(last * TAIL)
    _select(returns, 0, last, low)
    total = 0.0
    for i in range(low + 1):
        total += returns[i]
    out[9] = total / (low + 1)
    floor = _between(returns, low, last * TAIL - low)
    out[8] = floor
    place = last * (1.0 - TAIL)
    high = int(place)
    if high > low:
        _select(returns, low + 1, last, high)
    ceiling = _between(returns, high, place - high)
    if floor != 0.0:
        out[10] = abs(ceiling) / abs(floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _between(values: Series, at: int, part: float) -> float:
    """Return the value a part of the way from the at-th smallest to the next, which lies right of it."""
    if part <= 0.0 or at + 1 >= len(values):
        return values[at]
    above = values[at + 1]
    for i in range(at + 2, len(values)):
        above = min(above, values[i])
    return values[at] + (above - values[at]) * part


@njit(cache=True, nogil=True, error_model="numpy")
def _select(values: Series, left: int, right: int, k: int) -> None:
    """Put the k-th smallest in its place, smaller ones left of it (Hoare (1961), Algorithm 65: Find)."""
    while left < right:
        pivot = values[(left + right) >> 1]
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            right = j
        elif k >= i:
            left = i
        else:
            return
