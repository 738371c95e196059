"""A session that lost too much ends the taking of risk, and latches the kill switch."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class MaxSessionLoss(Limit):
    """Loss of the account's unit value since the close before < threshold.

    5 %: a fully invested account's worst day in some years; deposits and withdrawals do not count.
    """

    name = "max_session_loss"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the session's loss, negative for a gain."""
        value = np.full(len(batch), batch.context.session_loss)
        return all_or_nothing(self, batch, value, value < self.thresholds(batch))
