"""What a training works on: the market as of its cutoff, the dataset, the folds; and the rows it stores of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from data_layer.storage.registry import Row
from models.errors import ConfigError, DataQualityError
from models.ml.base import Artifact, Dataset, Finding, Trainer, families
from models.ml.leakage import future_in_features, future_in_predictions, permuted_labels
from models.ml.walk_forward import Fold, FoldResult, folds
from plugins.backtest.market import Market, market_from_database, nearest
from plugins.ml.dataset import dataset_for, rebuilder
from plugins.ml.labels import Member, label_version, labels_of, members, read_labels, write_labels


@dataclass(frozen=True)
class Material:
    """What the steps of one training share; each task builds it anew, from the same bars."""

    run: Row  # of training_runs
    market: Market
    trainer: Trainer
    data: Dataset
    folds: list[Fold]
    member: Member  # [rows of the market]

    @classmethod
    def read(cls, uri: str, run: Row, market: Market, trainer: Trainer, laid: list[Fold], member: Member) -> Self:
        """Read the run's labels and put its features beside them.

        Raises:
            DataQualityError: when bars or labels are not those the run began with.
        """
        if market.data_version != run["data_version"]:
            raise DataQualityError("the bars as of the run's cutoff are not those it began with", stage="training",
                                   key="data_version", value=market.data_version, remedy="train again")  # fmt: skip
        first = first_needed(trainer, laid)
        label = read_labels(uri, market, trainer.label_price, trainer.label_horizon, first)
        if (found := label_version(market, label, first)) != run["label_version"]:
            raise DataQualityError("the stored labels are not those the run began with", stage="training",
                                   key="label_version", value=found,
                                   remedy="a later training has seen corrected bars: train again")  # fmt: skip
        return cls(run, market, trainer, dataset_for(market, trainer, first, label, member), laid, member)


def family_class(family: str) -> type[Trainer]:
    """Return the trainer of a family.

    Raises:
        ConfigError: for an unknown family, with the names most like it.
    """
    known = families()
    if family not in known:
        raise ConfigError("no such model family", stage="training", key="MODEL", value=family,
                          remedy=f"did you mean {nearest(family, sorted(known))}?")  # fmt: skip
    return known[family]


def load_material(uri: str, run: Row) -> Material:
    """Build a run's material from the bars as of its cutoff.

    Raises:
        DataQualityError: when they, or the labels, are not those the run began with.
    """
    trainer = family_class(run["family"]).from_parameters(run["parameters"])
    asked = run["asked"]
    start = dt.date.fromisoformat(asked["start"]) if asked["start"] else None
    market = market_from_database(uri, asked["symbols"], start, run["last_session"], run["known_at"])
    laid = lay_folds(market, trainer, run["folds"])
    return Material.read(uri, run, market, trainer, laid, members(uri, market))


def material_of(uri: str, used: Row, m: Material) -> Material:
    """Return what another training's configuration learns from, for the test windows of ``m`` and the bars it knows.

    Its own are the parameters, symbols, seed and length of the training windows.

    Raises:
        DataQualityError: when the sessions do not hold its training windows.
    """
    trainer = family_class(used["family"]).from_parameters(used["parameters"])
    market, own = m.market, ("train_months", "expanding", "embargo")
    if set(used["asked"]["symbols"]) != set(m.run["asked"]["symbols"]):
        market = market_from_database(uri, used["asked"]["symbols"], None, m.run["last_session"], m.run["known_at"])
    member = members(uri, market)
    # Sessions are those of all symbols held; counted back from the same one, test windows are the same.
    shape = {**m.run["folds"], **{name: used["folds"][name] for name in own}}
    laid = folds(market.sessions, m.trainer.reach, **shape)
    first, price, horizon = first_needed(trainer, laid), trainer.label_price, trainer.label_horizon
    write_labels(uri, market, labels_of(market, price, horizon, member), price, horizon, first)
    stored = read_labels(uri, market, price, horizon, first)
    return Material(used, market, trainer, dataset_for(market, trainer, first, stored, member), laid, member)


def lay_folds(market: Market, trainer: Trainer, shape: Mapping[str, Any]) -> list[Fold]:
    """Lay the folds over the market's sessions from START on, as indices into all of its sessions.

    Args:
        market: the market.
        trainer: whose reach the purge takes.
        shape: train_months, test_months, count, expanding, embargo.
    """
    laid = folds(market.sessions[market.begin :], trainer.reach, **shape)
    moved = ("train_first", "train_last", "test_first", "test_last")
    return [replace(fold, **{name: getattr(fold, name) + market.begin for name in moved}) for fold in laid]


def first_needed(trainer: Trainer, laid: Sequence[Fold]) -> int:
    """Return the first session that a fold learns from or looks back to."""
    return max(0, laid[0].train_first - trainer.memory)


def newest_window(m: Material) -> tuple[int, int]:
    """Return the first and last session a registered model learns from: up to the last label known.

    As long as a fold's window, or with expanding folds from where they begin.
    """
    last = len(m.data.sessions) - 1 - m.trainer.reach
    if m.run["folds"]["expanding"]:
        return m.folds[0].train_first, last
    edge = pd.Timestamp(m.data.sessions[last]) - pd.DateOffset(months=m.run["folds"]["train_months"])
    return int(np.searchsorted(m.data.sessions, np.datetime64(edge, "D"), "right")), last


def find_leakage(m: Material) -> list[Finding]:
    """Search for what the model should not have known: in features, labels, predictions and out-of-sample skill."""
    last, seed = m.folds[-1], m.run["seed"]
    rebuild = rebuilder(m.market, m.trainer, first_needed(m.trainer, m.folds), m.member)
    artifact: Artifact = m.trainer.fit(m.data, last.train(m.data), seed)
    return [
        *future_in_features(m.data, rebuild, [last.train_last, last.test_first]),
        *future_in_predictions(type(m.trainer), artifact, m.data, rebuild, last.test_first),
        *permuted_labels(m.trainer, m.data, last, seed),
    ]


def fold_row(result: FoldResult, data: Dataset) -> dict[str, Any]:
    """Return a fold as a row of walk_forward_results."""
    found = result.evaluation
    first, last, begin, end = result.fold.dates(data.sessions)
    measures = {"ic": found.ic, "rank_ic": found.rank_ic, "icir": found.icir, "sharpe_ratio": found.sharpe,
                "win_rate": found.win_rate, "turnover": found.turnover}  # fmt: skip
    return {
        "fold": result.fold.number, "train_start": str(first), "train_end": str(last), "test_start": str(begin),
        "test_end": str(end), "n": found.n, "sessions": len(found.sessions),
        "daily_returns": found.returns[~np.isnan(found.returns)].tolist(),
        **{name: known(value) for name, value in measures.items()},
    }  # fmt: skip


def known(value: float) -> float | None:
    """Return None for NaN, as tables have it."""
    return None if math.isnan(value) else float(value)
