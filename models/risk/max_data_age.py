"""Nothing is bought or sold short on a price of another day."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class MaxDataAge(Limit):
    """Sessions since the symbol's last bar <= threshold.

    0: the session decided has a bar of it.
    """

    name = "max_data_age"

    def check(self, batch: Batch) -> Verdict:
        """Measure the age of the last bar."""
        lookback = batch.context.lookback
        ages = [None if lookback is None else lookback.age(s) for s in batch.symbols]
        value = np.array([np.nan if age is None else float(age) for age in ages])
        missing = ["" if a is not None else f"a bar of {s}" for s, a in zip(batch.symbols, ages, strict=True)]
        return all_or_nothing(self, batch, value, value <= self.thresholds(batch), missing)
