"""An order may not grow beyond a share of what usually trades."""

from __future__ import annotations

import numpy as np

from models.lookback import VOLUME_SESSIONS
from models.risk.base import Batch, Limit, Verdict, shares_within


class MaxVolumeShare(Limit):
    """Shares of an order <= threshold x the average volume of the last 20 sessions, in the order's share basis.

    1 %: what an order at the open can be without moving the price it is measured by.
    """

    name = "max_volume_share"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the order's share of the average volume."""
        lookback = batch.context.lookback
        usual = np.full(len(batch), np.nan) if lookback is None else lookback.average_volume(batch.symbols)
        usual = usual * np.array([batch.context.next_splits.get(s, 1.0) for s in batch.symbols])
        known = usual > 0
        order = np.abs(batch.wanted - batch.current)
        value = np.where(known, order / np.where(known, usual, 1.0), np.nan)
        most = shares_within(self.thresholds(batch) * np.where(known, usual, 0.0), np.ones(len(batch)))
        missing = [
            "" if k else f"{VOLUME_SESSIONS} sessions of {s}'s volume"
            for s, k in zip(batch.symbols, known, strict=True)
        ]
        return Verdict(value, self.thresholds(batch), np.maximum(most - np.abs(batch.closing), 0), missing)
