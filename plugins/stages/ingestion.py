"""data_ingestion: fetch bars and actions, judge them, complete the sessions."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from data_layer.quality.facts import read_accepted
from data_layer.sessions import close_times, sessions_between
from data_layer.settings import Settings, is_symbol
from data_layer.sources import open_sources
from data_layer.sources.ordered import OrderedSources
from data_layer.sources.renames import read_renames, renames_of
from data_layer.sources.universe import asked_for, join_universe, read_universe
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import ConfigError, DataQualityError
from plugins.stages import listings
from plugins.stages.context import Context
from plugins.stages.fallbacks import fallback_warnings, note_fallbacks
from plugins.stages.fetching import closed_sessions, fetch_actions, fetch_bars
from plugins.stages.gate import judge
from plugins.stages.runs import complete_sessions, completed_sessions
from plugins.stages.universe import store_renames, store_universe
from plugins.stages.window import Request


class Ingestion:
    """The steps of data_ingestion for one run; each may run twice and die anywhere."""

    ALWAYS: ClassVar[frozenset[str]] = frozenset()  # steps with work even when no session is due

    def __init__(self, context: Context):
        self.context = context
        self.listed = read_universe(context.settings)
        self.source = open_sources(asked_for(context.settings, self.listed))

    @cached_property
    def held(self) -> pd.DataFrame:
        """What the source has of the wanted symbols, see Source.instruments; only what can be a symbol."""
        listings.recall(self.context, self.source)
        try:
            held = self.source.instruments()
        finally:  # a vendor that fails at the last of many symbols need not be asked about the others again
            listings.keep(self.context, self.source)
        held = held[held["symbol"].map(is_symbol).astype(bool)].copy()
        # A row dated in the future moves the source's end, and would make all others look gone before it.
        end = closed_sessions(self.source, self.context.request.now)[-1]
        held["active_to"] = [None if day is None or day >= end else day for day in held["active_to"]]
        return held

    @cached_property
    def instruments(self) -> pd.DataFrame:
        """Who belongs to the universe, see join_universe."""
        return join_universe(self.held, self.listed, only_listed=bool(self.context.settings.universe))

    def fetch_market_data(self) -> Mapping[str, Any]:
        """Ask the source for the window's bars; store new and corrected ones, quarantine impossible ones."""
        context, symbols = self.context, self.held["symbol"].to_list()
        refuse_unknown_benchmark(context.stage, context.settings, symbols)
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            refuse_other_source(connection, context.stage, context.settings)
            done = sorted(completed_sessions(connection, context.stage))
            self.source.accept(read_accepted(connection))
            counts = fetch_bars(connection, context, self.source, symbols, done)
            note_fallbacks(connection, context, self.source.fallbacks)
        listings.keep(context, self.source)
        return context.say("bars fetched", **counts)

    def apply_corporate_actions(self) -> Mapping[str, Any]:
        """Store the actions going ex up to the session after the window: those its last decision knows.

        An action that cannot be true goes to quarantine and becomes a warning of its session.
        """
        context, symbols = self.context, self.held["symbol"].to_list()
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            done = sorted(completed_sessions(connection, context.stage))
            counts = fetch_actions(connection, context, self.source, symbols, done)
            note_fallbacks(connection, context, self.source.fallbacks)
        return context.say("corporate actions applied", **counts)

    def validate_data_quality(self) -> Mapping[str, Any]:
        """Fail the run when the window's data is not fit to decide on; what was found is kept either way."""
        with transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            verdict = judge(connection, self.context, self.source, self.instruments)
        verdict.enforce()
        return self.context.say("data quality validated", warnings=sum(map(len, verdict.warnings.values())))

    def update_trading_universe(self) -> Mapping[str, Any]:
        """Store who belongs to the universe, under which ticker, and complete the window's sessions."""
        context, instruments = self.context, self.instruments
        try:
            told = self.source.renames()
        finally:
            listings.keep(context, self.source)
        renames = [*renames_of(told.rows, told.source.name), *read_renames(context.settings)]
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            decided = max(completed_sessions(connection, context.stage), default=None)
            last = max(context.sessions[-1], decided or context.sessions[-1])
            changed = store_renames(connection, renames, last=last, decided=decided)
            changed += store_universe(
                connection, instruments.assign(source=self.source.name), last=last, decided=decided,
                delay=self.source.delay, only_listed=bool(context.settings.universe),
            )  # fmt: skip
            note_fallbacks(connection, context, self.source.fallbacks)
            if context.window.mode == "catch_up":
                # Judged once more, under the lock: nothing may have come between.
                verdict = judge(connection, context, self.source, instruments)
                verdict.enforce()
                self._complete(connection, verdict.warnings)
        return context.say("universe updated", symbols=len(instruments), changed=changed)

    def _complete(self, connection: Connection, warnings: Mapping[dt.date, Sequence[str]]) -> None:
        """A session's cutoff is the newest known_at of all that was held for it when it was completed."""
        context = self.context
        closes = close_times(list(context.sessions))
        known = connection.execute(
            load_sql("market_data/select_newest_known"), {"first": context.sessions[0]}
        )
        facts = {row["date"]: row for row in known}
        cutoffs, details = {}, {}
        general = fallback_warnings(connection, context)
        # What was stated of the universe after all of these sessions counts for them: nobody has decided them yet.
        after = {"after": closes[context.sessions[-1]] + self.source.delay}
        stated = connection.execute(load_sql("trading_universe/select_newest_known"), after).fetchone()
        newest = (stated or {})["known_at"] or dt.datetime.min.replace(tzinfo=dt.UTC)
        wanted = set(context.sessions)
        for day in sorted({*facts, *wanted}):
            if day in facts and day <= context.sessions[-1]:
                newest = max(newest, facts[day]["known_at"])
            if day in wanted:
                newest = max(newest, closes[day] + self.source.delay)
                cutoffs[day] = newest
                bars = facts[day]["bars"] if day in facts else 0
                details[day] = {"rows": bars, "source": self.source.name}
                if told := [*warnings.get(day, ()), *general]:
                    details[day]["warnings"] = told
        complete_sessions(connection, context, cutoffs, details)


def available_sessions(request: Request, source: OrderedSources) -> list[dt.date]:
    """Return the exchange's sessions from the source's first to its last that has closed and can be had.

    A row dated in the future does not make the source reach up to now.
    """
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
    """One database holds one market: a further vendor of it may join, another list of vendors may not.

    Raises:
        ConfigError: when it holds batches, and none of them is of a source asked for.
    """
    rows = connection.execute(load_sql("ingestion_batches/select_sources")).fetchall()
    held = [row["source"] for row in rows]
    if held and not set(held) & set(settings.sources):
        raise ConfigError(
            f"this home holds bars of {', '.join(held)}",
            stage=stage,
            key="SOURCE",
            value=settings.source,
            remedy=f"name another home: ALMANAC_HOME=.almanac-{settings.source}",
        )


def refuse_unknown_benchmark(stage: str, settings: Settings, symbols: Sequence[str]) -> None:
    """Raise ConfigError when BENCHMARK names a symbol that the source does not have."""
    if settings.benchmark and settings.benchmark not in symbols:
        near = ", ".join(difflib.get_close_matches(settings.benchmark, symbols, n=3) or sorted(symbols)[:10])
        raise ConfigError(
            "the source has no bars of the benchmark", stage=stage, key="BENCHMARK", value=settings.benchmark,
            remedy=f"it has {near}; or leave it empty for the equal-weight universe",
        )  # fmt: skip
