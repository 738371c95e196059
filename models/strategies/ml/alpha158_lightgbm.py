"""Alpha158 with LightGBM: the best and the worst of each session by the promoted version."""

from __future__ import annotations

from dataclasses import dataclass

from models.ml.alpha158 import FEATURES
from models.ml.strategy import ModelStrategy


@dataclass(frozen=True)
class Alpha158Lightgbm(ModelStrategy):
    """Long the ``top`` symbols with the highest predicted rank of tomorrow's open to the open after, short the lowest.

    NaN where a feature is missing: a new symbol has no opinion until its 61st session, and one that left the
    universe none from then on. See ``models.ml.trainers.alpha158_lightgbm`` for what is learnt.
    """

    name = "alpha158_lightgbm"
    features = FEATURES
