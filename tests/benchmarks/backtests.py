"""Backtests and their measures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from numba import njit, prange

from models.backtest.constraints import Constraints
from models.backtest.curve import MEASURES, measure_curve
from models.backtest.grid import run_grid
from models.backtest.portfolio import run_portfolio
from models.backtest.rules import Rules
from models.backtest.weights import bands, rebalancing, weights
from tests.benchmarks.bars import panel
from tests.benchmarks.features import timed, timed_in_turns
from tests.benchmarks.measure import Measure

CURVES, SESSIONS = 53_856, 252  # 11 strategies x 153 symbols x 32 windows, about a year each
SAMPLE = 1_000  # empyrical is timed on so many curves and scaled up: it takes the same for each
EMPYRICAL = ("cum_returns_final", "annual_return", "annual_volatility", "max_drawdown", "value_at_risk",
             "conditional_value_at_risk", "tail_ratio", "calmar_ratio", "sharpe_ratio", "sortino_ratio")  # fmt: skip
SYMBOLS, YEARS = 397, 5_400
COST = Rules(cash=1e7)


@njit(parallel=True)
def _measure_all(curves: np.ndarray, market: np.ndarray, out: np.ndarray) -> None:
    for i in prange(len(curves)):
        measure_curve(curves[i], market, 0.0001, np.empty(curves.shape[1]), out[i])


def metrics() -> Iterator[Measure]:
    """All measures of a curve, alpha and beta among them, against empyrical's functions on arrays."""
    import empyrical

    moves = np.random.default_rng(0).normal(0.0004, 0.012, (CURVES, SESSIONS))
    curves = np.cumprod(1.0 + moves, axis=1)
    market, out = moves.mean(axis=0), np.empty((CURVES, len(MEASURES)))

    def peer() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for returns in moves[:SAMPLE]:
                for name in EMPYRICAL:
                    getattr(empyrical, name)(returns)
                empyrical.alpha_beta(returns, market)

    ours = timed(lambda: _measure_all(curves, market, out))
    yield Measure("metrics", ours, timed(peer, 1) * CURVES / SAMPLE, 20.0)


def _world(symbols: int, sessions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bars as the engine reads them, the rows of each session, and a target that turns with the trend."""
    frame = panel(symbols, sessions)
    bars = np.zeros((len(frame), 9))
    bars[:, :5] = frame[["open", "high", "low", "close", "volume"]].to_numpy(float)
    bars[:, 5] = 1.0
    close = bars[:, 3].reshape(symbols, sessions)
    target = np.zeros(close.shape)
    target[:, 50:] = close[:, 50:] > close[:, :-50]
    return bars, np.arange(len(bars)).reshape(symbols, sessions).T.copy(), np.ascontiguousarray(target.T)


def backtest_portfolio() -> Iterator[Measure]:
    """397 symbols x 5,400 sessions, monthly rebalancing, weights and measures included: under a second (the peer)."""
    bars, rows, target = _world(SYMBOLS, YEARS)
    days = np.busday_offset("2000-01-03", np.arange(YEARS)).astype("datetime64[D]")
    equity, cash, trail = np.empty(YEARS), np.empty(YEARS), np.full(len(bars), np.nan)

    def run() -> None:
        limits = Constraints(rebalance="month")
        decide = rebalancing(days, limits.rebalance, 0)
        held = weights(target, limits)
        wide = bands(held, target, COST.band)
        run_portfolio(bars, rows, 0, YEARS - 1, held, wide, trail, decide, COST, equity, cash)
        measure_curve(equity, np.full(YEARS, np.nan), 0.0, np.empty(YEARS), np.empty(len(MEASURES)))

    yield Measure("backtest_portfolio", timed(run), 1.0, 1.0)


def backtest_linear() -> Iterator[Measure]:
    """The grid of ten strategies over 1x, 4x and 16x the bars, timed in turns; the peer is linear growth from 1x.

    More bars than the processor's caches hold cost somewhat more each: hence 0.7 and not 1.
    """
    steps = (1, 4, 16)
    seconds = timed_in_turns([_grid(150, 300 * times) for times in steps])
    for times, taken in zip(steps, seconds, strict=True):
        yield Measure(f"backtest_linear_{times}x", taken, seconds[0] * times, 0.7)


def _grid(symbols: int, sessions: int) -> Callable[[], object]:
    bars, _, target = _world(symbols, sessions)
    offsets, windows = np.arange(symbols + 1) * sessions, np.tile([[[0, sessions - 1]]], (symbols, 1, 1))
    targets = np.repeat(target.T.reshape(1, -1), 10, axis=0)
    trails, rules = np.full(targets.shape, np.nan), np.array([COST] * 10, float)
    nothing = np.full(len(bars), np.nan)
    return lambda: run_grid(bars, offsets, targets, trails, np.arange(10), rules, windows, nothing, 0.0)


BENCHMARKS = (metrics, backtest_portfolio, backtest_linear)
