"""The portfolio's volatility may not grow beyond a threshold."""

from __future__ import annotations

import math

from models.risk.base import Floats
from models.risk.portfolio_risk import PortfolioRisk

SESSIONS_PER_YEAR = 252


class MaxVolatility(PortfolioRisk):
    """Standard deviation of a session's profit, per year.

    30 %: one and a half times a stock index, reached only by an account all in a few names.
    """

    name = "max_volatility"

    def measure(self, profits: Floats) -> float:
        """Return the sample deviation times the root of 252."""
        return float(profits.std(ddof=1)) * math.sqrt(SESSIONS_PER_YEAR)
