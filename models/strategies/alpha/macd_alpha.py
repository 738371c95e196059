"""MACD alpha: the side of the signal line on which the MACD lies, when it is far enough from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores, parameter


@dataclass(frozen=True)
class MacdAlpha(BaseStrategy):
    """Score +1 when MACD less signal exceeds bounce_limit of the price, -1 below its negative, else 0.

    The limit keeps a MACD that hugs its signal line from signalling at every touch. NaN until the signal
    line exists. Lengths 12, 26, 9: Appel (1979), The Moving Average Convergence-Divergence Trading Method.
    The dead zone around zero, relative to the price, is that of QuantConnect's MacdAlphaModel; theirs is on
    the signal line and 1 %, this one on the difference, which is a few times smaller.
    """

    name = "macd_alpha"
    category = "alpha"
    features = ("macd_hist", "sma_20", "sma_distance_20")

    bounce_limit: float = parameter(0.0025, low=0.0, high=0.1)  # fraction of the price

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless."""
        histogram, average, distance = (panel[name] for name in self.features)
        close = average * (1.0 + distance)
        share = np.divide(histogram, close, out=np.full(close.shape, np.nan), where=close > 0)
        return Scores(np.where(np.abs(share) <= self.bounce_limit, 0.0, np.sign(share)))
