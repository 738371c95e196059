"""feature_engineering: compute features as of each session's knowledge and store them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from data_layer.features.compute import compute_sessions
from data_layer.features.market import with_market_return
from data_layer.features.panel import Rows
from data_layer.features.registry import catalogue, feature_sets, set_version
from data_layer.features.warm import warm
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.feature_values import copy_features
from data_layer.storage.merge import Merged, Mode, merge
from models.errors import DataQualityError
from plugins.stages.context import CHAIN, Context
from plugins.stages.drift import check_drift
from plugins.stages.knowledge import bars_as_of, newest_knowledge, stable_views
from plugins.stages.runs import clear_stale, complete_sessions, completed_sessions, mark_stale, move_cutoffs

# A catch-up writes straight into the table; below about a month of sessions comparing costs nothing.
DIRECT_SESSIONS = 20
KEY = ("symbol", "date", "feature_set", "version")


class Features:
    """The steps of feature_engineering for one run; each may run twice and die anywhere."""

    # A feature set changed in the code is computed for all of history, whether or not a session is due.
    ALWAYS: ClassVar[frozenset[str]] = frozenset({"calculate_technical_indicators"})

    def __init__(self, context: Context):
        self.context = context

    def calculate_technical_indicators(self) -> Mapping[str, Any]:
        """Compute and store every feature set for the window, and for all of history when a set is new."""
        context = self.context
        written = unchanged = restated = 0
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            cutoffs = self._cutoffs(connection)
            versions = {name: self._register(connection, name) for name in feature_sets()}
            new = {n: v for n, v in versions.items() if self._is_new(connection, n, v)}
            earlier = list(completed_sessions(connection, context.stage)) if new else []
            works: list[tuple[Sequence[dt.date], Sequence[str], Mode, Mapping[str, int]]] = [
                (earlier, (), "insert", new),
                (context.sessions, context.window.symbols, context.merge_mode, versions),
            ]
            for sessions, symbols, mode, sets in works:
                for view in stable_views(connection, sessions, cutoffs):
                    for merged in self._store(connection, view, cutoffs[view[-1]], symbols, mode, sets):
                        written += merged.inserted
                        unchanged += merged.unchanged
                        restated += merged.restated
            if context.window.mode == "restate" and not context.window.symbols:
                moved = {session: cutoffs[session] for session in context.sessions}
                move_cutoffs(connection, context.stage, [""], moved)
                clear_stale(connection, context.stage, context.sessions)
            if restated:
                since = context.sessions[0]
                mark_stale(connection, since, f"features restated since {since}", CHAIN[2:])
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
            # A session accepted without any bar has nothing to compute, and is complete as it is.
            details: dict[dt.date, dict[str, Any]] = {session: {"rows": 0} for session in context.sessions}
            for row in connection.execute(load_sql("feature_values/select_coverage"), span).fetchall():
                if not row["complete"]:
                    self._refuse_uncovered(connection, row)
                details[row["date"]]["rows"] += row["featured"]
            for row in connection.execute(load_sql("stage_runs/select_fingerprints"), span):  # for a later replay
                if row["date"] in details:
                    details[row["date"]] |= {"bars": row["bars"], "actions": row["actions"]}
            complete_sessions(connection, context, cutoffs, details)
        return context.say("features ready", sessions=len(details))

    def _refuse_uncovered(self, connection: Connection, row: Mapping[str, Any]) -> None:
        """Stop when a bar of the session has no features; more features than bars are none of its business."""
        key = {"date": row["date"], "set": row["feature_set"], "version": row["version"]}
        found = connection.execute(load_sql("feature_values/count_uncovered"), key).fetchone()
        if found and found["uncovered"]:
            raise DataQualityError(
                f"{found['uncovered']} bars have no {row['feature_set']} features",
                stage=self.context.stage,
                key="session",
                value=str(row["date"]),
                remedy="run calculate_technical_indicators for it again",
            )

    def check_feature_drift(self) -> Mapping[str, Any]:
        """Compute three symbols' features of the newest completed session again, and compare bit for bit.

        Raises:
            DataQualityError: a stored value is not what a recompute from what was known gives.
        """
        context = self.context
        with transaction(context.uri) as connection:
            done = completed_sessions(connection, context.stage)
            select_version = load_sql("feature_definitions/select_version")
            versions = {
                name: int(found["version"])
                for name in feature_sets()
                if (found := connection.execute(select_version, {"set": name}).fetchone())
            }
        newest = max((session for session in context.sessions if session in done), default=None)
        if newest is None:
            return context.say("no completed session to compare")
        index = context.settings.market_index
        compared = check_drift(context.uri, newest, done[newest], versions, index, context.window.symbols)
        return context.say("stored features are what a recompute gives", values=compared)

    def _cutoffs(self, connection: Connection) -> dict[dt.date, dt.datetime]:
        """Return what each session may know: what it knew when done, and all that is known now when restated.

        So corrections of the past reach stored features by a restatement of whole sessions, and by nothing
        else. One of some symbols stays with the knowledge the session's other symbols rest on.
        """
        window = self.context.window
        done = completed_sessions(connection, self.context.stage)
        cutoffs = completed_sessions(connection, "data_ingestion") | done
        if window.mode == "restate" and not window.symbols:
            cutoffs |= dict.fromkeys(window.sessions, newest_knowledge(connection))
        return cutoffs

    def _register(self, connection: Connection, feature_set: str) -> int:
        """Return the current version of the set; a changed set gets a new one, with its view."""
        select_version = load_sql("feature_definitions/select_version")
        current = connection.execute(select_version, {"set": feature_set}).fetchone()
        fingerprint = set_version(feature_set)
        if current and current["fingerprint"] == fingerprint:
            return int(current["version"])
        version = int(current["version"]) + 1 if current else 1
        rows = [
            {
                "name": d.name,
                "position": d.position,
                "formula": d.formula,
                "inputs": list(d.inputs),
                "window_sessions": d.window,
                "warm_up_sessions": d.warm_up,
                "unit": d.unit,
                "value_range": "{} to {}".format(*("unbounded" if b is None else b for b in d.value_range)),
                "equals": d.equals,
            }
            for d in catalogue(feature_set)
        ]
        connection.execute(
            load_sql("feature_definitions/insert_set"),
            {"set": feature_set, "version": version, "fingerprint": fingerprint, "rows": json_text(rows)},
        )
        connection.execute("SELECT refresh_feature_views()")
        return version

    def _is_new(self, connection: Connection, feature_set: str, version: int) -> bool:
        """Tell whether the stage has completed sessions without this version of the set."""
        done = list(completed_sessions(connection, self.context.stage))
        return bool(done) and not _any_stored(connection, done[-1:], {feature_set: version})

    def _store(
        self,
        connection: Connection,
        view: Sequence[dt.date],
        cutoff: dt.datetime,
        symbols: Sequence[str],
        mode: Mode,
        sets: Mapping[str, int],
    ) -> Iterator[Merged]:
        """Compute the sets for sessions that share one view of the past, and bring them into the table."""
        with ThreadPoolExecutor(1) as beside:  # on another processor than the database's
            loading = beside.submit(warm, ["float32"])
            bars = bars_as_of(self.context.uri, view[-1], cutoff)
            loading.result()
        bars = with_market_return(bars, self.context.settings.market_index)
        if symbols:
            bars = bars[bars["symbol"].isin(list(symbols))]
        history = Rows.from_bars(bars)
        if mode == "insert" and len(view) >= DIRECT_SESSIONS and not _any_stored(connection, view, sets):
            yield Merged(copy_features(connection, history, view, sets), 0)
            return
        for feature_set, version in sets.items():
            rows, matrix = compute_sessions(history, view, feature_set)
            yield merge(
                connection,
                "feature_values",
                rows.assign(feature_set=feature_set, version=version, values=list(matrix)),
                key=KEY,
                mode=mode,
                stage=self.context.stage,
                scope=_scope(view, symbols, feature_set, version),
                history="feature_values_history",
            )


def _any_stored(connection: Connection, sessions: Sequence[dt.date], sets: Mapping[str, int]) -> bool:
    """Tell whether a row of one of the sets is stored for one of the sessions."""
    span = {"start": sessions[0], "end": sessions[-1]}
    any_row = load_sql("feature_values/select_any")
    return any(
        connection.execute(any_row, {"set": name, "version": version, **span}).fetchone()
        for name, version in sets.items()
    )


def _scope(
    sessions: Sequence[dt.date], symbols: Sequence[str], feature_set: str, version: int
) -> Mapping[str, Sequence[Any]]:
    scope = {"date": sessions, "feature_set": [feature_set], "version": [version]}
    return {**scope, "symbol": symbols} if symbols else scope
