"""Runs in the peers' environment: vectorbt over many windows at once, with the measures it has.

    python peer_vectorbt_grid.py in.npz

in: open, close [T, S]; target [K, T, S]; amounts [K] whether a target is USD to buy more; windows [W, 2] first and
last session; fees, slippage (fractions), cash. Prints the seconds of simulation and measures over all windows; what
an order is to reach is laid out beforehand, and everything is compiled before.
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd
import vectorbt as vbt
from vectorbt.portfolio.enums import SizeType

warnings.filterwarnings("ignore")
given = np.load(sys.argv[1])
opens, closes, targets, amounts = given["open"], given["close"], given["target"], given["amounts"]
costs = {"fees": float(given["fees"]), "slippage": float(given["slippage"]), "init_cash": float(given["cash"])}
MEASURES = (
    "total_return", "annualized_return", "annualized_volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio",
    "max_drawdown", "value_at_risk", "cond_value_at_risk", "tail_ratio",
)  # fmt: skip


def laid_out(first, last):
    """Prices and sizes [sessions, K x S] of a window in which every account starts flat."""
    part = targets[:, first : last + 1]
    before = np.concatenate([np.zeros_like(part[:, :1]), part[:, :-1]], axis=1)
    moved = np.where(amounts[:, None, None], part != 0.0, part != before)
    size = np.full(part.shape, np.nan)
    size[:, 1:] = np.where(moved, part, np.nan)[:, :-1]
    wide = size.transpose(1, 0, 2).reshape(size.shape[1], -1)
    count = len(targets)
    kinds = np.repeat(np.where(amounts, SizeType.Value, SizeType.TargetPercent), opens.shape[1])
    days = pd.date_range("2000-01-03", periods=last - first + 1, freq="D")
    close = pd.DataFrame(np.tile(closes[first : last + 1], (1, count)), index=days)
    return close, np.tile(opens[first : last + 1], (1, count)), wide, kinds[None, :]


def run(close, price, size, kinds):
    portfolio = vbt.Portfolio.from_orders(close, size=size, size_type=kinds, price=price, freq="1D", **costs)
    found = [getattr(portfolio, name)() for name in MEASURES]
    trades = portfolio.positions.closed
    return [*found, trades.count(), trades.win_rate(), trades.profit_factor()]


first, last = given["windows"][0]
run(*laid_out(first, min(last, first + 30)))
seconds = 0.0
for first, last in given["windows"]:
    arrays = laid_out(first, last)
    began = time.perf_counter()
    run(*arrays)
    seconds += time.perf_counter() - began
print(seconds)
