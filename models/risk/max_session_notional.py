"""A session trades no more than a multiple of equity."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, fraction_of, pro_rata


class MaxSessionNotional(Limit):
    """Sum of |order value| <= threshold x equity; orders toward flat count first and always pass.

    1: the whole account at most once a session; more is a fault, or ruin by costs.
    """

    name = "max_session_notional"

    def check(self, batch: Batch) -> Verdict:
        """Measure the value of all orders wanted."""
        closing = float((np.abs(batch.closing) * batch.price).sum())
        growth = float((batch.growth * batch.price).sum())
        fits = pro_rata(self.threshold * batch.room_usd - closing, growth)
        value = np.full(len(batch), batch.share(closing + growth))
        return Verdict(value, self.thresholds(batch), fraction_of(batch.growth, np.full(len(batch), fits)))
