"""Positions that move as one may not together grow beyond a fraction of equity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.lookback import LEAST, WINDOW
from models.risk.base import Batch, Floats, Limit, Verdict, fraction_of, pro_rata

ALIKE = 0.8  # correlation of daily returns from which two shares are one bet: above 60 % of shared variance
NEAR = 1e-4  # beyond what a product of 250 returns with seven digits is off by


class MaxCorrelated(Limit):
    """For each change that adds risk: sum of |position value| of all that move with it <= threshold x equity.

    Two positions move together when the correlation of their returns over the last 250 bars, turned by the
    sides they are on, is 0.8 or more. Symbols with fewer than 60 bars count alone. 25 %: as a sector, which this
    catches when its names differ.
    """

    name = "max_correlated"

    def check(self, batch: Batch) -> Verdict:
        """Measure the largest of the groups that a change belongs to, with all targets reached."""
        held = np.array(list(batch.others.values()))
        base = np.concatenate((batch.base_usd, np.abs(held)))
        added = np.concatenate((batch.added_usd, np.zeros(len(held))))
        side = np.concatenate((np.where(batch.side, batch.side, np.sign(batch.current)), np.sign(held)))
        growing = np.flatnonzero(batch.added_usd > 0)
        together = self._alike(batch, (*batch.symbols, *batch.others), side, growing)
        sums, more = (np.where(together, usd, 0.0).sum(axis=1) for usd in (base, added))
        fits = pro_rata(self.threshold * batch.room_usd - sums, more)
        members = together[:, : len(batch)]
        value, bound = batch.base_usd.copy(), np.ones(len(batch))
        if len(growing):
            value = np.maximum(value, (members * (sums + more)[:, None]).max(axis=0))
        for group in np.flatnonzero(fits < 1.0):  # a change is bound by every group it is in
            bound = np.where(members[group], np.minimum(bound, fits[group]), bound)
        growth = fraction_of(batch.growth, np.where(batch.added_usd > 0, bound, 1.0))
        return Verdict(batch.share(value), self.thresholds(batch), growth)

    @staticmethod
    def _alike(batch: Batch, symbols: tuple[str, ...], side: Floats, growing: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return [growing changes, symbols] who moves with whom, each with itself."""
        together = np.zeros((len(growing), len(symbols)), np.bool_)
        together[np.arange(len(growing)), growing] = True
        lookback = batch.context.lookback
        if lookback is None or not len(growing):
            return together
        bars = lookback.bars(symbols)
        seen = np.flatnonzero(bars >= LEAST)
        rows = np.flatnonzero(bars[growing] >= LEAST)
        if not len(rows):
            return together
        returns = np.ascontiguousarray(  # sums are taken in the same order however it lies in memory
            lookback.returns([symbols[i] for i in seen.tolist()], int(min(bars[seen].min(), WINDOW)))
        )
        centred = returns - returns.mean(axis=0)
        norm = np.sqrt((centred**2).sum(axis=0))
        scaled = centred / np.where(norm > 0, norm, 1.0) * side[seen]
        own = np.searchsorted(seen, growing[rows])
        short = scaled.astype(np.float32)
        alike = (short[:, own].T @ short).astype(np.float64)
        # Seven digits, whose last ones depend on the processor, tell all but who is next to the limit.
        near, other = np.nonzero(np.abs(alike - ALIKE) < NEAR)
        alike[near, other] = np.ascontiguousarray(scaled[:, own[near]] * scaled[:, other]).sum(axis=0)
        together[np.ix_(rows, seen)] |= alike >= ALIKE
        return together
