"""An order is only sent at a price near the one it was decided on."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, all_or_nothing


class PriceCollar(Limit):
    """|price to be sent at / reference price - 1| <= threshold.

    When it is decided the price known is the close itself; the limit counts at the send point, where a newer one
    may be known: `within_collar`. 10 %: an opening that far away is news nobody decided on.
    """

    name = "price_collar"
    per_symbol = True

    def check(self, batch: Batch) -> Verdict:
        """Measure the distance of the price known last from the reference price."""
        quotes = batch.context.quotes
        value = np.array([
            abs(quotes[s] / p - 1.0) if s in quotes else np.nan
            for s, p in zip(batch.symbols, batch.price, strict=True)
        ])  # fmt: skip
        missing = ["" if s in quotes else f"a price of {s}" for s in batch.symbols]
        return all_or_nothing(self, batch, value, value <= self.thresholds(batch), missing)


def within_collar(reference: float, price: float, threshold: float) -> bool:
    """Return whether an order decided at the reference may be sent at the price; False for what is no price."""
    return reference > 0 and price > 0 and abs(price / reference - 1.0) <= threshold
