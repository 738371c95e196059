"""Runs in the peers' environment: vectorbt with stops, targets and trailing stops, fills at the open of the bar after.

    python peer_vectorbt_stops.py in.npz out.npz

in: open, high, low, close [T, N]; side [C, T, N] what each close decides, -1, 0 or 1; shares [C, T, N] sold short at
that session's open; stop, goal [C] fractions, NaN for none; trail [C, T, N] distance known at that close; slippage [C];
fees, cash. out: equity [C, T, N] at each close; positions and wins (closed) [C, N].

vectorbt takes one order a row and looks at no stop in the row of the entry, so each session is three rows: the open
for what leaves (a stop that the night has jumped over goes before a signal), the open for what enters, and the bar.
"""

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio.enums import SizeType, StopEntryPrice, StopExitPrice

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
        return c.curr_stop, c.curr_trail
    if c.i % 3 == 0:  # the close before has moved it
        level = c.curr_price - trail[c.i // 3 - 1, c.col]
        if not np.isnan(level) and not guard[c.col] >= level:
            guard[c.col] = level
    level = np.fmax(c.init_price * (1.0 - fixed), guard[c.col])
    return 1.0 - level / c.curr_price, True


found = {"equity": [], "positions": [], "wins": []}
price = {"open": rows(opens, opens), "high": rows(opens, highs), "low": rows(opens, lows)}
for k, side in enumerate(given["side"]):
    due = np.vstack([np.zeros((1, symbols)), side[:-1]])  # what the close before has decided
    before = np.vstack([np.zeros((1, symbols)), due[:-1]])
    turned = due != before
    trailing = {}
    if not np.isnan(given["trail"][k]).all():
        state = float(given["stop"][k]), given["trail"][k], np.full(symbols, np.nan)
        trailing = {"sl_trail": True, "adjust_sl_func_nb": follow, "adjust_sl_args": state}
    shares = np.where(due < 0.0, given["shares"][k], np.inf)  # all the cash for what is bought
    portfolio = vbt.Portfolio.from_signals(
        rows(opens, closes), entries=at(1, turned & (due > 0.0)), exits=at(0, turned & (before > 0.0)),
        short_entries=at(1, turned & (due < 0.0)), short_exits=at(0, turned & (before < 0.0)), price=rows(opens, opens),
        size=rows(shares, shares), size_type=SizeType.Amount, fees=float(given["fees"]),
        slippage=float(given["slippage"][k]), init_cash=float(given["cash"]), sl_stop=float(given["stop"][k]),
        tp_stop=float(given["goal"][k]), stop_entry_price=StopEntryPrice.FillPrice,
        stop_exit_price=StopExitPrice.StopMarket, freq="1D", **price, **trailing,
    )  # fmt: skip
    positions = portfolio.positions.closed
    found["equity"].append(portfolio.value().to_numpy()[2::3])
    found["positions"].append(positions.count().to_numpy())
    found["wins"].append(positions.winning.count().to_numpy())
np.savez(sys.argv[2], **{name: np.array(values) for name, values in found.items()})
