"""The TFT: its smallest form trained on a small real set, and a day's predictions of 397 symbols by onnxruntime."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from models.ml.base import Dataset
from models.ml.trainers import _tft_serving
from models.ml.trainers.tft import Tft
from tests.benchmarks.features import timed
from tests.benchmarks.loading import bars
from tests.benchmarks.measure import Measure
from tests.support.models import dataset_of
from tests.support.tft import SMALLEST

SYMBOLS = 8
DAILY_SYMBOLS = 397
TRAINER = Tft(windows=2000, epochs=1)  # the default network; how long it was trained does not matter to serving


@cache
def data() -> Dataset:
    """Two years of eight symbols."""
    some = bars(SYMBOLS)
    some = some[some["date"] >= some["date"].max() - pd.Timedelta(days=730)]
    some = some.assign(split_factor=1.0, return_factor=1.0, symbol=some["symbol"].astype(str))
    return dataset_of(some, Tft.features, Tft.feature_set)


def training_tft() -> Iterator[Measure]:
    """A training from dataset to artifact, torch's own start left out, against the limit of three minutes."""
    import pytorch_forecasting  # noqa: F401

    begun = time.perf_counter()
    SMALLEST.fit(data(), np.arange(len(data())), 0)
    yield Measure("training_tft", time.perf_counter() - begun, 180.0, 1.0)


def daily_prediction_tft() -> Iterator[Measure]:
    """From the artifact's bytes and a day's data to quantiles of 397 symbols, against the limit of three seconds."""
    artifact = TRAINER.fit(data(), np.arange(len(data())), 0)
    last = len(data().sessions) - 1
    rows = np.resize(data().rows_between(last, last), DAILY_SYMBOLS)  # the eight again and again: a window is a call

    def predict() -> None:
        _tft_serving.session.cache_clear()
        assert not np.isnan(Tft.predict(artifact, data(), rows).score).any()

    yield Measure("daily_prediction_tft", timed(predict, 5), 3.0, 1.0)


BENCHMARKS = (training_tft, daily_prediction_tft)
