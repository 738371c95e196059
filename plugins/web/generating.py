"""Signals asked for at will: what the promoted version of a model says of some symbols, from features as of a date."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from data_layer.settings import load_settings
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.registry import find_version, promoted_version
from data_layer.storage.training import feature_set_version
from models.errors import BlockedError, ConfigError
from models.ml.base import Trainer, families, no_version
from models.ml.strategy import ModelStrategy
from models.panel import Panel
from models.strategies.discovery import discover_strategies
from plugins.ml.material import family_class
from plugins.ml.serving import foretell, with_version
from plugins.stages.runs import completed_sessions
from plugins.web.reading import pool, role_uri

STAGE = "generate"
KEPT_VERSIONS = 4  # a home has one in use a family; some megabytes each
SIDE = 0.5  # of the equity on each side, in equal parts: the book that versions are judged by
NOTHING = np.full((1, 1), math.nan)
Said = tuple[str, float, float]  # symbol, score, median of the nearest horizon or NaN


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
        ConfigError: no session up to the date, no such family, a rule, more asked to hold than can be ranked.
        BlockedError: no version in use, or it has learnt from that session's future.
        DataQualityError: its artifact is missing or not the one registered.
    """
    with pool().connection() as connection:
        version = _version(connection, family)
        features = feature_set_version(connection, version["feature_set"])
        held = connection.execute(load_sql("stage_runs/select_features_up_to"), {"day": as_of}).fetchone()
    if held is None:
        raise ConfigError("no session with features up to then", stage=STAGE, key="as_of_date", value=str(as_of),
                          remedy="name a later date, or run feature_engineering")  # fmt: skip
    session = held["session_date"]
    if session < version["seen_until"]:
        raise BlockedError("the version has learnt from that session's future", stage=STAGE, key="as_of_date",
                           value=str(session), remedy=f"name a date from {version['seen_until']} on")  # fmt: skip
    strategy = loaded(version["id"], features, version["artifact_sha256"])
    trainer = family_class(version["family"]).from_parameters(version["parameters"])
    if trainer.memory:
        said = _of_a_past(strategy, session, trainer)
    else:
        said = _of_themselves(strategy, trainer.feature_set, features, held, symbols)
    wanted = set(symbols)
    ranked = sorted((one for one in said if one[0] in wanted), key=lambda one: (-one[1], one[0]))
    if top + bottom > len(ranked):
        raise ConfigError("fewer symbols can be ranked than are to be held", stage=STAGE, key="top_n, bottom_n",
                          value=f"{top} + {bottom} of {len(ranked)}",
                          remedy="ask for fewer, or name more symbols")  # fmt: skip
    weights = np.zeros(len(ranked))
    if top:
        weights[:top] = SIDE / top
    if bottom:
        weights[-bottom:] = -SIDE / bottom
    return {
        "model": version["family"],
        "version": version["version"],
        "session_date": session,
        "signals": [
            {"symbol": symbol, "score": score, "predicted_return": None if math.isnan(median) else median,
             "rank": place, "target_weight": weight}
            for place, ((symbol, score, median), weight) in enumerate(zip(ranked, weights.tolist(), strict=True), 1)
        ],
        "without_opinion": sorted(wanted - {symbol for symbol, _, _ in ranked}),
    }


def _of_themselves(
    strategy: ModelStrategy, feature_set: str, version: int, held: Mapping[str, Any], symbols: Sequence[str]
) -> list[Said]:
    """Predict from the rows of the session alone, for a family whose rows stand for themselves.

    Only those of the symbols are read; a row's prediction does not depend on which others are predicted beside it.
    """
    asked = {"set": feature_set, "version": version, "session": held["session_date"], "known_at": held["known_at"],
             "symbols": list(symbols)}  # fmt: skip
    with pool().connection() as connection:
        rows = connection.cursor(binary=True).execute(load_sql("feature_values/select_members"), asked).fetchall()
    if not rows:
        return []
    values = np.array([row["values"] for row in rows])
    at = _positions(feature_set, version)
    panel = Panel(
        np.array([held["session_date"]], "datetime64[D]"), tuple(row["symbol"] for row in rows),
        {name: values[None, :, at[name]] for name in strategy.features},
    )  # fmt: skip
    predictions = strategy.predict(panel)
    medians = predictions.quantiles[min(predictions.quantiles)][1] if predictions.quantiles else NOTHING
    medians = np.broadcast_to(medians, panel.shape)
    return _spoken(panel.symbols, predictions.score[0], medians[0])


def _of_a_past(strategy: ModelStrategy, session: dt.date, trainer: Trainer) -> list[Said]:
    """Predict as the daily run does, for a family that reads the sessions before as well."""
    uri = role_uri("quant_reader")
    with transaction(uri) as connection:
        cutoffs = completed_sessions(connection, "feature_engineering")
    ((_, _, said),) = foretell(uri, strategy, [session], cutoffs, trainer.memory)
    told = said.rows(trainer.label_horizon).sort_values("horizon").drop_duplicates("symbol")
    return _spoken(told["symbol"].tolist(), told["score"].to_numpy(), told["q50"].to_numpy())


def _spoken(symbols: Sequence[str], scores: Any, medians: Any) -> list[Said]:
    told = zip(symbols, scores.tolist(), medians.tolist(), strict=True)
    return [(symbol, score, median) for symbol, score, median in told if not math.isnan(score)]


@lru_cache(maxsize=KEPT_VERSIONS)
def _positions(feature_set: str, version: int) -> Mapping[str, int]:
    """Return where each feature stands in the stored arrays; a version's definition never changes."""
    with pool().connection() as connection:
        asked = {"set": feature_set, "version": version}
        found = connection.execute(load_sql("feature_definitions/select_positions"), asked).fetchall()
    return {row["name"]: row["position"] - 1 for row in found}


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
        loaded(version["id"], features[version["id"]], version["artifact_sha256"])
    return [{"model": v["family"], "version": v["version"], "id": v["id"]} for v in found]


@lru_cache(maxsize=KEPT_VERSIONS)
def loaded(version_id: int, features: int, artifact: str) -> ModelStrategy:
    """Return the strategy of a version, read once.

    Args:
        version_id: model_versions.id.
        features: version of its feature set that is stored now; another one asks for another look.
        artifact: hash of the file that is registered; so does another one.
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
    if family in discover_strategies().classes and family not in families():
        raise ConfigError("a rule has no versions, so none is promoted", stage=STAGE, key="model", value=family,
                          remedy="GET signals has what it says of each session; "
                          "or name one of " + ", ".join(sorted(families())))  # fmt: skip
    family_class(family)
    version = promoted_version(connection, family)
    if version is None:
        raise no_version(family)
    return version
