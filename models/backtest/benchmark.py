"""What a report compares with: one instrument, or the equal-weight universe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.panel import Matrix


def equal_weight_returns(
    prices: Matrix, members: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean simple return of the members of each session, rebalanced to equal weights at each close.

    Args:
        prices: [T, N] total-return closes (close times return factor); NaN without a bar.
        members: [T, N] who belongs to the universe at the session.

    Returns:
        [T] returns, fractions: of session t the mean of p[t] / p[t-1] - 1 over the members of t with a bar at t
        and at the session before; NaN on the first session and where there is no such member. [T] their number.
    """
    returns = np.full(prices.shape, np.nan)
    returns[1:] = prices[1:] / prices[:-1] - 1.0
    counted = members & np.isfinite(returns)
    number = counted.sum(axis=1)
    total = np.where(counted, returns, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan), number
