"""Small datasets and quickly trained models."""

from __future__ import annotations

import numpy as np

from models.ml.alpha158 import FEATURES
from models.ml.base import Dataset
from models.ml.dataset import assemble
from models.ml.trainers.alpha158_lightgbm import Alpha158Lightgbm

# Few and large leaves, hardly a penalty: small sets show what they hold.
QUICK = {"rounds": 20, "leaves": 8, "min_rows": 20, "l2": 1.0, "learning_rate": 0.2, "stop_rounds": 5}


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
    parts = {"names": FEATURES, "features": features, "kept": np.ones(t * n, bool), "label": label, "session": session,
             "symbol": np.tile(np.arange(n), t), "symbols": tuple(f"S{i:02d}" for i in range(n)),
             "sessions": np.busday_offset("2018-01-01", np.arange(t), roll="forward")}  # fmt: skip
    return assemble(**{**parts, **changes})  # type: ignore[arg-type]
