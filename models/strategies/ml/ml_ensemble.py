"""ML ensemble: what the trained models say together, each heard by the order it brings the symbols into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import BlockedError
from models.panel import Matrix
from models.strategies.base import PREDICTION, BaseStrategy, Panel, Scores, parameter


@dataclass(frozen=True)
class MlEnsemble(BaseStrategy):
    """Score = mean rank of a symbol over the models, in [-1, 1]; 0 below the threshold or in discord.

    It reads stored predictions: the panel holds a matrix ``prediction.<family>`` per family of trained models.
    What families predict has no common unit (LightGBM's score has none at all), so a value is the symbol's place
    among all symbols the family scored in that session, from -1 for the lowest to 1 for the highest, ties
    sharing theirs, 0 in the middle and for one alone; plugins.stages.voices makes it. Families without a value
    for a cell are left out of its mean. In discord means that fewer than ``agreement`` of them have the mean's
    sign. NaN where no family has a value: no prediction, no signal. Sources: equal weights, since fitted ones
    seldom beat them out of sample: Timmermann (2006), Forecast Combinations; ranks in place of values: Borda
    (1781), as in Dwork and others (2001), Rank Aggregation Methods for the Web.
    """

    name = "ml_ensemble"
    version = "2"
    category = "ml"
    starts_active = False  # until models are trained it has nothing to read
    features = ("day_of_week",)  # every bar has it: sessions and symbols, predictions or not
    predictions = True

    threshold: float = parameter(0.5, low=0.0, high=1.0)  # half way up: the best and the worst quarter are taken
    agreement: float = parameter(0.6, low=0.0, high=1.0)  # two of two, two of three, three of five

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
        known = (heard > 0) & ~np.isnan(panel[self.features[0]])
        mean = np.where(known, np.nansum(voices, axis=0) / np.maximum(heard, 1), np.nan)
        agree = (np.sign(voices) == np.sign(mean)).sum(axis=0)
        silent = (np.abs(mean) < self.threshold) | (agree < self.agreement * heard)
        return Scores(np.where(known & silent, 0.0, np.clip(mean, -1.0, 1.0)))

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the side: the size follows every prediction and would trade at each close."""
        return np.sign(scores.score)
