"""Golden cross: hold what trades above its long trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter, while_held


@dataclass(frozen=True)
class GoldenCross(BaseStrategy):
    """Score +1 while the fast average lies above the slow one, else 0; NaN until both exist.

    Long only: the death cross ends the position and opens no short, as the rule is commonly traded. The
    moving-average rule and 200 sessions as its long leg: Brock, Lakonishok, LeBaron (1992), Journal of
    Finance 47(5).
    """

    name = "golden_cross"
    category = "trend"
    starts_active = False  # its idea votes through ema_cross_alpha
    version = "2"  # states a stop
    features = ("sma_{fast}", "sma_{slow}")

    fast: int = choice(50, 5, 10, 20, 50)  # 50 over 200 is what the name stands for
    slow: int = choice(200, 100, 200)
    stop_loss: float = parameter(0.05, low=0.001, high=0.5)  # wider than a week's noise at 25 % a year

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless: a session's score needs that session's averages only."""
        fast, slow = (panel[name] for name in self.features)
        known = ~(np.isnan(fast) | np.isnan(slow))
        score = np.where(known, (fast > slow).astype(float), np.nan)
        return Scores(score, stop_loss=while_held(score, self.stop_loss))

    def rules(self) -> dict[str, float | bool]:
        """The stop."""
        return {"stop_loss": self.stop_loss}
