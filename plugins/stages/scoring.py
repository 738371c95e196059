"""One strategy over stored features: what it says on some sessions, as the rows of signals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import groupby
from operator import itemgetter

import numpy as np
import pandas as pd
from psycopg import sql

from data_layer.storage.database import load_sql, read_frame, transaction
from models.errors import ConfigError
from models.strategies.base import BaseStrategy, Panel, signals_frame
from plugins.stages.knowledge import Renamed, join_renamed, renames
from plugins.stages.voices import SILENCE, hear, read_voices


def score_sessions(
    uri: str, strategy: BaseStrategy, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime], run_id: str
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Score some sessions with everything before them in view, a renamed share under its ticker of the session.

    Args:
        uri: connection URI.
        strategy: with its parameters.
        sessions: ascending, at least one.
        cutoffs: knowledge cutoff by session.
        run_id: the run, whose predictions a strategy that reads them sees before they are published.

    Returns:
        One row per session: session_date, symbols_scored. And the signal rows of these sessions.

    Raises:
        ConfigError: when a feature of the strategy is not stored.
    """
    with transaction(uri) as connection:
        changes = renames(connection, sessions, cutoffs)
    voices = read_voices(uri, sessions[-1], run_id) if strategy.predictions else SILENCE
    parts = [
        _score(uri, strategy, [session for session, _ in group], known, voices)
        for known, group in groupby(zip(sessions, changes, strict=True), key=itemgetter(1))
    ]
    runs, rows = zip(*parts, strict=True)
    return pd.concat(runs, ignore_index=True), pd.concat(rows)


def _score(
    uri: str, strategy: BaseStrategy, sessions: Sequence[dt.date], changes: Sequence[Renamed], voices: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    panel = hear(read_panel(uri, strategy, sessions[-1], changes), voices, changes)
    scores = strategy.signals(panel)
    rows = signals_frame(panel, scores)
    due = pd.DatetimeIndex(list(sessions)).astype(rows["session_date"].dtype)
    scored = pd.Series((~np.isnan(scores.score)).sum(axis=1), index=pd.DatetimeIndex(panel.sessions))
    scored.index = scored.index.astype(due.dtype)
    counts = scored.reindex(due, fill_value=0).to_numpy()
    runs = pd.DataFrame({"session_date": list(sessions), "symbols_scored": counts})
    return runs, rows[rows["session_date"].isin(due)]


def read_panel(
    uri: str,
    strategy: BaseStrategy,
    last: dt.date,
    changes: Sequence[Renamed] = (),
    first: dt.date = dt.date.min,
) -> Panel:
    """Read the strategy's features up to the last session: of every one, for a rule may remember all, or from a first.

    Raises:
        ConfigError: when nobody computes one of them.
    """
    names = {"names": list(strategy.features)}
    sets: dict[str, list[str]] = {}
    with transaction(uri) as connection:
        for row in connection.execute(load_sql("feature_definitions/select_sets"), names):
            sets.setdefault(row["feature_set"], []).append(row["name"])
        missing = sorted(set(strategy.features) - {name for found in sets.values() for name in found})
        if missing:
            raise ConfigError(
                f"{strategy.name} reads a feature nobody computes", stage="model_execution", key="features",
                value=missing[0], remedy="see feature_definitions for those there are",
            )  # fmt: skip
        queries = [
            sql.SQL(
                "SELECT symbol, date, {} FROM {} WHERE date BETWEEN %(first)s::date AND %(last)s::date "
                "ORDER BY date, symbol"
            )
            .format(sql.SQL(", ").join(map(sql.Identifier, found)), sql.Identifier(f"features_{name}"))
            .as_string(connection)
            for name, found in sets.items()
        ]
    frames = [read_frame(uri, query, {"first": first, "last": last}) for query in queries]
    joined = reduce(lambda left, right: left.merge(right, on=["symbol", "date"], how="outer"), frames)
    return Panel.from_frame(join_renamed(joined, changes), strategy.features)
