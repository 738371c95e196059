"""Golden cross: hold what trades above its long trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores


@dataclass(frozen=True)
class GoldenCross(BaseStrategy):
    """Score +1 while the 50-session average lies above the 200-session one, else 0; NaN until both exist.

    Long only: the death cross ends the position and opens no short, as the rule is commonly traded. The
    moving-average rule and 200 sessions as its long leg: Brock, Lakonishok, LeBaron (1992), Journal of
    Finance 47(5).
    """

    name = "golden_cross"
    category = "trend"
    features = ("sma_50", "sma_200")

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless: a session's score needs that session's averages only."""
        fast, slow = panel["sma_50"], panel["sma_200"]
        known = ~(np.isnan(fast) | np.isnan(slow))
        return Scores(np.where(known, (fast > slow).astype(float), np.nan))
