"""Longs less shorts may not grow beyond a fraction of equity, either way."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, fraction_of, pro_rata


class MaxNetExposure(Limit):
    """|sum of position values| <= threshold x equity, should all purchases fill and no sale, or all sales alone.

    1: as much as a cash account can be invested.
    """

    name = "max_net_exposure"

    def check(self, batch: Batch) -> Verdict:
        """Measure, for each change, the net exposure with all changes of its direction filled."""
        price = batch.price
        net = float((batch.current * price).sum()) + sum(batch.others.values())
        value, part = np.empty(len(batch)), np.ones(len(batch))
        for way in (1, -1):
            mine = np.sign(batch.wanted - batch.current) == way
            taken = (batch.closing * price)[mine].sum() * way
            added = (batch.growth * price)[mine].sum()
            value[mine] = way * batch.share(way * net + taken + added)
            part[mine] = pro_rata(self.threshold * batch.room_usd - way * net - taken, added)
        return Verdict(np.abs(value), self.thresholds(batch), fraction_of(batch.growth, part))
