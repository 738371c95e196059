"""Dual momentum: hold what beat both cash and its peers over a year, else cash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies._parameters import per_session
from models.strategies._state import Cells, firsts, held, months
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter


@dataclass(frozen=True)
class DualMomentum(BaseStrategy):
    """Score +1 when, at the month's first session, the total return over window sessions passed both legs.

    Absolute: it is above a hurdle of cash_return a year. Relative: it is among the best top_share of the panel's
    symbols with a return on that session, at least one, ties included; so in a panel of one symbol the relative
    leg always passes and the rule is the absolute one. Else 0, which is cash at the risk-free rate. A symbol
    without a return on the month's first session decides on its next one with it. NaN before a symbol's first
    decision, where its return is not known, and in the month in which the panel begins.
    Source: Antonacci (2014), Dual Momentum Investing: 12 months, monthly, the better one of two assets
    (hence one half), Treasury bills as the hurdle and refuge.
    """

    name = "dual_momentum"
    category = "momentum"
    starts_active = False  # the paper account's momentum vote is enhanced_momentum
    features = ("return_{window}",)
    # A month has at most 23 weekdays: 22 before this session, and one that shows where the month begins.
    lookback = 23

    window: int = choice(252, 20, 60, 120, 252)
    cash_return: float = parameter(0.02, low=-0.1, high=0.25)  # per year, as the default of RISK_FREE_RATE
    top_share: float = parameter(0.5, low=0.0, high=1.0)

    def score(self, panel: Panel) -> Scores:
        """Return the scores; a decision stands until the next one."""
        gain = panel[self.features[0]]
        known = ~np.isnan(gain)
        decides = firsts(known, months(panel.sessions))
        hurdle = (1.0 + per_session(self.cash_return)) ** self.window - 1.0
        passes = held(((gain > hurdle) & self._among_best(gain, decides)).astype(np.float64), decides)
        return Scores(np.where(known, passes, np.nan))

    def _among_best(self, gain: Matrix, decides: Cells) -> Cells:
        """Return the relative leg on the sessions on which somebody decides."""
        days = np.flatnonzero(decides.any(axis=1))
        ranked = np.sort(gain[days], axis=1)  # NaN goes to the end
        known = (~np.isnan(ranked)).sum(axis=1)  # at least the one that decides
        best = np.maximum(np.ceil(known * self.top_share).astype(np.int64), 1)
        passes = np.zeros(gain.shape, dtype=np.bool_)
        passes[days] = gain[days] >= ranked[np.arange(len(days)), known - best][:, None]
        return passes
