"""Runs in the peers' environment: vectorbt with stops, targets and trailing stops, fills at the open of the bar after.

    python peer_vectorbt_stops.py in.npz out.npz

in: open, high, low, close [T, N]; side [C, T, N] what each close decides, -1, 0 or 1; stop, goal [C] fractions, NaN for
none; trail [C, T, N] distance known at that close; slippage [C]; fees, cash. out: equity [C, T, N] at each close;
positions and wins (closed) [C, N]; runs [C] of vectorbt.

vectorbt takes one order a row and looks at no stop in the row of the entry, so each session is three rows: the open
for what leaves (a stop that the night has jumped over goes before a signal), the open for what enters, and the bar.

With signals it sells short a number of shares, or a part of the free cash less what the sale costs, never a share of
the account's value. So it is run until the shares are what its own account was worth at the open. The first run sells
next to none, and what its short trades earned a share says what an account that sells in full would have been worth;
from there on each run sells what the account of the run before was worth.
"""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio.enums import SizeType, StopEntryPrice, StopExitPrice

MOST_RUNS = 20
SAME = 1e-12
FEW = 1e-4  # shares
given = np.load(sys.argv[1])
opens, highs, lows, closes = (given[name] for name in ("open", "high", "low", "close"))
sessions, symbols = closes.shape


def rows(tick, bar):
    """[3 T, N]: the tick twice, then the bar."""
    return pd.DataFrame(np.stack([tick, tick, bar], axis=1).reshape(3 * sessions, symbols))


def at(place, flags):
    """[3 T, N]: true in that row of each session that has the flag."""
    out = np.zeros((sessions, 3, symbols), bool)
    out[:, place] = flags
    return pd.DataFrame(out.reshape(3 * sessions, symbols))


@njit
def follow(c, fixed, trail, guard):
    """The higher one of the fixed stop and of a trailing one, as a fraction of the highest price since the entry."""
    if c.position_now == 0.0:
        guard[c.col] = np.nan
    if c.position_now == 0.0 or not c.curr_trail:
        return c.curr_stop, c.curr_trail
    if c.i % 3 == 0:  # the close before has moved it
        level = c.curr_price - trail[c.i // 3 - 1, c.col]
        if not np.isnan(level) and not guard[c.col] >= level:
            guard[c.col] = level
    level = np.fmax(c.init_price * (1.0 - fixed), guard[c.col])
    return 1.0 - level / c.curr_price, True


def run(k, due, shares):
    """vectorbt's account: all the cash for what is bought, so many shares for what is sold short."""
    before = np.vstack([np.zeros((1, symbols)), due[:-1]])
    turned = due != before
    size = np.where(due < 0.0, shares, np.inf)
    # One function for every strategy, trailing or not: each kind is compiled anew, for half a minute.
    state = float(given["stop"][k]), given["trail"][k], np.full(symbols, np.nan)
    return vbt.Portfolio.from_signals(
        rows(opens, closes), entries=at(1, turned & (due > 0.0)), exits=at(0, turned & (before > 0.0)),
        short_entries=at(1, turned & (due < 0.0)), short_exits=at(0, turned & (before < 0.0)), price=rows(opens, opens),
        size=rows(size, size), size_type=SizeType.Amount, fees=float(given["fees"]),
        slippage=float(given["slippage"][k]), init_cash=float(given["cash"]), sl_stop=float(given["stop"][k]),
        sl_trail=bool((~np.isnan(given["trail"][k])).any()), adjust_sl_func_nb=follow, adjust_sl_args=state,
        tp_stop=float(given["goal"][k]), stop_entry_price=StopEntryPrice.FillPrice,
        stop_exit_price=StopExitPrice.StopMarket, freq="1D", open=rows(opens, opens), high=rows(opens, highs),
        low=rows(opens, lows),
    )  # fmt: skip


def worth_at_open(portfolio):
    """[T, N]: what the account is worth at each open, before its orders there."""
    cash, held = (part.to_numpy()[2::3] for part in (portfolio.cash(), portfolio.assets()))
    return np.vstack([np.full((1, symbols), float(given["cash"])), cash[:-1] + held[:-1] * opens[1:]])


def in_full(portfolio):
    """[T, N]: how much more an account that sells in full is worth at each open than one that sells few shares."""
    grown, worth, value = np.ones((sessions, symbols)), worth_at_open(portfolio), portfolio.value().to_numpy()
    trades = portfolio.positions.closed.records
    for trade in trades[trades["direction"] == 1].sort_values("entry_idx").itertuples():
        day, col = trade.entry_idx // 3, trade.col
        earned = worth[day, col] / opens[day, col] * trade.pnl / trade.size / value[trade.exit_idx, col]
        grown[day + 1 :, col] *= 1.0 + earned
    return grown


found = {"equity": [], "positions": [], "wins": [], "runs": []}
for k, side in enumerate(given["side"]):
    due = np.vstack([np.zeros((1, symbols)), side[:-1]])  # what the close before has decided
    portfolio = run(k, due, np.full(opens.shape, FEW))
    runs, wanted, sold = 1, worth_at_open(portfolio) * in_full(portfolio) / opens, due < 0.0
    while sold.any() and runs < MOST_RUNS:
        shares = wanted
        portfolio = run(k, due, shares)
        runs, wanted = runs + 1, worth_at_open(portfolio) / opens
        if (np.abs(wanted - shares)[sold] <= SAME * shares[sold]).all():
            break
    else:
        assert not sold.any(), "vectorbt's account does not settle"
    positions = portfolio.positions.closed
    found["equity"].append(portfolio.value().to_numpy()[2::3])
    found["positions"].append(positions.count().to_numpy())
    found["wins"].append(positions.winning.count().to_numpy())
    found["runs"].append(runs)
np.savez(sys.argv[2], **{name: np.array(values) for name, values in found.items()})
