"""Trained models: the dataset from Postgres, a walk-forward against plain lightgbm.train, a day's predictions."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache

import lightgbm
import numpy as np
import pandas as pd

from data_layer.storage.database import transaction
from models.ml.alpha158 import FEATURES
from models.ml.base import Dataset
from models.ml.trainers.alpha158_lightgbm import Alpha158Lightgbm
from models.ml.walk_forward import Fold, folds
from models.panel import Panel
from models.strategies.ml.alpha158_lightgbm import Alpha158Lightgbm as Strategy
from plugins.backtest.market import Market, market_from_database
from plugins.ml.dataset import dataset_for
from plugins.ml.labels import labels_of, members, read_labels, write_labels
from tests.benchmarks.features import timed
from tests.benchmarks.loading import bars, ours, server
from tests.benchmarks.measure import Measure
from tests.support.models import dataset_of

SYMBOLS = 154  # of 2,800 sessions each
DAILY_SYMBOLS = 397
MEMBERS = """INSERT INTO trading_universe (symbol, active_from, name, source, known_at)
SELECT symbol, min(date), symbol, 'bench', min(known_at) FROM market_data GROUP BY symbol"""
# Nothing stops early: both sides grow the same number of trees.
TRAINER = Alpha158Lightgbm(rounds=100, stop_share=0.0)


@cache
def market() -> tuple[Market, float]:
    """431 thousand bars out of Postgres, and the median seconds that they, their labels and their dataset took."""
    with server() as running:
        ours(running.uri("quant_writer"), bars(SYMBOLS))
        with transaction(running.uri("postgres")) as connection:
            connection.execute(MEMBERS)
        uri = running.uri("quant_trainer")
        found = market_from_database(uri)
        write_labels(uri, found, labels_of(found, "open", 1), "open", 1, 0)

        def whole() -> Dataset:
            held = market_from_database(uri)
            label, member = read_labels(uri, held, "open", 1, 0), members(uri, held)
            return dataset_for(held, TRAINER, 0, label, member)

        assert np.isnan(whole().label).mean() < 0.01
        return found, timed(whole, 3)


def training_dataset() -> Iterator[Measure]:
    """From Postgres to what LightGBM bins, features and stored labels ranked, against the limit of three seconds."""
    yield Measure("training_dataset", market()[1], 3.0, 1.0)


def plain(frame: pd.DataFrame, windows: list[Fold]) -> None:
    """Twelve trainings as one writes them: slice the frame, bin, train, with LightGBM's own threads."""
    settings = {**TRAINER.settings(0), "num_threads": 0}
    for fold in windows:
        rows = frame[(frame["session"] >= fold.train_first) & (frame["session"] <= fold.train_last)]
        lightgbm.train(settings, lightgbm.Dataset(rows[list(FEATURES)], rows["ranked"]), TRAINER.rounds)


def training_walk_forward() -> Iterator[Measure]:
    """Twelve folds of a year on one binned dataset, against twelve lightgbm.train calls on data frames."""
    data = dataset_for(market()[0], TRAINER)
    windows = folds(data.sessions, TRAINER.reach)
    whole = np.flatnonzero(~np.isnan(data.features).any(axis=1) & ~np.isnan(data.ranked))
    frame = pd.DataFrame(data.features[whole], columns=list(FEATURES)).assign(
        session=data.session[whole], ranked=data.ranked[whole]
    )
    workers = len(os.sched_getaffinity(0))
    taken: list[tuple[float, float]] = []
    for _ in range(3):
        began = time.perf_counter()
        TRAINER.fit_many(data, [fold.train(data) for fold in windows], 0, workers)
        middle = time.perf_counter()
        plain(frame, windows)
        taken.append((middle - began, time.perf_counter() - middle))
    mine, theirs = np.median(taken, axis=0)
    yield Measure("training_walk_forward", float(mine), float(theirs), 1.25)


def day() -> tuple[Dataset, Panel]:
    """A session's stored features of 397 symbols, as the daily run reads them."""
    some = bars()
    some = some[some["date"] >= some["date"].max() - pd.Timedelta(days=400)]
    data = dataset_of(some.assign(split_factor=1.0, return_factor=1.0, symbol=some["symbol"].astype(str)))
    last = data.features[data.rows_between(len(data.sessions) - 1, len(data.sessions) - 1)]
    values = np.resize(last.astype(np.float64), (1, DAILY_SYMBOLS, len(FEATURES)))
    symbols = tuple(f"S{i:03d}" for i in range(DAILY_SYMBOLS))
    return data, Panel(
        data.sessions[-1:], symbols, {name: values[:, :, k] for k, name in enumerate(FEATURES)}
    )


def daily_prediction() -> Iterator[Measure]:
    """From the artifact's text and a panel of 397 symbols to their scores, against the limit of a second."""
    data, panel = day()
    trainer = Alpha158Lightgbm(stop_share=0.0)
    strategy = Strategy().with_artifact(trainer.fit(data, np.arange(len(data)), 0))
    yield Measure("daily_prediction", timed(lambda: strategy.score(panel), 5), 1.0, 1.0)


BENCHMARKS = (training_dataset, training_walk_forward, daily_prediction)
