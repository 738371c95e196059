"""Datasets from the bars of the home's database or of files: features computed anew, labels beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_layer.features.compute import fill
from data_layer.features.panel import Rows
from data_layer.features.registry import catalogue, select
from data_layer.labels import next_session_return
from models.ml.base import Dataset, Price, Trainer
from models.ml.dataset import assemble
from plugins.backtest.market import Market

PRICES = ("open", "high", "low", "close")


def dataset_for(market: Market, trainer: Trainer) -> Dataset:
    """Return the dataset a trainer learns from; see ``dataset``."""
    names = trainer.features or tuple(d.name for d in catalogue(trainer.feature_set))
    return dataset(market, names, trainer.feature_set, trainer.label_price, trainer.label_horizon)


def dataset(
    market: Market, names: Sequence[str], feature_set: str, price: Price = "open", horizon: int = 1
) -> Dataset:
    """Compute features and labels of every bar held.

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

    Raises:
        ConfigError: for an unknown feature.
        DataQualityError: when there are no bars.
    """
    matrix = np.empty((len(names), len(market.frame)), np.float32)
    fill(matrix, select(names, feature_set), Rows.from_bars(market.frame))
    label = next_session_return(market.frame, price, horizon, market.row_session)["label"].to_numpy()
    return assemble(
        tuple(names), matrix, label, market.row_session, market.row_symbol, market.sessions, market.symbols,
        price, horizon, tuple(market.sectors.get(s, "") for s in market.symbols),
    )  # fmt: skip
