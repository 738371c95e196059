"""A fall that went too far ends the taking of risk, and latches the kill switch."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class MaxDrawdown(Limit):
    """Fall of the account's unit value below its highest since the switch was armed last < threshold.

    10 %: what it takes to be sure that something is wrong with the models or the market they were made for.
    """

    name = "max_drawdown"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the drawdown."""
        value = np.full(len(batch), batch.context.drawdown)
        return all_or_nothing(self, batch, value, value < self.thresholds(batch))
