"""Mean reversion: trade back from the Bollinger bands to the middle."""

from __future__ import annotations

from dataclasses import dataclass

from models.strategies._state import reversion
from models.strategies.base import BaseStrategy, Panel, Scores, choice, parameter, while_held


@dataclass(frozen=True)
class MeanReversion(BaseStrategy):
    """Score +1 from a close below the lower band until the middle, -1 from above the upper one until it.

    A band is the average less or plus width standard deviations (ddof 0), so the rule is one on the standard
    score of the close. NaN where that has no value (warm-up, equal closes); the position stands meanwhile.
    Source: Bollinger (2001), Bollinger on Bollinger Bands; 20 sessions and 2 deviations are his. Stop and
    profit target 2 to 5: the rule wins often and little, so one loss must not cost many wins.
    """

    name = "mean_reversion"
    category = "mean_reversion"
    starts_active = False  # the paper account's reversion vote is rsi_reversion
    features = ("zscore_{window}",)
    lookback = None  # the position may have begun any number of sessions ago

    window: int = choice(20, 20, 60)
    width: float = parameter(2.0, low=0.5, high=5.0)
    stop_loss: float = parameter(0.02, low=0.001, high=0.5)
    take_profit: float = parameter(0.05, low=0.001, high=1.0)

    def score(self, panel: Panel) -> Scores:
        """Return the scores; memory runs along the sessions."""
        score = reversion(panel[self.features[0]], -self.width, self.width, 0.0, 0.0)
        return Scores(score, stop_loss=while_held(score, self.stop_loss))

    def rules(self) -> dict[str, float | bool]:
        """Stop and target."""
        return {"stop_loss": self.stop_loss, "take_profit": self.take_profit}
