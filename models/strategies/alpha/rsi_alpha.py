"""RSI alpha: a signal when the index leaves its bands, kept until it has come back for good."""

from __future__ import annotations

from dataclasses import dataclass

from models.strategies._state import reversion
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter


@dataclass(frozen=True)
class RsiAlpha(BaseStrategy):
    """Score +1 once RSI falls below oversold, -1 once it rises above overbought, else 0.

    The signal ends when the index is back inside by at least the bounce: 35 and 65 by default. Without it an
    index that trembles around 30 would signal anew at every close. NaN without RSI; the signal stands
    meanwhile. Source: the bands are Wilder's (1978); the reset after the tolerance is that of QuantConnect's
    RsiAlphaModel.
    """

    name = "rsi_alpha"
    category = "alpha"
    features = ("rsi_{window}",)
    lookback = None  # the signal may have begun any number of sessions ago

    window: int = choice(14, 7, 14, 21)
    oversold: float = parameter(30.0, low=1.0, high=45.0)
    overbought: float = parameter(70.0, low=55.0, high=99.0)
    bounce: float = parameter(5.0, low=0.0, high=20.0)  # points

    def score(self, panel: Panel) -> Scores:
        """Return the scores; memory runs along the sessions."""
        low, high = self.oversold, self.overbought
        return Scores(reversion(panel[self.features[0]], low, high, low + self.bounce, high - self.bounce))
