"""Volatility targeting: hold more of what is calm, less of what is wild."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies.base import BaseStrategy, Panel, Scores, choice, in_equal_slices, parameter


@dataclass(frozen=True)
class VolatilityTargeting(BaseStrategy):
    """Weight = target_volatility / realised volatility, at most max_leverage; the score is their quotient.

    So score +1 is max_leverage of equity. A price that did not move for the whole window scores 0: there is
    no trade in it to measure. NaN while the volatility is not known. The engine trades when the weight is off
    by more than the band, for the estimate moves at every close. Source: Moreira and Muir (2017),
    Volatility-Managed Portfolios, Journal of Finance 72(4): a month's daily returns.
    """

    name = "volatility_targeting"
    category = "volatility"
    starts_active = False  # its vote is long on everything, only its size varies
    features = ("volatility_{window}",)

    window: int = choice(20, 10, 20, 60, 252)
    target_volatility: float = parameter(0.15, low=0.01, high=2.0)  # per year, about a broad index's
    max_leverage: float = parameter(1.5, low=0.1, high=3.0)  # below the 2 that a US margin account may hold
    # A tenth of equity: an estimate from 20 sessions is off by 1 / sqrt(40), 16 %, by chance alone.
    drift_band: float = parameter(0.10, low=0.0, high=1.0)

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        volatility = panel[self.features[0]]
        with np.errstate(divide="ignore"):
            weight = np.minimum(self.target_volatility / volatility, self.max_leverage)
        return Scores(np.where(volatility == 0.0, 0.0, weight / self.max_leverage))

    def rules(self) -> dict[str, float | bool]:
        """The band."""
        return {"band": self.drift_band}

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the weight."""
        return scores.score * self.max_leverage

    def account_weights(self, target: Matrix, symbols: Sequence[str]) -> Matrix:
        """Return each symbol's weight of an equal slice."""
        return in_equal_slices(target)
