"""A session has no more than so many orders."""

from __future__ import annotations

import numpy as np

from models.risk.base import ALL, Batch, Limit, Verdict


class MaxSessionOrders(Limit):
    """Orders of the session <= threshold; those toward flat count first and always pass.

    500: one for every symbol of a large universe; more is a fault. The largest growth is served first.
    """

    name = "max_session_orders"

    def check(self, batch: Batch) -> Verdict:
        """Measure the number of orders wanted."""
        closing = batch.closing != 0
        growing = (batch.growth > 0) & ~closing
        room = max(int(self.threshold) - int(closing.sum()), 0)
        order = np.lexsort((np.arange(len(batch)), -batch.growth * batch.price, ~growing))
        served = np.zeros(len(batch), np.bool_)
        served[order[:room]] = True
        value = np.full(len(batch), float(closing.sum() + growing.sum()))
        return Verdict(value, self.thresholds(batch), np.where(served | ~growing, ALL, 0))
