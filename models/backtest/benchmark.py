"""What a report compares with: one instrument, or the equal-weight universe."""

from __future__ import annotations

import math

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
