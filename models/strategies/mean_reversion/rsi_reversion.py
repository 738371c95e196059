"""RSI reversion: buy what fell too fast, sell what rose too fast, leave when it is back in the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies._state import reversion
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter, while_held


@dataclass(frozen=True)
class RsiReversion(BaseStrategy):
    """Long from below oversold until exit_level, short from above overbought until exit_level.

    While a position lasts the score is the distance from exit_level, linear: +1 at RSI 0, 0 at exit_level,
    -1 at RSI 100 (so +0.4 at the classic 30). Without a position it is 0, also between the bands.
    A session without RSI scores NaN and leaves the position as it was: the rule says until exit_level, and
    nothing was seen of it. An engine's account holds the whole position while it lasts: a weight that follows
    the index would trade at every close. Source: Wilder (1978), New Concepts in Technical Trading Systems;
    14 sessions and 30/70 are his, 50 is the index's middle.
    """

    name = "rsi_reversion"
    category = "mean_reversion"
    starts_active = False  # its idea votes through rsi_alpha
    version = "2"  # states a stop
    features = ("rsi_{window}",)
    lookback = None  # the position may have begun any number of sessions ago

    window: int = choice(14, 7, 14, 21)
    oversold: float = parameter(30.0, low=1.0, high=45.0)
    overbought: float = parameter(70.0, low=55.0, high=99.0)
    exit_level: float = parameter(50.0, low=45.0, high=55.0)
    stop_loss: float = parameter(0.03, low=0.001, high=0.5)  # about two days' moves at 25 % a year

    def score(self, panel: Panel) -> Scores:
        """Return the scores; memory runs along the sessions."""
        rsi = panel[self.features[0]]
        state = reversion(rsi, self.oversold, self.overbought, self.exit_level, self.exit_level)
        distance = self.exit_level - rsi
        strength = np.where(distance > 0, distance / self.exit_level, distance / (100.0 - self.exit_level))
        score = np.where(state == 0, 0.0, np.clip(strength, -1.0, 1.0))
        return Scores(score, stop_loss=while_held(score, self.stop_loss))

    def rules(self) -> dict[str, float | bool]:
        """The stop."""
        return {"stop_loss": self.stop_loss}

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the side of the position."""
        return np.sign(scores.score)
