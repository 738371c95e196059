"""Which way the market goes, told at a close from the benchmark's two moving averages.

bull: the 20-session average stands above the 50-session one and the index above the latter; bear: both below;
sideways: they disagree. Before there are 50 sessions of index there is no regime.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAST, SLOW = 20, 50  # sessions: a month against a quarter's larger part, as commonly drawn on charts
REGIMES = ("bull", "sideways", "bear")


def regime_of(returns: NDArray[np.float64]) -> str:
    """Return the regime at the last session, empty when there is none yet.

    Args:
        returns: [T] simple returns of the benchmark, ascending; only the last 49 count, which make 50 levels.
    """
    if len(returns) < SLOW - 1:
        return ""
    # Levels begin anew at 1 in each window: the same session gives the same bits however much history is held.
    levels = np.concatenate(([1.0], np.cumprod(1.0 + returns[-(SLOW - 1) :])))
    if not np.isfinite(levels).all():
        return ""
    fast, slow = levels[-FAST:].mean(), levels.mean()
    if fast > slow and levels[-1] > slow:
        return "bull"
    return "bear" if fast < slow and levels[-1] < slow else "sideways"
