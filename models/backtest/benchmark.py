"""What a report compares with: one instrument, or the equal-weight universe."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.panel import Matrix


def equal_weight_returns(
    prices: Matrix, steps: Matrix, members: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean total return of the members of each session, rebalanced to equal weights at each price.

    Args:
        prices: [T, N] raw closes (or opens); NaN without a bar.
        steps: [T, N] by how much a split or dividend multiplies a holding at the bar; 1 at all others.
        members: [T, N] who belongs to the universe at the session.

    Returns:
        [T] returns, fractions: of session t the mean of p[t] / p[t-1] x step[t] - 1 over the members of t with a
        bar at t and at the session before; NaN on the first session and where there is no such member. Summed
        exactly, so that other columns change no bit. [T] their number.
    """
    returns = np.full(prices.shape, np.nan)
    returns[1:] = prices[1:] / prices[:-1] * steps[1:] - 1.0
    counted = members & np.isfinite(returns)
    number = counted.sum(axis=1)
    means = [
        math.fsum(row[use].tolist()) / n if n else math.nan
        for row, use, n in zip(returns, counted, number, strict=True)
    ]
    return np.array(means, np.float64), number


def single_returns(
    sessions: Sequence[dt.date], prices: NDArray[np.float64], steps: NDArray[np.float64], reach: dt.timedelta
) -> NDArray[np.float64]:
    """Return the total return of one instrument session by session, none of it lost where a bar is missing.

    A session without a bar moved nothing that was known then: its return is 0, and the next bar's is the one from the
    last price before. So compounded returns are those of its prices.

    Args:
        sessions: ascending.
        prices: [T] raw closes (or opens); NaN without a bar.
        steps: [T] by how much splits and dividends since the bar before multiply a holding; looked at where a bar is.
        reach: how old a last price may be; beyond it nothing is known of the instrument.

    Returns:
        [T] fractions; NaN where there is no earlier price in reach.
    """
    returns = np.full(len(prices), np.nan)
    last = -1
    for t, day in enumerate(sessions):
        known = last >= 0 and day - sessions[last] <= reach
        if math.isfinite(prices[t]):
            returns[t] = prices[t] / prices[last] * steps[t] - 1.0 if known else math.nan
            last = t
        elif known:
            returns[t] = 0.0
    return returns
