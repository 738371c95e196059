"""Fetching: ask the source for a window's bars and actions and store what it answers, in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.quality.action_checks import check_actions
from data_layer.quality.row_checks import check_rows
from data_layer.sessions import last_closed, next_session, previous_session, session_from
from data_layer.sources.base import Source
from data_layer.sources.ordered import OrderedSources
from data_layer.storage.bars import Provenance, Stored, store_actions, store_bars
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.vendors import vendors_of
from models.errors import ConfigError
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import mark_stale
from plugins.stages.vanished import Key, note_vanished

ASKED_AGAIN = 10  # sessions: two weeks, after which a split not told of has long been seen as a jump
BEGIN_OF_TIME, END_OF_TIME = dt.date(1, 1, 1), dt.date(9999, 12, 31)


def fetch_bars(
    connection: Connection,
    context: Context,
    source: OrderedSources,
    symbols: Sequence[str],
    done: Sequence[dt.date],
) -> Mapping[str, int]:
    """Store the window's bars, chunk by chunk; what changes a session done marks the stages after it.

    Args:
        connection: writer's transaction, under the stage's lock.
        context: the run.
        source: the sources to ask.
        symbols: every symbol they have.
        done: sessions completed, ascending.

    Returns:
        The counts of all batches together.
    """
    _refuse_unknown(context, symbols)
    start, end = context.sessions[0], context.sessions[-1]
    if context.window.mode == "catch_up":
        # From the day after the last session done to the source's very end: a row dated on a day
        # without trading, or in the future, must be seen and not slip between two windows.
        at_end = end >= closed_sessions(source, context.request.now)[-1]
        start = done[-1] + dt.timedelta(days=1) if done else BEGIN_OF_TIME
        end = END_OF_TIME if at_end and source.is_static else end
    stored = []
    received: dict[str, set[Key]] = {}  # of sessions fetched before
    for answer in source.bars_in_chunks(_wanted(context, source, symbols), start, end):
        checked = check_rows(answer.rows, source=answer.source.name, now=context.request.now)
        if context.window.mode != "catch_up":
            days = answer.rows["date"].dt.date
            received.setdefault(answer.source.name, set()).update(
                zip(answer.rows["symbol"], days, strict=True)
            )
        stored.append(
            store_bars(connection, checked, _provenance(connection, context, answer.source, symbols, done))
        )
    for name, keys in received.items():
        note_vanished(connection, context, "bar", name, keys, (start, end))
    restated = min((s.first_restated for s in stored if s.first_restated), default=None)
    mark_restated(connection, restated, done)
    return _total(stored)


def _wanted(context: Context, source: OrderedSources, symbols: Sequence[str]) -> Sequence[str] | None:
    """Return whom to ask for: whoever answers, the same symbols; of finished history even what is no symbol."""
    return context.window.symbols or (None if source.is_static else symbols)


def closed_sessions(source: OrderedSources, now: dt.datetime) -> list[dt.date]:
    """Return the source's sessions that have closed and can be had: a row dated in the future makes none."""
    closed = last_closed(now - source.delay)
    return [day for day in source.sessions() if day <= closed]


def fetch_actions(
    connection: Connection,
    context: Context,
    source: OrderedSources,
    symbols: Sequence[str],
    done: Sequence[dt.date],
) -> Mapping[str, int]:
    """Store the actions going ex up to the session after the window; arguments as for fetch_bars.

    A catch-up asks for those of the sessions just done once more: vendors publish some days late, and correct
    ex-dates.
    """
    first, last = context.sessions[0], next_session(context.sessions[-1])
    if context.window.mode == "catch_up":
        first = min([*done[-ASKED_AGAIN:], first])
    answer = source.actions(_wanted(context, source, symbols), first, last)
    checked = check_actions(answer.rows, eves_of(connection, answer.rows), source=answer.source.name)
    keys = zip(answer.rows["symbol"], answer.rows["ex_date"], strict=True)
    note_vanished(connection, context, "action", answer.source.name, keys, (first, last))
    provenance = _provenance(connection, context, answer.source, symbols, done)
    stored = store_actions(connection, checked, provenance, (first, last))
    if stored.first_restated:  # the session before decides on what goes ex at the next
        mark_restated(connection, previous_session(session_from(stored.first_restated)), done)
    return stored.as_dict()


def _provenance(
    connection: Connection, context: Context, source: Source, symbols: Sequence[str], done: Sequence[dt.date]
) -> Provenance:
    return Provenance(
        source=source.name,
        run_id=context.request.run_id,
        start=context.sessions[0],
        end=context.sessions[-1],
        symbols=context.window.symbols or symbols,
        delay=source.delay,
        now=context.request.now,
        decided=done[-1] if done else None,
        vendors=vendors_of(connection, context.settings),
    )


def _refuse_unknown(context: Context, symbols: Sequence[str]) -> None:
    held = set(symbols)
    for symbol in context.window.symbols:
        if symbol not in held:
            raise ConfigError(
                "the source has no bars of this symbol",
                stage=context.stage,
                key="symbols",
                value=symbol,
                remedy=f"it has {', '.join(sorted(held)[:10])}",
            )


def eves_of(connection: Connection, actions: pd.DataFrame) -> pd.DataFrame:
    """Return the last bar before each action, as check_actions wants it."""
    rows = json_text(actions[["symbol", "ex_date"]].to_dict("records"))
    found = connection.execute(load_sql("corporate_actions/select_eves"), {"rows": rows}).fetchall()
    return pd.DataFrame(found, columns=["symbol", "ex_date", "date", "close"])


def mark_restated(connection: Connection, since: dt.date | None, done: Sequence[dt.date]) -> None:
    """Mark what was decided from a day on as resting on data that has changed since, if anything was."""
    if since and done and since <= done[-1]:
        mark_stale(connection, since, f"bars or actions restated since {since}", list(CHAIN[1:]))


def _total(stored: Sequence[Stored]) -> Mapping[str, int]:
    counts: list[dict[str, Any]] = [s.as_dict() for s in stored] or [Stored(0, 0, 0, 0, 0, None).as_dict()]
    return {name: sum(c[name] for c in counts) for name in counts[0]}
