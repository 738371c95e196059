"""feature_engineering: compute features as of each session's knowledge and store them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.features.compute import compute_sessions
from data_layer.features.market import with_market_return
from data_layer.features.registry import catalogue, feature_sets, set_version
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.feature_values import copy_features
from data_layer.storage.merge import Merged, Mode, merge
from models.errors import DataQualityError
from plugins.stages.context import CHAIN, Context
from plugins.stages.knowledge import bars_as_of, stable_views
from plugins.stages.runs import complete_sessions, completed_sessions, mark_stale

# From here on it pays to look whether the range is empty and to copy without comparing.
DIRECT_SESSIONS = 20
KEY = ("symbol", "date", "feature_set", "version")


class Features:
    """The steps of feature_engineering for one run; each may run twice and die anywhere."""

    def __init__(self, context: Context):
        self.context = context

    def calculate_technical_indicators(self) -> Mapping[str, Any]:
        """Compute and store every feature set for the window, and for all of history when a set is new."""
        context = self.context
        written = unchanged = restated = 0
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            cutoffs = completed_sessions(connection, "data_ingestion")
            versions = {name: self._register(connection, name) for name in feature_sets()}
            new = {n: v for n, v in versions.items() if self._is_new(connection, n, v)}
            earlier = list(completed_sessions(connection, context.stage)) if new else []
            for sessions, mode, sets in ((earlier, "insert", new), (context.sessions, context.merge_mode, versions)):
                for view in stable_views(connection, sessions, cutoffs):
                    for merged in self._store(connection, view, cutoffs[view[-1]], mode, sets):
                        written += merged.inserted
                        unchanged += merged.unchanged
                        restated += merged.restated
            if restated:
                mark_stale(connection, context.sessions[0], f"features restated since {context.sessions[0]}", CHAIN[2:])
        return context.say("indicators calculated", written=written, unchanged=unchanged, restated=restated)

    def prepare_model_features(self) -> Mapping[str, Any]:
        """Prove that every bar of the window has its features, and complete the sessions."""
        context = self.context
        if context.window.mode != "catch_up":
            return context.say("features compared")
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            cutoffs = completed_sessions(connection, "data_ingestion")
            span = {"start": context.sessions[0], "end": context.sessions[-1]}
            details: dict[dt.date, dict[str, Any]] = {}
            for row in connection.execute(load_sql("feature_values/select_coverage"), span):
                if row["bars"] != row["featured"]:
                    raise DataQualityError(
                        f"{row['bars'] - row['featured']} bars of {row['date']} have no {row['feature_set']} features",
                        stage=context.stage, key="session", value=str(row["date"]),
                        remedy="run calculate_technical_indicators for it again",
                    )  # fmt: skip
                details.setdefault(row["date"], {"rows": 0})["rows"] += row["featured"]
            missing = [s for s in context.sessions if s not in details]
            if missing:
                raise DataQualityError("session without bars", stage=context.stage, key="session",
                                       value=str(missing[0]), remedy="run data_ingestion for it")  # fmt: skip
            complete_sessions(connection, context, cutoffs, {s: details[s] for s in context.sessions})
        return context.say("features ready", sessions=len(details))

    def _register(self, connection: Connection, feature_set: str) -> int:
        """Return the current version of the set; a changed set gets a new one, with its view."""
        current = connection.execute(load_sql("feature_definitions/select_version"), {"set": feature_set}).fetchone()
        fingerprint = set_version(feature_set)
        if current and current["fingerprint"] == fingerprint:
            return int(current["version"])
        version = int(current["version"]) + 1 if current else 1
        rows = [
            {
                "name": d.name, "position": d.position, "formula": d.formula, "inputs": list(d.inputs),
                "window_sessions": d.window, "warm_up_sessions": d.warm_up, "unit": d.unit,
                "value_range": "{} to {}".format(*("unbounded" if b is None else b for b in d.value_range)),
                "equals": d.equals,
            }
            for d in catalogue(feature_set)
        ]  # fmt: skip
        connection.execute(
            load_sql("feature_definitions/insert_set"),
            {"set": feature_set, "version": version, "fingerprint": fingerprint, "rows": json_text(rows)},
        )
        connection.execute("SELECT refresh_feature_views()")
        return version

    def _is_new(self, connection: Connection, feature_set: str, version: int) -> bool:
        """Tell whether the stage has completed sessions without this version of the set."""
        done = list(completed_sessions(connection, self.context.stage))
        return bool(done) and not self._any_stored(connection, done[-1:], {feature_set: version})

    def _any_stored(self, connection: Connection, sessions: Sequence[dt.date], sets: Mapping[str, int]) -> bool:
        """Tell whether a row of one of the sets is stored for one of the sessions."""
        span = {"start": sessions[0], "end": sessions[-1]}
        return any(
            connection.execute(load_sql("feature_values/select_any"), {"set": n, "version": v, **span}).fetchone()
            for n, v in sets.items()
        )

    def _store(
        self, connection: Connection, view: Sequence[dt.date], cutoff: dt.datetime, mode: Mode, sets: Mapping[str, int]
    ) -> Iterator[Merged]:
        """Compute the sets for sessions that share one view of the past, and bring them into the table."""
        bars = bars_as_of(self.context.uri, view[-1], cutoff)
        bars = with_market_return(bars, self.context.settings.market_index)
        if self.context.window.symbols:
            bars = bars[bars["symbol"].isin(self.context.window.symbols)]
        if mode == "insert" and len(view) >= DIRECT_SESSIONS and not self._any_stored(connection, view, sets):
            yield Merged(copy_features(connection, bars, view, sets), 0)
            return
        for feature_set, version in sets.items():
            yield merge(
                connection, "feature_values", self._rows(bars, view, feature_set, version), key=KEY, mode=mode,
                stage=self.context.stage, scope=self._scope(view, feature_set, version),
                history="feature_values_history",
            )  # fmt: skip

    def _rows(
        self, bars: pd.DataFrame, sessions: Sequence[dt.date], feature_set: str, version: int
    ) -> pd.DataFrame:
        rows, matrix = compute_sessions(bars, sessions, feature_set)
        return rows.assign(feature_set=feature_set, version=version, values=list(matrix))

    def _scope(self, sessions: Sequence[dt.date], feature_set: str, version: int) -> Mapping[str, Sequence[Any]]:
        scope: dict[str, Sequence[Any]] = {"date": sessions, "feature_set": [feature_set], "version": [version]}
        if self.context.window.symbols:
            scope["symbol"] = self.context.window.symbols
        return scope
