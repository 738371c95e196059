"""Signals asked for at will: what the promoted version of a model says of some symbols, from features as of a date."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from data_layer.settings import load_settings
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.registry import find_version, promoted_version
from data_layer.storage.training import feature_set_version
from models.errors import BlockedError, ConfigError
from models.ml.base import no_version
from models.ml.strategy import ModelStrategy
from models.strategies.discovery import discover_strategies
from plugins.ml.material import family_class
from plugins.ml.serving import foretell, with_version
from plugins.stages.runs import completed_sessions
from plugins.web.reading import role_uri

STAGE = "generate"
KEPT_VERSIONS = 4  # a home has one in use a family; some megabytes each
SIDE = 0.5  # of the equity on each side, in equal parts: the book that versions are judged by


def generate(
    symbols: Sequence[str], as_of: dt.date, top: int, bottom: int, family: str | None = None
) -> dict[str, Any]:
    """Rank symbols by the prediction of the version in use, made from the features of the last session up to a date.

    What is said of a session is what the daily run says of it, bit for bit; nothing is stored.

    Args:
        symbols: to rank, without repetition.
        as_of: the session's features, and what was known at its close, are all that is looked at.
        top: how many of the best to hold, each SIDE / top of the equity.
        bottom: how many of the worst to sell short, each SIDE / bottom of it.
        family: model; None for the only one in use.

    Returns:
        model, version, session_date; signals: by rank symbol, score, predicted_return (median of the nearest horizon,
        None for a family without quantiles), rank, target_weight; without_opinion: symbols the model says nothing of.

    Raises:
        ConfigError: no session up to the date, no such family, more asked to hold than can be ranked.
        BlockedError: no version in use, or it has learnt from that session's future.
        DataQualityError: its artifact is missing or not the one registered.
    """
    uri = role_uri("quant_reader")
    with transaction(uri) as connection:
        version = _version(connection, family)
        features = feature_set_version(connection, version["feature_set"])
        cutoffs = completed_sessions(connection, "feature_engineering")
    session = max((s for s in cutoffs if s <= as_of), default=None)
    if session is None:
        raise ConfigError("no session with features up to then", stage=STAGE, key="as_of_date", value=as_of,
                          remedy="name a later date, or run feature_engineering")  # fmt: skip
    if session < version["seen_until"]:
        raise BlockedError("the version has learnt from that session's future", stage=STAGE, key="as_of_date",
                           value=session, remedy=f"name a date from {version['seen_until']} on")  # fmt: skip
    strategy = loaded(version["id"], features)
    trainer = family_class(version["family"]).from_parameters(version["parameters"])
    ((_, _, said),) = foretell(uri, strategy, [session], cutoffs, trainer.memory)
    told = said.rows(trainer.label_horizon)
    told = told[told["symbol"].isin(symbols)].sort_values(
        ["score", "symbol", "horizon"], ascending=[False, True, True]
    )
    ranked = told.drop_duplicates("symbol").reset_index(drop=True)
    if top + bottom > len(ranked):
        raise ConfigError("fewer symbols can be ranked than are to be held", stage=STAGE, key="top_n, bottom_n",
                          value=f"{top} + {bottom} of {len(ranked)}",
                          remedy="ask for fewer, or name more symbols")  # fmt: skip
    weights = np.zeros(len(ranked))
    if top:
        weights[:top] = SIDE / top
    if bottom:
        weights[-bottom:] = -SIDE / bottom
    numbers = (ranked["score"].tolist(), ranked["q50"].tolist(), weights.tolist())
    columns = zip(ranked["symbol"], *numbers, strict=True)
    return {
        "model": version["family"],
        "version": version["version"],
        "session_date": session,
        "signals": [
            {"symbol": symbol, "score": score, "predicted_return": None if math.isnan(median) else median,
             "rank": place, "target_weight": weight}
            for place, (symbol, score, median, weight) in enumerate(columns, 1)
        ],
        "without_opinion": sorted(set(symbols) - set(ranked["symbol"])),
    }


def reload() -> list[dict[str, Any]]:
    """Forget the loaded versions, read those in use anew with their hashes compared, and return them.

    Raises:
        BlockedError: one learnt from other features than the home computes.
        DataQualityError: an artifact is missing or not the one registered.
    """
    loaded.cache_clear()
    with transaction(role_uri("quant_reader")) as connection:
        found = connection.execute(load_sql("model_versions/select_in_use")).fetchall()
        features = {v["id"]: feature_set_version(connection, v["feature_set"]) for v in found}
    for version in found:
        loaded(version["id"], features[version["id"]])
    return [{"model": v["family"], "version": v["version"], "id": v["id"]} for v in found]


@lru_cache(maxsize=KEPT_VERSIONS)
def loaded(version_id: int, features: int) -> ModelStrategy:
    """Return the strategy of a version, read once.

    Args:
        version_id: model_versions.id.
        features: version of its feature set that is stored now; another one asks for another look.
    """
    uri = role_uri("quant_data")  # a spoilt artifact opens an alert
    with transaction(uri) as connection:
        version = find_version(connection, version_id)
    strategy = discover_strategies().classes[version["family"]]()
    if not isinstance(strategy, ModelStrategy):
        raise ConfigError("no strategy trades this model", stage=STAGE, key="model", value=version["family"],
                          remedy=f"add models/strategies/ml/{version['family']}.py")  # fmt: skip
    return with_version(uri, load_settings(), strategy, version)


def _version(connection: Connection, family: str | None) -> dict[str, Any]:
    if family is None:
        found = connection.execute(load_sql("model_versions/select_in_use")).fetchall()
        if len(found) > 1:
            raise ConfigError("several models are in use", stage=STAGE, key="model", value="",
                              remedy="name one of " + ", ".join(v["family"] for v in found))  # fmt: skip
        if not found:
            raise BlockedError("no version of any model is in use", stage=STAGE, key="model", value="",
                               remedy="promote one: see Models")  # fmt: skip
        return found[0]
    family_class(family)
    version = promoted_version(connection, family)
    if version is None:
        raise no_version(family)
    return version
