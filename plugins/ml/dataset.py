"""Datasets from the bars of the home's database or of files: features computed anew, labels beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from data_layer.features.compute import REACH, fill
from data_layer.features.panel import Rows
from data_layer.features.registry import catalogue, select
from data_layer.labels import next_session_return
from models.ml.base import Dataset, Price, Trainer
from models.ml.dataset import assemble
from plugins.backtest.market import Market

BAR = ["open", "high", "low", "close", "volume"]


def dataset_for(market: Market, trainer: Trainer, first: int = 0) -> Dataset:
    """Return what a trainer learns from, from a session on; see ``dataset``."""
    names = trainer.features or tuple(d.name for d in catalogue(trainer.feature_set))
    return dataset(market, names, trainer.feature_set, trainer.label_price, trainer.label_horizon, first)


def dataset(
    market: Market,
    names: Sequence[str],
    feature_set: str,
    price: Price = "open",
    horizon: int = 1,
    first: int = 0,
) -> Dataset:
    """Compute features and labels of the bars held.

    Features are those the daily run stores, float32, computed from the same bars by the same functions (the
    stored ones are compared with them by the chain); labels come from prices adjusted for splits and dividends
    and exist only in memory. Bars are those known at the market's cutoff, so a label whose end lies beyond is
    NaN, and no training window ever holds it.

    Args:
        market: bars with their factors; all sessions, whatever START.
        names: features of the set, in the model's order.
        feature_set: the set.
        price: the label's, see ``data_layer.labels``.
        horizon: sessions between the label's two prices.
        first: index of the first session with rows; features see the bars before it.

    Raises:
        ConfigError: for an unknown feature.
        DataQualityError: when there are no bars.
    """
    columns, rows = select(names, feature_set), Rows.from_bars(market.frame)
    wanted = market.row_session >= first
    kept = wanted
    if first and feature_set in REACH:
        rows, seen = rows.tails(wanted, REACH[feature_set])
        kept = wanted[seen]
    matrix = np.empty((len(columns), len(kept)), np.float32)
    fill(matrix, columns, rows)
    label = next_session_return(market.frame, price, horizon, market.row_session)["label"].to_numpy()
    return assemble(
        tuple(names), matrix, label[wanted], market.row_session[wanted], market.row_symbol[wanted],
        market.sessions, market.symbols, price, horizon,
        tuple(market.sectors.get(s, "") for s in market.symbols), kept,
    )  # fmt: skip


def rebuilder(market: Market, trainer: Trainer, first: int = 0) -> Callable[[int], Dataset]:
    """Return what the leakage checks ask for: the dataset, every bar after a session changed.

    Each price and volume has a factor of its own (the seed is the session): a factor common to a bar's prices
    would leave its ratios as they were, and a feature that leans on tomorrow's candle would go unseen.
    """

    def rebuild(session: int) -> Dataset:
        later = np.flatnonzero(market.row_session > session)
        rng = np.random.default_rng(session)
        frame = market.frame.copy()
        scaled = frame[BAR].to_numpy(np.float64, copy=True)
        scaled[later] *= np.exp(rng.normal(0.0, 0.2, (len(later), len(BAR))))
        frame[BAR] = scaled
        return dataset_for(replace(market, frame=frame), trainer, first)

    return rebuild
