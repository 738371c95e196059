"""Buy and hold: what every other strategy has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores


@dataclass(frozen=True)
class BuyAndHold(BaseStrategy):
    """Score +1 wherever the symbol has a bar.

    Source: Sharpe (1991), The Arithmetic of Active Management: after costs the average active dollar earns
    less than the held one, so this is the benchmark of a ranking.
    """

    name = "buy_and_hold"
    category = "allocation"
    starts_active = False  # a benchmark: its vote is long on everything, always
    features = ("day_of_week",)  # every bar has it from the first on, so it tells where there is one

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        return Scores(np.where(np.isnan(panel["day_of_week"]), np.nan, 1.0))
