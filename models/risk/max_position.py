"""No single position may grow beyond a fraction of equity."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, shares_within


class MaxPosition(Limit):
    """|position value| <= threshold x equity at the reference price.

    5 %: a position at full score; a stock that halves overnight then costs 2.5 % of the account.
    """

    name = "max_position"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the wanted position's share of equity."""
        threshold = self.thresholds(batch)
        most = shares_within(threshold * batch.room_usd, batch.price)
        growth = np.maximum(most - np.abs(batch.current + batch.closing), 0)
        return Verdict(batch.share(np.abs(batch.wanted) * batch.price), threshold, growth)
