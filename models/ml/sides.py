"""Which symbols a ranking buys and which it sells: the one rule of strategies and of their evaluation."""

from __future__ import annotations

import numpy as np

from models.panel import Matrix


def extremes(values: Matrix, count: int) -> Matrix:
    """Return +1 for the highest of each row, -1 for the lowest, 0 between, NaN where the value is NaN.

    Equal values stand or fall together: those that do not all fit on a side are left out of it, so that
    nothing depends on the order of symbols and a constant prediction wants nothing.

    Args:
        values: [T, N].
        count: of each side at most; never more than half of the row's values that are not NaN.
    """
    known = ~np.isnan(values)
    heard = known.sum(axis=1)
    result = np.where(known, 0.0, np.nan)
    ordered = np.sort(values, axis=1)  # NaN last
    for t, each in enumerate(np.minimum(count, heard // 2)):
        row = ordered[t, : heard[t]]
        result[t, known[t] & (np.searchsorted(row, values[t], "right") <= each)] = -1.0
        result[t, known[t] & (heard[t] - np.searchsorted(row, values[t], "left") <= each)] = 1.0
    return result
