"""How a trained model trades: predictions of its promoted version, the best N long and the worst N short."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from models.ml.base import Artifact, Dataset, Index, Predictions, no_version, trainer_class
from models.ml.sides import extremes
from models.panel import Matrix, Panel
from models.strategies.base import BaseStrategy, Scores, parameter


@dataclass(frozen=True)
class ModelStrategy(BaseStrategy):
    """Score +1 for the ``top`` highest predictions of a session, -1 for the ``top`` lowest, 0 between.

    The strategy's name is the family of its trainer. Whoever runs it hands it the promoted version with
    ``with_artifact``; without one it raises BlockedError, it never falls back to anything. N is never more
    than half of the symbols that have a prediction in the session, so no symbol is on both sides and one
    symbol alone stays flat.
    """

    category = "ml"
    starts_active = False  # until a version is promoted it is blocked; promotion activates nothing by itself

    # Fifty and fifty of some 400 symbols, Qlib's TopkDropout default of 50 (Yang and others 2020).
    top: int = parameter(50, low=1, high=1000)

    artifact: ClassVar[Artifact | None] = None  # an instance's own after with_artifact

    def with_artifact(self, artifact: Artifact) -> Self:
        """Return this strategy with a version to predict with.

        Raises:
            ConfigError: through trainer_class, when there is no trainer of the strategy's name.
        """
        trainer_class(self.name)
        loaded = copy.copy(self)
        object.__setattr__(loaded, "artifact", artifact)
        return loaded

    def predict(self, panel: Panel, sessions: Index | None = None) -> Predictions:
        """Predict for whole sessions of a panel that holds ``features``.

        Args:
            panel: with the trainer's ``memory`` sessions before the first asked for.
            sessions: indices of the panel's sessions to predict for, ascending; all by default.

        Returns:
            Arrays [T, N]; NaN in sessions not asked for and where the model has no opinion.

        Raises:
            BlockedError: when no version was handed over.
        """
        if self.artifact is None:
            raise no_version(self.name)
        wanted = np.ones(panel.shape, dtype=bool)
        if sessions is not None:
            wanted[:] = False
            wanted[sessions] = True
        rows = np.flatnonzero(wanted)
        data = Dataset.from_panel(panel, self.features)
        said = trainer_class(self.name).predict(self.artifact, data, rows)

        def spread(values: Matrix) -> Matrix:
            full = np.full(panel.shape, np.nan)
            full.ravel()[rows] = values
            return full

        return said.each(spread)

    def why_silent(self, panel: Panel, cells: Index) -> list[str]:
        """Return why ``predict`` has no opinion on some cells of a panel, numbered row by row.

        Raises:
            BlockedError: when no version was handed over.
        """
        if self.artifact is None:
            raise no_version(self.name)
        data = Dataset.from_panel(panel, self.features)
        return trainer_class(self.name).why_silent(self.artifact, data, cells)

    def decide(self, predictions: Predictions) -> Scores:
        """Turn predictions [T, N] into scores: also what the stored predictions of a session give."""
        sides = extremes(predictions.score, self.top)
        return Scores(sides, confidence=predictions.confidence, position_size=_sizes(sides))

    def score(self, panel: Panel) -> Scores:
        """Return the scores of every session of the panel.

        Raises:
            BlockedError: when no version was handed over.
        """
        return self.decide(self.predict(panel))

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the book that was evaluated: half of the equity on each side, in equal parts."""
        return scores.score * _sizes(scores.score)

    def account_weights(self, target: Matrix, symbols: Sequence[str]) -> Matrix:
        """Return the book as it is: it is one of all symbols."""
        return target


def _sizes(sides: Matrix) -> Matrix:
    """Return each position's share of the capital, unsigned: half of it divided by its side's positions."""
    sizes = np.where(np.isnan(sides), np.nan, 0.0)
    for side in (-1.0, 1.0):
        held = sides == side
        sizes[held] = np.broadcast_to(0.5 / np.maximum(held.sum(axis=1, keepdims=True), 1), sides.shape)[held]
    return sizes
