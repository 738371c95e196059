"""EMA cross alpha: the side on which the fast average lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores, choice


@dataclass(frozen=True)
class EmaCrossAlpha(BaseStrategy):
    """Score +1 while the fast exponential average lies above the slow one, -1 below it, 0 when equal.

    NaN until both exist. Source: Appel's (1979) lengths 12 and 26; as a signal of both sides it is
    QuantConnect's EmaCrossAlphaModel.
    """

    name = "ema_cross_alpha"
    category = "alpha"
    features = ("ema_{fast}", "ema_{slow}")

    fast: int = choice(12, 5, 9, 12, 20)
    slow: int = choice(26, 26, 50, 100, 200)

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        fast, slow = (panel[name] for name in self.features)
        return Scores(np.sign(fast - slow))
