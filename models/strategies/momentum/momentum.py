"""Momentum: hold what has risen, looked at again every four weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies._state import firsts, held, weekday_blocks
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter


@dataclass(frozen=True)
class Momentum(BaseStrategy):
    """Score +1 after a rise over window sessions, else 0, as it stood at the last rebalancing.

    A period is rebalance_sessions weekdays counted from a fixed Monday, holidays included, so that the dates
    hang neither on where history starts nor on a list of holidays: 20 are four weeks. A symbol decides at the
    period's first session for which its rate of change is known; NaN before its first decision, and where the
    rate is not known. The period in which the panel begins decides nothing. Source: Jegadeesh and Titman
    (1993), Journal of Finance 48(1): 3 months of formation (60 sessions) and monthly holding are among theirs.
    """

    name = "momentum"
    category = "momentum"
    starts_active = False  # the paper account's momentum vote is enhanced_momentum
    features = ("roc_{window}",)
    lookback = None  # a period, whose length is a parameter

    window: int = choice(60, 5, 10, 20, 60)
    rebalance_sessions: int = parameter(20, low=1, high=260)

    def score(self, panel: Panel) -> Scores:
        """Return the scores; a decision stands until the next one."""
        change = panel[self.features[0]]
        known = ~np.isnan(change)
        decides = firsts(known, weekday_blocks(panel.sessions, self.rebalance_sessions))
        rises = held((change > 0).astype(np.float64), decides)
        return Scores(np.where(known, rises, np.nan))
