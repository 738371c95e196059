"""Small datasets and quickly trained models."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from data_layer.features.compute import compute
from data_layer.labels import next_session_return
from models.ml.alpha158 import FEATURES
from models.ml.base import Artifact, Dataset
from models.ml.dataset import assemble
from models.ml.strategy import ModelStrategy
from models.ml.trainers.alpha158_lightgbm import Alpha158Lightgbm
from models.ml.trainers.tft import Tft
from models.strategies.base import BaseStrategy
from models.strategies.discovery import discover_strategies
from tests.support.tft import hand_made

# Few and large leaves, hardly a penalty: small sets show what they hold.
QUICK = {"rounds": 20, "leaves": 8, "min_rows": 20, "l2": 1.0, "learning_rate": 0.2, "stop_rounds": 5}


# The strategies that trade a trained version.
TRAINED = sorted(n for n, cls in discover_strategies().classes.items() if issubclass(cls, ModelStrategy))


def trainer(**values: object) -> Alpha158Lightgbm:
    """Return a trainer for small sets."""
    return Alpha158Lightgbm.from_parameters({**QUICK, **values})


def noisy(
    sessions: int = 420, symbols: int = 12, signal: float = 0.5, seed: int = 0, **changes: object
) -> Dataset:
    """Return features of pure noise whose first one tells ``signal`` of each session's ranking."""
    rng = np.random.default_rng(seed)
    t, n = sessions, symbols
    features = rng.normal(size=(len(FEATURES), t * n)).astype(np.float32)
    label = 0.01 * (signal * features[0] + rng.normal(size=t * n))
    session = np.repeat(np.arange(t), n)
    label[session >= t - 2] = np.nan
    parts = {"names": FEATURES, "features": features, "label": label, "session": session,
             "symbol": np.tile(np.arange(n), t), "symbols": tuple(f"S{i:02d}" for i in range(n)),
             "sessions": np.busday_offset("2018-01-01", np.arange(t), roll="forward")}  # fmt: skip
    return assemble(**{**parts, **changes})  # type: ignore[arg-type]


def dataset_of(
    bars: pd.DataFrame, names: tuple[str, ...] = FEATURES, feature_set: str = "alpha158"
) -> Dataset:
    """Return features and labels of some bars with their factors."""
    computed = compute(bars, names, feature_set)
    sessions, session = np.unique(bars["date"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    symbols, symbol = np.unique(bars["symbol"].to_numpy().astype(str), return_inverse=True)
    return assemble(
        names, np.stack([computed[name].to_numpy() for name in names]),
        next_session_return(bars, "open", 1, session)["label"].to_numpy(), session, symbol, sessions, tuple(symbols),
    )  # fmt: skip


def _alpha158_lightgbm(bars: pd.DataFrame) -> Artifact:
    data = dataset_of(bars)
    return trainer(rounds=30, stop_share=0.0).fit(data, np.arange(len(data)), 7)


def _tft(bars: pd.DataFrame) -> Artifact:
    return hand_made(dataset_of(bars, Tft.features, Tft.feature_set))


# How each family's strategy gets a version to be tested with.
VERSIONS: dict[str, Callable[[pd.DataFrame], Artifact]] = {
    "alpha158_lightgbm": _alpha158_lightgbm,
    "tft": _tft,
}


def armed(strategy: BaseStrategy, bars: Callable[[], pd.DataFrame]) -> BaseStrategy:
    """Return the strategy, one that trades a trained version with a version of these bars."""
    return (
        strategy.with_artifact(_version(strategy.name, bars))
        if isinstance(strategy, ModelStrategy)
        else strategy
    )


@cache
def _version(name: str, bars: Callable[[], pd.DataFrame]) -> Artifact:
    return VERSIONS[name](bars())
