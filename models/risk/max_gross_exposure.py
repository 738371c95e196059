"""The sum of all positions, long and short, may not grow beyond a multiple of equity."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, fraction_of, pro_rata


class MaxGrossExposure(Limit):
    """Sum of |position value| <= threshold x equity, whichever of the batch's orders fill.

    1: no leverage, as in a cash account. What is too much is taken from all growth alike.
    """

    name = "max_gross_exposure"

    def check(self, batch: Batch) -> Verdict:
        """Measure the worst case of the account with all targets reached."""
        base = batch.base_usd.sum() + sum(map(abs, batch.others.values()))
        added = batch.added_usd.sum()
        value = np.full(len(batch), batch.share(base + added))
        fits = pro_rata(self.threshold * batch.room_usd - base, added if batch.room_usd else 1.0)
        part = np.where((batch.added_usd > 0) | (batch.room_usd == 0), fits, 1.0)
        return Verdict(value, self.thresholds(batch), fraction_of(batch.growth, part))
