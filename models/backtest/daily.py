"""A strategy's daily returns over all its accounts: what statistics on strategies are made of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.grid import in_pieces, rules_of, trail_at
from models.backtest.kernel import run_account

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]


def mean_daily_returns(
    bars: Matrix, offsets: Index, row_session: Index, targets: Matrix, trails: Matrix, trail_of: Index,
    rules: Matrix, begin: int, sessions: int,
) -> tuple[Matrix, Index]:  # fmt: skip
    """Return each strategy's mean return a session over its accounts, one a symbol, weighted alike each day.

    Args:
        bars, offsets, targets, trails, trail_of, rules: as run_grid takes them.
        row_session: [R] each row's session.
        begin: accounts start at a symbol's first row from this session on.
        sessions: number of sessions.

    Returns:
        [K, sessions], NaN where no account has a bar on it and one before; an account that is lost returns -1, then 0.
        [K, sessions] accounts.
    """
    out = np.zeros((len(targets), sessions))
    count = np.zeros((len(targets), sessions), np.int64)
    # Not in the kernel: a compiled searchsorted brings scipy along, a tenth of a second to import.
    starts = np.array([np.searchsorted(row_session[a:b], begin) for a, b in pairwise(offsets)], np.int64)

    def work(first: int, last: int) -> None:
        _run_strategies(first, last, bars, offsets, row_session, targets, trails, trail_of, rules, starts, out, count)

    in_pieces(work, len(targets))
    return out, count


@njit(cache=True, nogil=True, error_model="numpy")
def _run_strategies(
    one: int, beyond: int, bars: Matrix, offsets: Index, row_session: Index, targets: Matrix, trails: Matrix,
    trail_of: Index, rules: Matrix, starts: Index, out: Matrix, count: Index,
) -> None:  # fmt: skip
    """Add up and average the strategies one..beyond - 1 in out and count [K, sessions], which begin as 0."""
    for k in range(one, beyond):
        for s in range(len(offsets) - 1):
            first, end = offsets[s], offsets[s + 1]
            own = row_session[first:end]
            start = starts[s]
            if end - first - start < 2:
                continue
            equity = np.empty(end - first - start)
            run_account(
                bars[first:end], start, end - first - 1, targets[k, first:end],
                trail_at(trails, trail_of[k], first, end), rules_of(rules[k]), equity,
            )  # fmt: skip
            lost = False
            for i in range(1, len(equity)):
                at = own[start + i]
                out[k, at] += 0.0 if lost else max(equity[i] / equity[i - 1] - 1.0, -1.0)
                count[k, at] += 1
                lost = lost or equity[i] <= 0.0
        for t in range(out.shape[1]):
            out[k, t] = out[k, t] / count[k, t] if count[k, t] > 0 else np.nan
