"""Compile the backtests' kernels into the cache on disk: `python -m plugins.backtest.warm`, once at installation.

See data_layer.features.warm: whoever finds them compiled loads them in a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from data_layer.features.memory import share_freed_memory
from models.backtest.daily import mean_daily_returns
from models.backtest.grid import run_grid
from models.backtest.rules import Rules
from plugins.backtest.outcome import run

NOTHING = np.full(2, np.nan)
ONE = np.ones((1, 2))
FIRST = np.zeros(1, np.int64)


def warm() -> None:
    """Run every form over two bars of one symbol."""
    warm_grid()
    warm_portfolio()


def warm_grid() -> None:
    """Run what an assessment needs."""
    offsets, rules = np.array([0, 2]), np.array([Rules()], float)
    run_grid(_bars(), offsets, ONE, ONE, FIRST, rules, np.array([[[0, 1]]]), NOTHING, 0.0)
    mean_daily_returns(_bars(), offsets, np.arange(2), ONE, ONE, FIRST, rules, 0, 2)


def warm_portfolio() -> None:
    """Run what portfolios need."""
    days, rows = np.array(["2015-01-02", "2015-01-05"], "datetime64[D]"), np.array([[0], [1]])
    run("", ("A",), days, _bars(), rows, (0, 1), ONE.T, NOTHING, np.zeros(2, np.bool_), Rules(), NOTHING, 0.0)


def _bars() -> np.ndarray:
    return np.tile([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.01], (2, 1))


def warm_beside(kernels: Callable[[], None] = warm_grid) -> None:
    """Load kernels, an assessment's by default, in a thread of its own, while this one waits for a disk or a database.

    Whoever calls a kernel meanwhile waits for it, as without; an error of loading comes up there as well. A process
    that ends early waits for it: LLVM does not bear being torn down at work.
    """
    share_freed_memory()  # before any thread: see there
    threading.Thread(target=kernels, name="kernels").start()


if __name__ == "__main__":
    warm()
