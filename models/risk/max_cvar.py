"""The mean loss of the worst sessions may not grow beyond a fraction of equity."""

from __future__ import annotations

import math

import numpy as np

from models.risk.base import Floats
from models.risk.portfolio_risk import PortfolioRisk

TAIL = 0.05  # the worst twentieth


class MaxCvar(PortfolioRisk):
    """CVaR 95: mean loss of the worst twentieth of sessions.

    5 % of equity: the account that meets such a session is still far from its drawdown limit.
    """

    name = "max_cvar"

    def measure(self, profits: Floats) -> float:
        """Return the mean of the worst 5 % of profits, as a loss (Rockafellar and Uryasev, 2000, empirical form)."""
        tail = TAIL * len(profits)
        whole = math.floor(tail)
        worst = np.sort(profits)[: whole + 1]
        return -float(worst[:whole].sum() + (tail - whole) * worst[whole]) / tail
