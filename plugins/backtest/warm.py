"""Compile the backtests' kernels into the cache on disk: `python -m plugins.backtest.warm`, once at installation.

See data_layer.features.warm: whoever finds them compiled loads them in a second. What was compiled before the newest
kernel is thrown away first: numba looks at a function's own file only, not at those whose functions it calls.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from data_layer.settings import ROOT
from models.backtest.daily import mean_daily_returns
from models.backtest.grid import run_grid
from models.backtest.rules import Rules
from plugins.backtest.outcome import run


def forget_stale(folder: Path) -> int:
    """Remove what was compiled of a folder's modules before the newest of them; return how many files that were."""
    newest = max((path.stat().st_mtime for path in folder.glob("*.py")), default=0.0)
    stale = [path for path in folder.glob("__pycache__/*.nb[ic]") if path.stat().st_mtime < newest]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def warm() -> None:
    """Run every form over two bars of one symbol."""
    bars = np.tile([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.01], (2, 1))
    offsets, rows, nothing = np.array([0, 2]), np.array([[0], [1]]), np.full(2, np.nan)
    one, rules = np.ones((1, 2)), np.array([Rules()], float)
    run_grid(bars, offsets, one, one, rules, np.array([[[0, 1]]]), nothing, 0.0)
    mean_daily_returns(bars, offsets, np.arange(2), one, one, rules, 0, 2)
    days = np.array(["2015-01-02", "2015-01-05"], "datetime64[D]")
    run("", ("A",), days, bars, rows, (0, 1), one.T, nothing, np.zeros(2, np.bool_), Rules(), nothing, 0.0)


def warm_beside() -> None:
    """Load the kernels in a thread of its own, while this one waits for a disk or a database.

    Whoever calls a kernel meanwhile waits for it, as without; an error of loading comes up there as well. A process
    that ends early waits for it: LLVM does not bear being torn down at work.
    """
    threading.Thread(target=warm, name="kernels").start()


if __name__ == "__main__":
    forget_stale(ROOT / "models" / "backtest")
    warm()
