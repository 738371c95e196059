"""Positions that move as one may not together grow beyond a fraction of equity."""

from __future__ import annotations

import numpy as np

from models.lookback import LEAST, WINDOW
from models.risk.base import Batch, Limit, Verdict, fraction_of, pro_rata

ALIKE = 0.8  # correlation of daily returns from which two shares are one bet: above 60 % of shared variance


class MaxCorrelated(Limit):
    """For each symbol: sum of |position value| of all that move with it <= threshold x equity, itself included.

    Two positions move together when the correlation of their returns over the last 250 bars, turned by the
    sides they are on, is 0.8 or more. Symbols with fewer than 60 bars count alone. 25 %: as a sector, which this
    catches when its names differ.
    """

    name = "max_correlated"

    def check(self, batch: Batch) -> Verdict:
        """Measure the largest of the groups that a change belongs to, with all targets reached."""
        symbols = (*batch.symbols, *batch.others)
        held = np.array(list(batch.others.values()))
        base = np.concatenate((batch.base_usd, np.abs(held)))
        added = np.concatenate((batch.added_usd, np.zeros(len(held))))
        side = np.concatenate((np.where(batch.side, batch.side, np.sign(batch.current)), np.sign(held)))
        together = self._alike(batch, symbols, side)
        sums, more = together @ base, together @ added
        part = pro_rata(self.threshold * batch.room_usd - sums, more)
        # A change is bound by every group it is in.
        bound = np.where(together, part[None, :], 1.0).min(axis=1)[: len(batch)]
        largest = np.where(together, (sums + more)[None, :], 0.0).max(axis=1)[: len(batch)]
        growth = fraction_of(batch.growth, np.where(batch.added_usd > 0, bound, 1.0))
        return Verdict(batch.share(largest), self.thresholds(batch), growth)

    @staticmethod
    def _alike(batch: Batch, symbols: tuple[str, ...], side: np.ndarray) -> np.ndarray:
        together = np.eye(len(symbols), dtype=np.float64)
        lookback = batch.context.lookback
        if lookback is None:
            return together
        bars = lookback.bars(symbols)
        seen = np.flatnonzero(bars >= LEAST)
        if len(seen) < 2:
            return together
        returns = lookback.returns([symbols[i] for i in seen], int(min(bars[seen].min(), WINDOW)))
        centred = returns - returns.mean(axis=0)
        norm = np.sqrt((centred**2).sum(axis=0))
        scaled = centred / np.where(norm > 0, norm, 1.0) * side[seen]
        together[np.ix_(seen, seen)] = np.maximum(scaled.T @ scaled >= ALIKE, np.eye(len(seen)))
        return together
