"""ML ensemble: what the trained models expect together, measured in risk."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.errors import BlockedError
from models.panel import Matrix
from models.strategies.base import PREDICTION, BaseStrategy, Panel, Scores, choice, parameter


@dataclass(frozen=True)
class MlEnsemble(BaseStrategy):
    """Score = mean prediction over the risk of its horizon, in [-1, 1]; 0 below the threshold or in discord.

    It reads stored predictions: the panel holds a matrix ``prediction.<model>`` per trained model, the total
    return expected over ``horizon`` sessions from the next open, a fraction. Models without a value for a
    cell are left out of its mean. In discord means that fewer than ``agreement`` of them have the mean's
    sign. NaN where no model has a value or the volatility is not known. Sources: equal weights, since fitted
    ones seldom beat them out of sample: Timmermann (2006), Forecast Combinations; return over risk as the
    size: Grinold and Kahn (1999), Active Portfolio Management.
    """

    name = "ml_ensemble"
    category = "ml"
    starts_active = False  # until models are trained it has nothing to read
    features = ("volatility_{window}",)
    predictions = True

    window: int = choice(20, 10, 20, 60, 252)  # sessions of the volatility
    horizon: int = parameter(5, low=1, high=252)  # sessions, as the default holding period
    threshold: float = parameter(0.05, low=0.0, high=1.0)  # an information coefficient, "good" by the source
    agreement: float = parameter(0.6, low=0.0, high=1.0)  # two of three, three of five

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless.

        Raises:
            BlockedError: when the panel holds no predictions.
        """
        names = sorted(name for name in panel.values if name.startswith(PREDICTION))
        if not names:
            raise BlockedError("no stored predictions", stage="strategies", key="model", value=self.name,
                               remedy="train models first, or keep is_active = false in models")  # fmt: skip
        voices = np.stack([panel[name] for name in names])
        heard = (~np.isnan(voices)).sum(axis=0)
        volatility = panel[self.features[0]]
        known = (heard > 0) & ~np.isnan(volatility)
        mean = np.where(known, np.nansum(voices, axis=0) / np.maximum(heard, 1), np.nan)
        agree = (np.sign(voices) == np.sign(mean)).sum(axis=0)
        risk = volatility * math.sqrt(self.horizon / 252.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(risk > 0.0, mean / risk, 0.0)
        silent = (np.abs(size) < self.threshold) | (agree < self.agreement * heard)
        score = np.where(known, np.where(silent, 0.0, np.clip(size, -1.0, 1.0)), np.nan)
        return Scores(score, expected_return=np.where(score != 0.0, np.clip(mean, -1.0, 10.0), 0.0 * mean))

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the side: the size follows every prediction and would trade at each close."""
        return np.sign(scores.score)
