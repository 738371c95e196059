"""Runs in the peers' environment: backtesting.py on one symbol with a stop and a target, whole shares, no costs.

    python peer_backtesting.py in.npz out.npz

in: prices [T, 4] (open, high, low, close); target [T] 1 or 0 at each close; stop, goal (fractions of the fill); cash.
out: equity [T]; entry, exit (bars), profit of the closed trades, in the order of their exits.

Its stop is a price given with the order, ours a fraction of the fill: the script looks the next open up. Its stop is
looked at before an order that waits for the open of the same bar, ours after: the stop is taken away with the order.
"""

import sys
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

warnings.filterwarnings("ignore")
given = np.load(sys.argv[1])
prices, target = given["prices"], given["target"]
stop, goal = float(given["stop"]), float(given["goal"])


class Follow(Strategy):
    """Buys with all cash when the target turns 1, sells when it turns 0."""

    def init(self):
        """Nothing to prepare."""

    def next(self):
        """Decide at the close for the next open; the first call comes at the second bar."""
        t = len(self.data) - 1
        if t + 1 >= len(prices) or target[t] == target[t - 1]:
            return
        if target[t] == 1.0:
            price = prices[t + 1, 0]
            shares = int(self.equity // price)
            if shares:
                self.buy(size=shares, sl=price * (1.0 - stop), tp=price * (1.0 + goal))
            return
        for trade in self.trades:
            trade.sl = trade.tp = None
            trade.close()


days = pd.date_range("2000-01-03", periods=len(prices))
frame = pd.DataFrame(prices, columns=["Open", "High", "Low", "Close"], index=days)
found = Backtest(frame, Follow, cash=float(given["cash"]), commission=0.0, finalize_trades=False).run()
trades = found["_trades"]
np.savez(
    sys.argv[2], equity=found["_equity_curve"]["Equity"].to_numpy(), entry=trades["EntryBar"].to_numpy(),
    exit=trades["ExitBar"].to_numpy(), profit=trades["PnL"].to_numpy(),
)
