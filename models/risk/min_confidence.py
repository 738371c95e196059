"""Nothing is bought or sold short on a signal that is not sure enough."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class MinConfidence(Limit):
    """The ensemble's confidence in the symbol >= threshold.

    0.55: what the ensemble publishes by default, asked for again where the order is decided.
    """

    name = "min_confidence"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the ensemble's confidence."""
        known = batch.context.confidences
        value = np.array([known.get(s, np.nan) for s in batch.symbols])
        missing = ["" if s in known else f"an ensemble signal for {s}" for s in batch.symbols]
        return all_or_nothing(self, batch, value, value >= self.thresholds(batch), missing)
