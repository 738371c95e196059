"""data_ingestion: fetch bars and actions, judge them, complete the sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from data_layer.sessions import close_times, sessions_between
from data_layer.settings import Settings, is_symbol
from data_layer.sources import open_source
from data_layer.sources.base import Source
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import ConfigError, DataQualityError
from plugins.stages.context import Context
from plugins.stages.fetching import closed_sessions, fetch_actions, fetch_bars
from plugins.stages.gate import judge
from plugins.stages.runs import complete_sessions, completed_sessions
from plugins.stages.universe import store_universe
from plugins.stages.window import Request


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
        held = held[held["symbol"].map(is_symbol).astype(bool)].copy()
        # A row dated in the future moves the source's end, and would make all others look gone before it.
        end = closed_sessions(self.source, self.context.request.now)[-1]
        held["active_to"] = [None if day is None or day >= end else day for day in held["active_to"]]
        return held

    def fetch_market_data(self) -> Mapping[str, Any]:
        """Ask the source for the window's bars; store new and corrected ones, quarantine impossible ones."""
        context, symbols = self.context, self.instruments["symbol"].to_list()
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            refuse_other_source(connection, context.stage, context.settings)
            done = sorted(completed_sessions(connection, context.stage))
            counts = fetch_bars(connection, context, self.source, symbols, done)
        return context.say("bars fetched", **counts)

    def apply_corporate_actions(self) -> Mapping[str, Any]:
        """Store the actions going ex up to the session after the window: those its last decision knows.

        An action that cannot be true goes to quarantine and becomes a warning of its session.
        """
        context, symbols = self.context, self.instruments["symbol"].to_list()
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            done = sorted(completed_sessions(connection, context.stage))
            counts = fetch_actions(connection, context, self.source, symbols, done)
        return context.say("corporate actions applied", **counts)

    def validate_data_quality(self) -> Mapping[str, Any]:
        """Fail the run when the window's data is not fit to decide on; what was found is kept either way."""
        with transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            verdict = judge(connection, self.context, self.source, self.instruments)
        verdict.enforce()
        return self.context.say("data quality validated", warnings=sum(map(len, verdict.warnings.values())))

    def update_trading_universe(self) -> Mapping[str, Any]:
        """Store who belongs to the universe and complete the window's sessions."""
        context = self.context
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            last = max([context.sessions[-1], *completed_sessions(connection, context.stage)])
            changed = store_universe(connection, self.instruments, self.source.name, last)
            if context.window.mode == "catch_up":
                # Judged once more, under the lock: nothing may have come between.
                verdict = judge(connection, context, self.source, self.instruments)
                verdict.enforce()
                self._complete(connection, verdict.warnings)
        return context.say("universe updated", symbols=len(self.instruments), changed=changed)

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


def available_sessions(request: Request, source: Source) -> list[dt.date]:
    """Return the exchange's sessions from the source's first to its last that has closed."""
    held = closed_sessions(source, request.now)
    if not held:
        raise DataQualityError(
            "the source holds no session",
            stage="data_ingestion",
            key="SOURCE",
            value=source.name,
            remedy="check START, END and SYMBOLS",
        )
    return sessions_between(held[0], held[-1])


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
