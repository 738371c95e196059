"""Runs in the peers' environment: vectorbt on prices and wanted weights, fills at the open of the bar after.

    python peer_vectorbt.py in.npz out.npz

in: open, close [T, N]; size [C, T, N] what the order of the session is to reach, NaN for no order; kind [C] 0 for a
fraction of the value, 1 for USD to buy more; fees, slippage (fractions), cash. out: equity [C, T, N], positions and
wins (flat to flat, closed) [C, N], total_return, max_drawdown [C, N], seconds [C].
"""

import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt
from vectorbt.portfolio.enums import SizeType

given = np.load(sys.argv[1])
opens, closes, sizes = given["open"], pd.DataFrame(given["close"]), given["size"]
fees, slippage, cash = float(given["fees"]), float(given["slippage"]), float(given["cash"])
kinds = {0: SizeType.TargetPercent, 1: SizeType.Value}
found = {name: [] for name in ("equity", "positions", "wins", "total_return", "max_drawdown", "seconds")}
for size, kind in zip(sizes, given["kind"], strict=True):
    start = time.perf_counter()
    portfolio = vbt.Portfolio.from_orders(
        closes, size=size, size_type=kinds[int(kind)], price=opens, fees=fees, slippage=slippage, init_cash=cash,
        freq="1D",
    )
    positions = portfolio.positions.closed
    found["equity"].append(portfolio.value().to_numpy())
    found["positions"].append(positions.count().to_numpy())
    found["wins"].append(positions.winning.count().to_numpy())
    found["total_return"].append(portfolio.total_return().to_numpy())
    found["max_drawdown"].append(portfolio.max_drawdown().to_numpy())
    found["seconds"].append(time.perf_counter() - start)
np.savez(sys.argv[2], **{name: np.array(values) for name, values in found.items()})
