"""data_ingestion: fetch bars and actions, judge them, complete the sessions."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from data_layer.quality.coverage import check_coverage
from data_layer.quality.row_checks import check_rows
from data_layer.sessions import close_times, last_closed, next_session, previous_session, sessions_between
from data_layer.sources import open_source
from data_layer.sources.base import Source
from data_layer.storage.bars import Provenance, store_actions, store_bars
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import ConfigError, DataQualityError
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import complete_sessions, completed_sessions, mark_stale
from plugins.stages.window import Request

END_OF_TIME = dt.date(2199, 12, 31)


class Ingestion:
    """The steps of data_ingestion for one run; each may run twice and die anywhere."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset()  # steps with work even when no session is due

    def __init__(self, context: Context):
        self.context = context
        self.source = open_source(context.settings)

    @cached_property
    def instruments(self) -> pd.DataFrame:
        """What the source has of the wanted symbols, see Source.instruments."""
        return self.source.instruments()

    def fetch_market_data(self) -> Mapping[str, Any]:
        """Ask the source for the window's bars; store what is new or corrected, quarantine what cannot be true."""
        context, first, last = self.context, self.context.sessions[0], self.context.sessions[-1]
        symbols = list(context.window.symbols or self.instruments["symbol"])
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            refuse_other_source(connection, context)
            done = completed_sessions(connection, context.stage)
            start, end = first, last
            if context.window.mode == "catch_up":
                # From the day after the last session done to the source's very end: a row dated on a day
                # without trading, or in the future, must be seen and not slip between two windows.
                start = max(done) + dt.timedelta(days=1) if done else first
                at_end = last >= min(self.source.sessions()[-1], last_closed(context.request.now))
                end = END_OF_TIME if at_end else last
            rows = self.source.bars(symbols, start, end)
            checked = check_rows(rows, source=self.source.name, now=context.request.now)
            provenance = Provenance(
                source=self.source.name,
                run_id=context.request.run_id,
                start=first,
                end=last,
                symbols=symbols,
                delay=self.source.delay,
                now=context.request.now,
            )
            counts = store_bars(connection, checked, provenance)
            self._mark_restated(connection, counts.first_restated, done)
        return context.say("bars fetched", **counts.as_dict())

    def apply_corporate_actions(self) -> Mapping[str, Any]:
        """Store the actions going ex up to the session after the window: those its last decision knows."""
        context = self.context
        symbols = list(context.window.symbols or self.instruments["symbol"])
        first, last = context.sessions[0], next_session(context.sessions[-1])
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            actions = self.source.actions(symbols, first, last)
            known = {
                day: close_times([previous_session(_session_from(day))])[previous_session(_session_from(day))]
                for day in actions["ex_date"].unique()
            }
            actions["known_at"] = actions["ex_date"].map(known)
            counts = store_actions(connection, actions, self.source.name, self._batch(connection))
            self._mark_restated(connection, counts.first_restated, completed_sessions(connection, context.stage))
        return context.say("corporate actions applied", **counts.as_dict())

    def validate_data_quality(self) -> Mapping[str, Any]:
        """Fail the run when the window's data is not fit to decide on."""
        with transaction(self.context.uri) as connection:
            warnings = self._coverage(connection)
        return self.context.say("data quality validated", warnings=sum(map(len, warnings.values())))

    def update_trading_universe(self) -> Mapping[str, Any]:
        """Store who belongs to the universe and complete the window's sessions."""
        context = self.context
        last = context.sessions[-1]
        members = self.instruments[self.instruments["active_from"] <= last].copy()
        members["active_to"] = [d if d is not None and d <= last else None for d in members["active_to"]]
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            changed = self._store_universe(connection, members)
            if context.window.mode == "catch_up":
                warnings = self._coverage(connection)
                self._complete(connection, warnings)
        return context.say("universe updated", symbols=len(members), changed=changed)

    def _store_universe(self, connection: Connection, members: pd.DataFrame) -> int:
        rows = members.assign(source=self.source.name).to_dict("records")
        found = connection.execute(load_sql("trading_universe/upsert_universe"), {"rows": json_text(rows)})
        return found.rowcount

    def _batch(self, connection: Connection) -> int:
        """Return the id of the batch that this run fetched last."""
        found = connection.execute(
            load_sql("ingestion_batches/select_newest"), {"run_id": self.context.request.run_id}
        ).fetchone()
        if found is None:
            raise DataQualityError("this run has fetched no batch", stage=self.context.stage, key="run_id",
                                   value=self.context.request.run_id, remedy="run fetch_market_data first")
        return int(found["id"])

    def _coverage(self, connection: Connection) -> dict[dt.date, list[str]]:
        context = self.context
        span = {"start": context.sessions[0], "end": context.sessions[-1]}
        expected: dict[dt.date, list[str]] = {s: [] for s in context.sessions}
        for row in self.instruments.itertuples(index=False):
            until = row.active_to or END_OF_TIME
            for session in context.sessions:
                if row.active_from <= session <= until:
                    expected[session].append(row.symbol)
        held: dict[dt.date, set[str]] = defaultdict(set)
        for row in connection.execute(load_sql("market_data/select_held"), span):
            held[row["date"]].add(row["symbol"])
        bad = connection.execute(
            load_sql("quarantine/select_of_batch"), {"batch_id": self._batch(connection)}
        )
        accepted = connection.execute(load_sql("session_exceptions/select_exceptions"))
        return check_coverage(
            context.sessions,
            expected,
            held,
            [(r["session_date"], r["symbol"], r["reason"]) for r in bad],
            {(r["session_date"], r["symbol"]) for r in accepted},
        )

    def _complete(self, connection: Connection, warnings: Mapping[dt.date, list[str]]) -> None:
        """The cutoff of a session is the newest known_at of all that was held for it when it was completed."""
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

    def _mark_restated(self, connection: Connection, since: dt.date | None, done: Mapping[dt.date, Any]) -> None:
        if since and done and since <= max(done):
            mark_stale(connection, since, f"bars or actions restated since {since}", list(CHAIN[1:]))


def available_sessions(request: Request, source: Source) -> list[dt.date]:
    """Return the exchange's sessions from the source's first to its last that has closed."""
    held = source.sessions()
    if not held:
        raise DataQualityError("the source holds no session", stage="data_ingestion", key="SOURCE",
                               value=source.name, remedy="check START, END and SYMBOLS")  # fmt: skip
    return sessions_between(held[0], min(held[-1], last_closed(request.now)))


def refuse_other_source(connection: Connection, context: Context) -> None:
    """One database holds one kind of market data.

    Raises:
        ConfigError: when bars of another source are there.
    """
    row = connection.execute(load_sql("ingestion_batches/select_other_source"), {"source": context.settings.source})
    other = row.fetchone()
    if other:
        raise ConfigError(
            f"this home holds bars of {other['source']}",
            stage=context.stage,
            key="SOURCE",
            value=context.settings.source,
            remedy="name another home: ALMANAC_HOME=.almanac-" + context.settings.source,
        )


def _session_from(day: dt.date) -> dt.date:
    """Return the day itself, or the first session after it: an action on a day without trading moves there."""
    return sessions_between(day, day + dt.timedelta(days=14))[0]
