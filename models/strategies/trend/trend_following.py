"""Trend following: hold what trades above its average, behind a stop that only rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter, while_held


@dataclass(frozen=True)
class TrendFollowing(BaseStrategy):
    """Score +1 while the close lies above its average, else 0; NaN until average and range exist.

    Two stops: a fixed one below the entry, and one trailing the highest high by atr_multiple average true
    ranges. Long only, as golden_cross. Sources: the price against its average: Brock, Lakonishok, LeBaron
    (1992), Journal of Finance 47(5); the trailing stop of 2 to 3 ranges over 14 sessions: Wilder (1978), New
    Concepts in Technical Trading Systems (his volatility system), and Le Beau's "chandelier".
    """

    name = "trend_following"
    category = "trend"
    starts_active = False  # the paper account's trend vote is golden_cross
    features = ("sma_distance_{window}", "atr_{atr_window}")

    window: int = choice(20, 20, 50, 200)  # a month of sessions
    atr_window: int = choice(14, 7, 14, 20)  # Wilder's
    atr_multiple: float = parameter(2.0, low=0.1, high=20.0)
    stop_loss: float = parameter(0.03, low=0.001, high=0.5)  # about two days' moves at 25 % a year

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        distance, span = (panel[name] for name in self.features)
        known = ~(np.isnan(distance) | np.isnan(span))
        score = np.where(known, (distance > 0).astype(float), np.nan)
        return Scores(score, stop_loss=while_held(score, self.stop_loss))

    def rules(self) -> dict[str, float | bool]:
        """The fixed stop."""
        return {"stop_loss": self.stop_loss}

    def trail(self, panel: Panel) -> Matrix:
        """Return the trailing stop's distance: average true ranges, in the session's own price basis."""
        return self.atr_multiple * panel[self.features[1]]
