"""Puts a named shock on bars, so that a stress test trades a market that never was.

The index is the equal-weight buy-and-hold portfolio of all symbols with a bar in every session of the
stretch. Whatever betas, sectors, noise and volatility do to the single symbols, the shocked index is

    index'[t] = trend[t] x (index[t] / trend[t]) ^ volatility x (1 + size x path[t])

where trend is the straight line (in logarithms) from the stretch's start to its end: last, all symbols are
scaled together to make it so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.backtest.kernel import CLOSE, DIVIDEND, HIGH, LOW, OPEN, SPLIT, VOLUME
from models.backtest.scenarios import Shock
from models.errors import DataQualityError

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

BETA_SESSIONS = 252  # a year, the usual span of a beta
BETA_BOUNDS = (0.2, 3.0)  # a year's estimate beyond is error more than exposure


def path_of(shock: Shock) -> Series:
    """Return the share of the size reached at each session: [sessions + 1], the first (before it) 0."""
    knots = np.linspace(0.0, shock.sessions, len(shock.path) + 1)
    return np.interp(np.arange(shock.sessions + 1), knots, [0.0, *shock.path])


def shocked_index(index: Series, shock: Shock) -> Series:
    """Return what the shock makes of an index: [sessions + 1], from the session before the stretch."""
    return index * _stir(index[:, None], shock.volatility)[:, 0] * (1.0 + shock.size * path_of(shock))


def betas(returns: Matrix) -> Series:
    """Return each symbol's beta to the mean of all, within BETA_BOUNDS; 1 where it cannot be told.

    Args:
        returns: [T, N] simple returns of the sessions before the shock; NaN without a bar.
    """
    recent = returns[-BETA_SESSIONS:]
    present = np.isfinite(recent)
    count = np.maximum(present.sum(axis=1), 1)
    index = np.where(present, recent, 0.0).sum(axis=1) / count
    # A symbol's own sessions only: one that came late is compared with the index since then.
    number = np.maximum(present.sum(axis=0), 1)
    market = np.where(present, index[:, None], 0.0)
    market = np.where(present, market - market.sum(axis=0) / number, 0.0)
    variance = (market**2).sum(axis=0)
    covariance = (market * np.where(present, recent, 0.0)).sum(axis=0)
    told = (present.sum(axis=0) >= 21) & (variance > 0.0)
    estimate = np.divide(covariance, variance, out=np.ones(recent.shape[1]), where=told)
    bounded: Series = np.clip(estimate, *BETA_BOUNDS)
    return bounded


def shock_bars(bars: Matrix, rows: Index, shock: Shock, exposure: Series, keys: Index) -> Matrix:
    """Return a copy of the bars with the shock on the rows of the stretch.

    A session's multiplier goes on its close, half of its step (in logarithms) on its open: half of the news
    comes overnight. High and low keep their distance beyond open and close, to the power of the volatility.
    Dividends keep their yield. Splits stay.

    Args:
        bars: [R, 9], see kernel.
        rows: [sessions + 1, N] row of each symbol's bar, from the session before the stretch; -1 without one.
        shock: what to do.
        exposure: [N] how much of the size each symbol takes, 1 for all of it.
        keys: [N] a number per symbol that makes its noise its own, whoever else is there.

    Raises:
        DataQualityError: when no symbol has a bar in every session of the stretch.
    """
    held = rows >= 0
    through = held.all(axis=0)
    if not through.any():
        raise DataQualityError("no symbol trades through the whole stretch", stage="scenarios", key="sessions",
                               value=shock.sessions, remedy="load more bars, or shorten the stress")  # fmt: skip
    close: Matrix = np.where(held, bars[rows, CLOSE], np.nan)
    split: Matrix = np.where(held, bars[rows, SPLIT], 1.0)
    split[0] = 1.0
    price: Matrix = close * np.cumprod(split, axis=0)
    factor = _stir(price, shock.volatility) * _noise(shock, keys)
    factor *= (1.0 + shock.size * path_of(shock))[:, None] ** exposure
    index = (price[:, through] / price[0, through]).mean(axis=1)
    moved = (price[:, through] / price[0, through] * factor[:, through]).mean(axis=1)
    factor *= (shocked_index(index, shock) / moved)[:, None]
    return _apply(bars, rows, held, factor, shock)


def _apply(bars: Matrix, rows: Index, held: NDArray[np.bool_], factor: Matrix, shock: Shock) -> Matrix:
    out = bars.copy()
    inside = held[1:]
    at = rows[1:][inside]
    whole, half = factor[1:][inside], np.sqrt(factor[:-1] * factor[1:])[inside]
    was, now = bars[at], bars[at]
    now[:, OPEN] *= half
    now[:, CLOSE] *= whole
    above = was[:, HIGH] / np.maximum(was[:, OPEN], was[:, CLOSE])
    below = was[:, LOW] / np.minimum(was[:, OPEN], was[:, CLOSE])
    now[:, HIGH] = np.maximum(now[:, OPEN], now[:, CLOSE]) * np.maximum(above, 1.0) ** shock.volatility
    now[:, LOW] = np.minimum(now[:, OPEN], now[:, CLOSE]) * np.minimum(below, 1.0) ** shock.volatility
    now[:, VOLUME] *= shock.volume
    now[:, DIVIDEND] *= whole
    out[at] = now
    return out


def _stir(price: Matrix, volatility: float) -> Matrix:
    """Return factors that scale the deviations from the straight line (in logarithms) from first to last price.

    In a hole (NaN) the last price stands; before a column's first price and after its last the factor is 1.
    """
    held, time = np.isfinite(price), np.arange(len(price))[:, None]
    first, last = held.argmax(axis=0), len(price) - 1 - held[::-1].argmax(axis=0)
    known = np.maximum.accumulate(np.where(held, time, first), axis=0)
    log = np.log(np.take_along_axis(price, known, axis=0))
    share = np.clip((time - first) / np.maximum(last - first, 1), 0.0, 1.0)
    stir: Matrix = np.exp((volatility - 1.0) * (log - log[0] - (log[-1] - log[0]) * share))
    return stir


def _noise(shock: Shock, keys: Index) -> Matrix:
    """Each symbol's own moves, as factors [sessions + 1, N] that begin with 1."""
    out = np.ones((shock.sessions + 1, len(keys)))
    if shock.noise > 0.0:
        for n, key in enumerate(keys.tolist()):
            own = np.random.default_rng([shock.seed, key])
            out[1:, n] = np.exp(np.cumsum(own.normal(0.0, shock.noise, shock.sessions)))
    return out
