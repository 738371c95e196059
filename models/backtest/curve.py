"""What an equity curve says, one definition per measure; compiled, so that a million curves take seconds.

Equal to empyrical-reloaded's functions of the same meaning: cum_returns_final, annual_return,
annual_volatility, sharpe_ratio, sortino_ratio, calmar_ratio, max_drawdown, value_at_risk,
conditional_value_at_risk, tail_ratio, beta, alpha. A year is 252 returns, in calendar time longer where a symbol lacks
bars: its annual figures are of a year of its own bars.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.backtest.metrics import SESSIONS_PER_YEAR
from models.compiled import njit

Series = NDArray[np.float64]

TAIL = 0.05  # of VaR, CVaR and the tail ratio: the field's usual 95 %
PARTS = (1.5, 1.0, 0.5)  # deviations from the mean beyond which 5 % of most curves' returns lie
FEW = 6  # values: sorting so many by insertion takes less than halving them
MEASURES = (
    "total_return", "annual_return", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio",
    "max_drawdown", "drawdown_sessions", "value_at_risk", "conditional_value_at_risk", "tail_ratio",
    "beta", "alpha",
)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def measure_curve(equity: Series, benchmark: Series, rate: float, scratch: Series, out: Series) -> None:
    """Measure a curve.

    Args:
        equity: [T] account value at each close, > 0 or lost for good.
        benchmark: [T] the benchmark's return from the curve's close before to each; NaN where there is none,
            and then alpha and beta are NaN.
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
    peak, kept, below, longest = equity[0], 1.0, 0, 0
    for t in range(1, count + 1):
        value = equity[t]
        peak = max(peak, value)
        below = below + 1 if value < peak else 0
        longest = max(longest, below)
        if value < peak * kept:
            kept = value / peak
    worst = kept - 1.0
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
    _measure_tails(scratch[:count], mean, deviation, out)
    if market_squares > 0.0:  # false for NaN
        beta = together / market_squares
        out[11] = beta
        out[12] = (1.0 + mean - rate - beta * (market - rate)) ** SESSIONS_PER_YEAR - 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _measure_tails(returns: Series, mean: float, deviation: float, out: Series) -> None:
    """Fill in what needs the returns in order, quantiles as numpy interpolates them."""
    last = len(returns) - 1
    low, high = int(last * TAIL), int(last * (1.0 - TAIL))
    tails = _outer(returns, low + 2, last - high + 1, mean, deviation)
    _select(tails, 0, len(tails) - 1, low)
    total = 0.0
    for i in range(low + 1):
        total += tails[i]
    out[9] = total / (low + 1)
    floor = _between(tails, low, last * TAIL - low)
    out[8] = floor
    from_top = len(tails) - 1 - (last - high)
    if from_top > low:
        _select(tails, low + 1, len(tails) - 1, from_top)
    ceiling = _between(tails, from_top, last * (1.0 - TAIL) - high)
    if floor != 0.0:
        out[10] = abs(ceiling) / abs(floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _outer(values: Series, lowest: int, highest: int, mean: float, deviation: float) -> Series:
    """Return the lowest and the highest values, as many as asked for or more: few are cheaper to put in order."""
    for part in PARTS:
        reach = part * deviation
        below, above = 0, 0
        for i in range(len(values)):  # each in a loop of its own, which the processor does in fours
            below += 1 if mean - values[i] > reach else 0
        for i in range(len(values)):
            above += 1 if values[i] - mean > reach else 0
        if below >= lowest and above >= highest:
            kept, count = np.empty(len(values)), 0
            for i in range(len(values)):  # without a branch: what is not kept is written over
                kept[count] = values[i]
                count += abs(values[i] - mean) > reach
            return kept[:count]
    return values


@njit(cache=True, nogil=True, error_model="numpy")
def _between(values: Series, at: int, part: float) -> float:
    """Return the value a part of the way from the at-th smallest to the next, which lies right of it."""
    if part <= 0.0 or at + 1 >= len(values):
        return float(values[at])
    above = values[at + 1]
    for i in range(at + 2, len(values)):
        above = min(above, values[i])
    return float(values[at] + (above - values[at]) * part)


@njit(cache=True, nogil=True, error_model="numpy")
def _select(values: Series, left: int, right: int, k: int) -> None:
    """Put the k-th smallest in its place, smaller ones left of it: quickselect by the median of three.

    Each pass moves every value, without a branch that the processor would have to guess; few are put in order
    one by one. Values equal to the pivot are passed over together, or a flat curve would take forever.
    """
    while right - left > FEW:
        low, pivot, high = values[left], values[(left + right) >> 1], values[right]
        if pivot < low:
            low, pivot = pivot, low
        if high < pivot:
            pivot = max(low, high)
        below = left
        for i in range(left, right + 1):
            value = values[i]
            values[i], values[below] = values[below], value
            below += value < pivot
        if k < below:
            right = below - 1
            continue
        beyond = below
        for i in range(below, right + 1):
            value = values[i]
            values[i], values[beyond] = values[beyond], value
            beyond += value <= pivot
        if k < beyond or beyond == left:
            return
        left = beyond
    for i in range(left + 1, right + 1):
        value, at = values[i], i
        while at > left and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
