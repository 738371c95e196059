"""Limits on what the whole target portfolio can lose, by historical simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.lookback import LEAST, WINDOW
from models.risk.base import ALL, Batch, Floats, Limit, Verdict


class PortfolioRisk(Limit):
    """measure(profits of the portfolio in each past session) <= threshold x equity.

    The measure is convex in the positions, so the part of the growth that fits, the same of every change, is
    found by halving; what is toward flat is counted as done. The simulation takes the returns of the last 250
    bars (60 at least) that all positions have; where one has fewer, it cannot be evaluated.
    """

    whole_portfolio = True

    def measure(self, profits: Floats) -> float:
        """Return the risk of a series of profits, USD."""
        raise NotImplementedError

    def check(self, batch: Batch) -> Verdict:
        """Measure the portfolio with all of the batch reached."""
        if batch.simulated is None:
            batch.simulated = simulate(batch)
        missing, fixed, grown = batch.simulated
        threshold = self.thresholds(batch)
        if fixed is None or grown is None:
            return Verdict(np.full(len(batch), np.nan), threshold, np.zeros(len(batch), np.int64), missing)
        value = self.measure(fixed + grown) / batch.equity if batch.equity > 0 else math.nan
        fits = value <= self.threshold or not batch.growth.any()
        return Verdict(
            np.full(len(batch), value), threshold, np.full(len(batch), ALL if fits else 0), missing
        )

    def holds(self, profits: Floats, equity: float) -> bool:
        """Return whether the profits are within the limit."""
        return equity > 0 and self.measure(profits) <= self.threshold * equity


def simulate(batch: Batch) -> tuple[list[str], Any, Any]:
    """Return what is missing by change, and the past profits of what stays and of the growth, USD per session.

    A change of a symbol with too few bars lacks its own history; a holding with too few makes all changes lack
    it, for nothing is known of the portfolio then. Both series are None when nothing can be simulated.
    """
    lookback = batch.context.lookback
    symbols = (*batch.symbols, *batch.others)
    bars = np.zeros(len(symbols), np.int64) if lookback is None else lookback.bars(symbols)
    held = np.concatenate(((batch.current + batch.closing) * batch.price, list(batch.others.values())))
    added = np.concatenate((batch.side * batch.growth * batch.price, np.zeros(len(batch.others))))
    short = bars < LEAST
    lacking = [
        f"{LEAST} bars of {symbols[i]} (there are {bars[i]})" for i in np.flatnonzero(short & (held != 0))
    ]
    if lacking:
        return ["; ".join(lacking)] * len(batch), None, None
    missing = [
        f"{LEAST} bars of {s} (there are {bars[i]})" if short[i] and added[i] else ""
        for i, s in enumerate(batch.symbols)
    ]
    counted = np.flatnonzero(~short & ((held != 0) | (added != 0)))
    if lookback is None or not len(counted):
        return missing, np.zeros(LEAST), np.zeros(LEAST)
    returns = lookback.returns([symbols[i] for i in counted], int(min(bars[counted].min(), WINDOW)))
    return missing, _profits(returns, held[counted]), _profits(returns, added[counted])


def _profits(returns: Floats, usd: Floats) -> Floats:
    """Return the sum of returns [T, N] times usd [N], USD, symbol after symbol.

    A matrix product adds in an order of its own on each kind of processor and for each layout in memory: its last
    bits would not be the same in the daily run, in a worker and in a replay.
    """
    found: Floats = (np.ascontiguousarray(returns.T) * usd[:, None]).sum(axis=0)
    return found
