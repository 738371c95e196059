"""Datasets from the bars of the home's database or of files: features computed anew, labels put beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from data_layer.features.compute import REACH, fill
from data_layer.features.panel import Rows
from data_layer.features.registry import catalogue, select
from models.ml.base import Dataset, Floats, Price, Trainer
from models.ml.dataset import assemble
from plugins.backtest.market import Market
from plugins.ml.labels import Member, labels_of

BAR = ["open", "high", "low", "close", "volume"]


def dataset_for(
    market: Market, trainer: Trainer, first: int = 0, label: Floats | None = None, member: Member | None = None
) -> Dataset:
    """Return what a trainer learns from, from a session on; see ``dataset``. Without labels they are computed."""
    names = trainer.features or tuple(d.name for d in catalogue(trainer.feature_set))
    price, horizon = trainer.label_price, trainer.label_horizon
    label = labels_of(market, price, horizon) if label is None else label
    return dataset(market, names, trainer.feature_set, label, price, horizon, first, member)


def dataset(
    market: Market,
    names: Sequence[str],
    feature_set: str,
    label: Floats,
    price: Price = "open",
    horizon: int = 1,
    first: int = 0,
    member: Member | None = None,
) -> Dataset:
    """Compute features of the bars held and put labels beside them.

    Features are those the daily run stores, float32, computed from the same bars by the same functions (the
    stored ones are compared with them by the chain). Bars are those known at the market's cutoff, so a label
    whose end lies beyond is NaN, and no training window ever holds it.

    Args:
        market: bars with their factors; all sessions, whatever START.
        names: features of the set, in the model's order.
        feature_set: the set.
        label: [R] of the market's rows; a training reads them from training_labels, where no other role can.
        price: what the label runs between, see ``data_layer.labels``.
        horizon: sessions between its two prices.
        first: index of the first session with rows; features see the bars before it.
        member: [R] rows of members of the universe; None for all.

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
    return assemble(
        tuple(names), matrix, label[wanted], market.row_session[wanted], market.row_symbol[wanted],
        market.sessions, market.symbols, price, horizon,
        tuple(market.sectors.get(s, "") for s in market.symbols), kept,
        None if member is None else member[wanted],
    )  # fmt: skip


def rebuilder(
    market: Market, trainer: Trainer, first: int = 0, member: Member | None = None
) -> Callable[[int], Dataset]:
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
        changed = replace(market, frame=frame)
        label = labels_of(changed, trainer.label_price, trainer.label_horizon, member)
        return dataset_for(changed, trainer, first, label, member)

    return rebuild
