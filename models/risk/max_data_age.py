"""Nothing is bought or sold short on a price of another day."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class MaxDataAge(Limit):
    """Sessions since the symbol's last bar <= threshold.

    0: the session decided has a bar of it.
    """

    name = "max_data_age"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the age of the last bar."""
        lookback = batch.context.lookback
        value = np.full(len(batch), np.nan) if lookback is None else lookback.ages(batch.symbols)
        missing = [f"a bar of {s}" if np.isnan(v) else "" for s, v in zip(batch.symbols, value.tolist(), strict=True)]
        return all_or_nothing(self, batch, value, value <= self.thresholds(batch), missing)
