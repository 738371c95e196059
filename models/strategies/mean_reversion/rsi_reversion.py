"""RSI reversion: buy what fell too fast, sell what rose too fast, leave when it is back in the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.strategies.base import BaseStrategy, Panel, Scores, parameter


@dataclass(frozen=True)
class RsiReversion(BaseStrategy):
    """Long from below oversold until exit_level, short from above overbought until exit_level.

    While a position lasts the score is the distance from exit_level, linear: +1 at RSI 0, 0 at exit_level,
    -1 at RSI 100 (so +0.4 at the classic 30). Without a position it is 0, also between the bands.
    A session without RSI scores NaN and leaves the position as it was: the rule says until exit_level, and
    nothing was seen of it. Source: Wilder (1978), New Concepts in Technical Trading Systems; 14 sessions
    and 30/70 are his, 50 is the index's middle.
    """

    name = "rsi_reversion"
    category = "mean_reversion"
    features = ("rsi_14",)
    lookback = None  # the position may have begun any number of sessions ago

    oversold: float = parameter(30.0, low=1.0, high=45.0)
    overbought: float = parameter(70.0, low=55.0, high=99.0)
    exit_level: float = parameter(50.0, low=45.0, high=55.0)

    def score(self, panel: Panel) -> Scores:
        """Return the scores; memory runs along the sessions, all symbols at once."""
        rsi = panel["rsi_14"]
        state = np.zeros(rsi.shape[1])
        states = np.empty(rsi.shape)
        for t, row in enumerate(rsi):  # comparisons with NaN are false, so a NaN keeps the state
            state = np.where((state > 0) & (row >= self.exit_level), 0.0, state)
            state = np.where((state < 0) & (row <= self.exit_level), 0.0, state)
            state = np.where(row < self.oversold, 1.0, np.where(row > self.overbought, -1.0, state))
            states[t] = state
        distance = self.exit_level - rsi
        strength = np.where(distance > 0, distance / self.exit_level, distance / (100.0 - self.exit_level))
        return Scores(np.where(np.isnan(rsi), np.nan, np.where(states != 0, np.clip(strength, -1, 1), 0.0)))
