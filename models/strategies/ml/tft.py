"""Temporal Fusion Transformer: long where its median forecast is highest for its risk, short where lowest."""

from __future__ import annotations

from dataclasses import dataclass

from models.ml.strategy import ModelStrategy
from models.ml.trainers.tft import Tft as Trainer


@dataclass(frozen=True)
class Tft(ModelStrategy):
    """The extremes of a session by median return over interval width, see the trainer of the same name.

    No opinion, and hence no signal, on a symbol that the promoted version has not been trained on, on one
    whose window lacks a session's inputs or too many of the sessions before, and where a feature is NULL.
    """

    name = "tft"
    features = Trainer.features
    lookback = None  # the promoted version's window, which is its parameter
