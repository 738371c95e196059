"""The grid: every strategy alone in every symbol and window, on all cores at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import config, njit
from numpy.typing import NDArray

from models.backtest.account import Account
from models.backtest.curve import MEASURES, measure_curve
from models.backtest.kernel import find_changes, find_events, trade
from models.backtest.rules import Rules

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

TRADE_MEASURES = (
    "final_equity", "trades", "win_rate", "profit_factor", "avg_win", "avg_loss", "turnover", "exposure",
    "cost_drag", "is_open",
)  # fmt: skip
RESULTS = (*MEASURES, *TRADE_MEASURES)


PIECES = 64  # a thread that is done early takes the next one: the last piece is what the other waits for


def in_pieces(work: Callable[[int, int], object], count: int) -> None:
    """Call work(first, last) for pieces of range(count), one thread a processor.

    Threads of our own and not numba's: those hang in a process forked after their first use, and take a tenth of a
    second to start.
    """
    edges = [count * i // PIECES for i in range(PIECES + 1)]
    with ThreadPoolExecutor(config.NUMBA_NUM_THREADS) as pool:  # type: ignore[attr-defined]
        list(pool.map(work, edges[:-1], edges[1:]))


def run_grid(
    bars: Matrix, offsets: Index, targets: Matrix, trails: Matrix, trail_of: Index, rules: Matrix, windows: Index,
    benchmark: Series, rate: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Run K strategies x S symbols x W windows, each an account of its own.

    Args:
        bars: [R, 9] all symbols below each other, see kernel.
        offsets: [S + 1] where each symbol's rows begin; the last one is R.
        targets: [K, R] wanted weights (or amounts, where the strategy's rules say so).
        trails: [J, R] trailing distances, USD, of the few that have any.
        trail_of: [K] each one's row in trails, -1 for none.
        rules: [K, len(Rules._fields)].
        windows: [S, W, 2] first and last row of each window, counted from the symbol's first; first < 0
            where the symbol does not reach into the window.
        benchmark: [R] the benchmark's return since the symbol's bar before.
        rate: risk-free, per session.

    Returns:
        [K, S, W, len(RESULTS)]; NaN where there is no window. turnover: value traded over the mean equity,
        per year; exposure: share of the closes with a position; cost_drag: costs over the starting cash.
    """
    strategies, symbols = len(targets), len(offsets) - 1
    out = np.full((strategies, symbols, windows.shape[1], len(RESULTS)), np.nan)

    def work(first: int, last: int) -> None:
        _run_cells(first, last, bars, offsets, targets, trails, trail_of, rules, windows, benchmark, rate, out)

    in_pieces(work, strategies * symbols)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _run_cells(
    one: int, beyond: int, bars: Matrix, offsets: Index, targets: Matrix, trails: Matrix, trail_of: Index,
    rules: Matrix, windows: Index, benchmark: Series, rate: float, out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Run the cells one..beyond - 1 of symbol x strategy into out [K, S, W, len(RESULTS)]."""
    strategies, count = len(targets), windows.shape[1]
    longest, found = 0, -1
    for s in range(len(offsets) - 1):
        longest = max(longest, offsets[s + 1] - offsets[s])
    equity, scratch = np.empty(longest), np.empty(longest)
    events, changes = np.empty(longest, np.int64), np.empty(longest + 1, np.int64)
    for cell in range(one, beyond):
        s, k = cell // strategies, cell % strategies  # a symbol's bars stay near while its strategies run
        begin, end = offsets[s], offsets[s + 1]
        mine = rules_of(rules[k])
        target, trail = targets[k, begin:end], trail_at(trails, trail_of[k], begin, end)
        if s != found:
            find_events(bars[begin:end], events)
            found = s
        find_changes(target, changes)
        for w in range(count):
            first, last = windows[s, w, 0], windows[s, w, 1]
            if first < 0:
                continue
            curve = equity[: last - first + 1]
            account, held = trade(bars[begin:end], first, last, target, trail, mine, curve, events, changes)
            market = benchmark[begin + first : begin + last + 1]
            measure_curve(curve, market, rate, scratch, out[k, s, w, : len(MEASURES)])
            measure_trades(account, held, curve, mine, out[k, s, w, len(MEASURES) :])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def measure_trades(account: Account, held: int, equity: Series, rules: Rules, out: Series) -> None:
    """Measure what an account did: out [len(TRADE_MEASURES)] is filled, NaN while undefined."""
    out[0] = equity[-1]
    out[1] = account.trades
    out[2] = account.wins / account.trades if account.trades > 0.0 else math.nan
    out[3] = account.won / account.lost if account.lost > 0.0 else math.nan
    out[4] = account.win_return / account.wins if account.wins > 0.0 else math.nan
    out[5] = account.loss_return / account.losses if account.losses > 0.0 else math.nan
    total = 0.0
    for value in equity:
        total += value
    years = (len(equity) - 1) / 252.0
    out[6] = account.traded / (total / len(equity)) / years if total > 0.0 and years > 0.0 else math.nan
    out[7] = held / len(equity)
    out[8] = account.costs / rules.cash
    out[9] = 1.0 if account.shares != 0.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def trail_at(trails: Matrix, row: int, begin: int, end: int) -> Series:
    """Return the rows of a symbol in one of the trails, nothing for none."""
    return trails[row, begin:end] if row >= 0 else trails[0, :0]


@njit(cache=True, nogil=True, error_model="numpy")
def rules_of(row: Series) -> Rules:
    """Return one row of a grid's rules as the kernel takes them."""
    return Rules(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11],
        row[12], row[13], row[14] != 0.0, row[15] != 0.0, row[16] != 0.0,
    )  # fmt: skip
