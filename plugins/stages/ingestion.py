"""data_ingestion: fetch bars and actions, judge them, complete the sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from data_layer.quality.action_checks import check_actions
from data_layer.quality.coverage import Gap, check_coverage
from data_layer.quality.row_checks import check_rows
from data_layer.sessions import (
    close_times,
    last_closed,
    next_session,
    previous_session,
    session_from,
    sessions_between,
)
from data_layer.settings import Settings, is_symbol
from data_layer.sources import open_source
from data_layer.sources.base import Source
from data_layer.storage.bars import Provenance, store_actions, store_bars
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import ConfigError, DataQualityError
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import complete_sessions, completed_sessions, mark_stale
from plugins.stages.window import Request

BEGIN_OF_TIME, END_OF_TIME = dt.date(1, 1, 1), dt.date(9999, 12, 31)


class Ingestion:
    """The steps of data_ingestion for one run; each may run twice and die anywhere."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset()  # steps with work even when no session is due

    def __init__(self, context: Context):
        self.context = context
        self.source = open_source(context.settings)

    @cached_property
    def instruments(self) -> pd.DataFrame:
        """What the source has of the wanted symbols, see Source.instruments; only what can be a symbol."""
        held = self.source.instruments()
        return held[held["symbol"].map(is_symbol).astype(bool)]

    def fetch_market_data(self) -> Mapping[str, Any]:
        """Ask the source for the window's bars; store new and corrected ones, quarantine impossible ones."""
        context, first, last = self.context, self.context.sessions[0], self.context.sessions[-1]
        self._refuse_unknown_symbols()
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            refuse_other_source(connection, context.stage, context.settings)
            done = completed_sessions(connection, context.stage)
            start, end = first, last
            if context.window.mode == "catch_up":
                # From the day after the last session done to the source's very end: a row dated on a day
                # without trading, or in the future, must be seen and not slip between two windows.
                start = max(done) + dt.timedelta(days=1) if done else BEGIN_OF_TIME
                at_end = last >= min(self.source.sessions()[-1], last_closed(context.request.now))
                end = END_OF_TIME if at_end and self.source.is_static else last
            rows = self.source.bars(context.window.symbols or None, start, end)
            checked = check_rows(rows, source=self.source.name, now=context.request.now)
            counts = store_bars(connection, checked, self._provenance(done))
            self._mark_restated(connection, counts.first_restated, done)
        return context.say("bars fetched", **counts.as_dict())

    def apply_corporate_actions(self) -> Mapping[str, Any]:
        """Store the actions going ex up to the session after the window: those its last decision knows.

        An action that cannot be true goes to quarantine and becomes a warning of its session.
        """
        context = self.context
        first, last = context.sessions[0], next_session(context.sessions[-1])
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            done = completed_sessions(connection, context.stage)
            actions = self.source.actions(context.window.symbols or None, first, last)
            checked = check_actions(actions, self._eves(connection, actions), source=self.source.name)
            counts = store_actions(connection, checked, self._provenance(done))
            if counts.first_restated:  # the session before decides on what goes ex at the next
                eve = previous_session(session_from(counts.first_restated))
                self._mark_restated(connection, eve, done)
        return context.say("corporate actions applied", **counts.as_dict())

    def validate_data_quality(self) -> Mapping[str, Any]:
        """Fail the run when the window's data is not fit to decide on."""
        with transaction(self.context.uri) as connection:
            warnings = self._coverage(connection)
        return self.context.say("data quality validated", warnings=sum(map(len, warnings.values())))

    def update_trading_universe(self) -> Mapping[str, Any]:
        """Store who belongs to the universe and complete the window's sessions."""
        context = self.context
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            # Membership is stated as of the newest session, also when an old one is looked at again.
            last = max([context.sessions[-1], *completed_sessions(connection, context.stage)])
            members = self.instruments[self.instruments["active_from"] <= last].copy()
            members["active_to"] = [d if d is not None and d <= last else None for d in members["active_to"]]
            changed = self._store_universe(connection, members)
            if context.window.mode == "catch_up":
                self._complete(connection, self._warnings(connection))
        return context.say("universe updated", symbols=len(members), changed=changed)

    def _provenance(self, done: Mapping[dt.date, Any]) -> Provenance:
        context = self.context
        return Provenance(
            source=self.source.name,
            run_id=context.request.run_id,
            start=context.sessions[0],
            end=context.sessions[-1],
            symbols=context.window.symbols or self.instruments["symbol"].to_list(),
            delay=self.source.delay,
            now=context.request.now,
            decided=max(done, default=None),
        )

    def _refuse_unknown_symbols(self) -> None:
        held = set(self.instruments["symbol"])
        for symbol in self.context.window.symbols:
            if symbol not in held:
                raise ConfigError(
                    "the source has no bars of this symbol",
                    stage=self.context.stage,
                    key="symbols",
                    value=symbol,
                    remedy=f"it has {', '.join(sorted(held)[:10])}",
                )

    def _eves(self, connection: Connection, actions: pd.DataFrame) -> pd.DataFrame:
        rows = json_text(actions[["symbol", "ex_date"]].to_dict("records"))
        found = connection.execute(load_sql("corporate_actions/select_eves"), {"rows": rows}).fetchall()
        return pd.DataFrame(found, columns=["symbol", "ex_date", "date", "close"])

    def _store_universe(self, connection: Connection, members: pd.DataFrame) -> int:
        rows = members.assign(source=self.source.name).to_dict("records")
        found = connection.execute(load_sql("trading_universe/upsert_universe"), {"rows": json_text(rows)})
        return found.rowcount

    def _quarantined(self, connection: Connection, kind: str) -> list[tuple[dt.date | None, str, str]]:
        parameters = {"run_id": self.context.request.run_id, "kind": kind}
        rows = connection.execute(load_sql("quarantine/select_of_run"), parameters)
        return [(row["session_date"], row["symbol"], row["reason"]) for row in rows]

    def _coverage(self, connection: Connection) -> dict[dt.date, list[str]]:
        spans = json_text(self.instruments[["symbol", "active_from", "active_to"]].to_dict("records"))
        parameters = {"sessions": list(self.context.sessions), "rows": spans}
        gaps = [Gap(**row) for row in connection.execute(load_sql("market_data/select_gaps"), parameters)]
        accepted = connection.execute(load_sql("session_exceptions/select_exceptions"))
        return check_coverage(
            gaps,
            self._quarantined(connection, "bars"),
            {(row["session_date"], row["symbol"]) for row in accepted},
        )

    def _warnings(self, connection: Connection) -> Mapping[dt.date, Sequence[str]]:
        """Judge the window once more, under the lock, and return what a reader of its sessions must know."""
        warnings = self._coverage(connection)
        for day, symbol, reason in self._quarantined(connection, "actions"):
            if day is not None:
                text = f"corporate action of {symbol} on {day} in quarantine: {reason}"
                warnings.setdefault(session_from(day), []).append(text)
        return warnings

    def _complete(self, connection: Connection, warnings: Mapping[dt.date, Sequence[str]]) -> None:
        """A session's cutoff is the newest known_at of all that was held for it when it was completed."""
        context = self.context
        closes = close_times(list(context.sessions))
        facts = {r["date"]: r for r in connection.execute(load_sql("market_data/select_newest_known"))}
        cutoffs, details = {}, {}
        newest = dt.datetime.min.replace(tzinfo=dt.UTC)
        wanted = set(context.sessions)
        for day in sorted({*facts, *wanted}):
            if day in facts and day <= context.sessions[-1]:
                newest = max(newest, facts[day]["known_at"])
            if day in wanted:
                newest = max(newest, closes[day] + self.source.delay)
                cutoffs[day] = newest
                bars = facts[day]["bars"] if day in facts else 0
                details[day] = {"rows": bars, "source": self.source.name}
                if day in warnings:
                    details[day]["warnings"] = warnings[day]
        complete_sessions(connection, context, cutoffs, details)

    def _mark_restated(
        self, connection: Connection, since: dt.date | None, done: Mapping[dt.date, Any]
    ) -> None:
        if since and done and since <= max(done):
            mark_stale(connection, since, f"bars or actions restated since {since}", list(CHAIN[1:]))


def available_sessions(request: Request, source: Source) -> list[dt.date]:
    """Return the exchange's sessions from the source's first to its last that has closed."""
    held = source.sessions()
    if not held:
        raise DataQualityError(
            "the source holds no session",
            stage="data_ingestion",
            key="SOURCE",
            value=source.name,
            remedy="check START, END and SYMBOLS",
        )
    return sessions_between(held[0], min(held[-1], last_closed(request.now)))


def refuse_other_source(connection: Connection, stage: str, settings: Settings) -> None:
    """One database holds one kind of market data.

    Raises:
        ConfigError: when bars of another source are there.
    """
    parameters = {"source": settings.source}
    other = connection.execute(load_sql("ingestion_batches/select_other_source"), parameters).fetchone()
    if other:
        raise ConfigError(
            f"this home holds bars of {other['source']}",
            stage=stage,
            key="SOURCE",
            value=settings.source,
            remedy=f"name another home: ALMANAC_HOME=.almanac-{settings.source}",
        )
