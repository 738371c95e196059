"""Dollar-cost averaging: the same amount every month, whatever the price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies._state import firsts, months
from models.strategies.base import BaseStrategy, Panel, Scores, parameter


@dataclass(frozen=True)
class DollarCostAveraging(BaseStrategy):
    """Buys amount_usd once a month, decided at the close of the month's first session that has a bar.

    The month in which the panel begins buys nothing, for its first session may lie before. The score is +1
    wherever there is a bar: a score is a wanted share of a position and cannot say an amount; only an
    engine's account buys by ``target``. It buys while its cash lasts and sells nothing. Source:
    Constantinides (1979), A Note on the Suboptimality of Dollar-Cost Averaging as an Investment Policy.
    """

    name = "dollar_cost_averaging"
    category = "allocation"
    starts_active = False  # its vote would be that of buy_and_hold
    features = ("day_of_week",)  # every bar has it from the first on, so it tells where there is one
    # A month has at most 23 weekdays: 22 before this session, and one that shows where the month begins.
    lookback = 23

    amount_usd: float = parameter(1_000.0, low=1.0, high=1_000_000.0)  # 1 % of the default capital

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        return Scores(np.where(np.isnan(panel["day_of_week"]), np.nan, 1.0))

    def rules(self) -> dict[str, float | bool]:
        """Targets are amounts."""
        return {"buys_amounts": True}

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the amount on the month's first session, 0 on the others."""
        due = firsts(~np.isnan(panel["day_of_week"]), months(panel.sessions))
        return np.where(due, self.amount_usd, 0.0)
