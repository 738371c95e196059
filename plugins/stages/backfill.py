"""Backfill: bars and actions of a range of dates, chunk by chunk, each in one transaction with its checkpoint."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_layer.quality.action_checks import check_actions
from data_layer.quality.facts import read_accepted
from data_layer.quality.row_checks import check_rows
from data_layer.sessions import last_closed, previous_session, session_from
from data_layer.sources.base import Source
from data_layer.storage.bars import Provenance, store_actions, store_bars
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.vendors import vendors_of
from models.errors import ConfigError
from plugins.stages.context import Context
from plugins.stages.fetching import eves_of, mark_restated
from plugins.stages.ingestion import refuse_other_source
from plugins.stages.runs import completed_sessions

# Reading a file costs about the same for one symbol as for some: a few seconds of work are lost at most. A vendor is
# asked symbol by symbol anyway.
FILE_SYMBOLS, VENDOR_SYMBOLS = 25, 1


@dataclass(frozen=True)
class Backfill:
    """One backfill: what it was asked for, and with what it works."""

    context: Context
    source: Source
    start: dt.date
    end: dt.date

    @property
    def keys(self) -> dict[str, Any]:
        """What names its chunks, except for their symbols."""
        return {
            "source": self.source.name,
            "start": self.start,
            "end": self.end,
            "run_id": self.context.request.run_id,
        }


def open_range(context: Context, source: Source, start: dt.date, end: dt.date) -> Backfill:
    """Return the backfill of a range, up to the last session that has closed.

    Raises:
        ConfigError: when the range lies in the future, or the home holds another kind of bars.
    """
    last = min(end, last_closed(context.request.now))
    if start > last:
        raise ConfigError(
            "nothing has closed in this range",
            stage=context.stage,
            key="START..END",
            value=f"{start}..{end}",
            remedy=f"the last session closed is {last_closed(context.request.now)}",
        )
    with transaction(context.uri) as connection:
        refuse_other_source(connection, context.stage, context.settings)
        source.accepted = read_accepted(connection)
    return Backfill(context, source, start, last)


def plan_chunks(backfill: Backfill) -> tuple[list[tuple[str, ...]], int]:
    """Note what is to do and return it.

    Returns:
        The groups of symbols that no earlier backfill has brought for all of the range, and the number of
        symbols that one has.
    """
    held = backfill.source.instruments()
    known = sorted(str(symbol) for symbol in held["symbol"])
    with transaction(backfill.context.uri) as connection:
        done = _done(connection, backfill)
        todo = [symbol for symbol in known if symbol not in done]
        size = FILE_SYMBOLS if backfill.source.is_static else VENDOR_SYMBOLS
        groups = [tuple(todo[i : i + size]) for i in range(0, len(todo), size)]
        planned = [{"symbols_hash": _hash(group), "symbols": group} for group in groups]
        parameters = {**backfill.keys, "rows": json_text(planned)}
        connection.execute(load_sql("backfill_chunks/insert_planned"), parameters)
    return groups, len(known) - len(todo)


def fill_chunk(backfill: Backfill, symbols: Sequence[str]) -> Mapping[str, int]:
    """Fetch, check and store one chunk and set its checkpoint, all or nothing.

    Returns:
        Counts of its bars, and of its actions new or changed; empty when another backfill did it meanwhile.
    """
    context, source = backfill.context, backfill.source
    # Nobody waits for the lock while the source is asked.
    rows = source.history(symbols, backfill.start, backfill.end)
    actions = source.actions(symbols, backfill.start, backfill.end)
    checked = check_rows(rows, source=source.name, now=context.request.now)
    with transaction(context.uri) as connection:
        take_lock(connection, context.stage)
        refuse_other_source(connection, context.stage, context.settings)
        if set(symbols) <= _done(connection, backfill):
            return {}
        done = sorted(completed_sessions(connection, context.stage))
        provenance = Provenance(
            source=source.name,
            run_id=context.request.run_id,
            start=backfill.start,
            end=backfill.end,
            symbols=symbols,
            delay=source.delay,
            now=context.request.now,
            decided=done[-1] if done else None,
            vendors=vendors_of(connection, context.settings),
        )
        bars = store_bars(connection, checked, provenance)
        mark_restated(connection, bars.first_restated, done)
        sound = check_actions(actions, eves_of(connection, actions), source=source.name)
        added = store_actions(connection, sound, provenance)
        if added.first_restated:
            mark_restated(connection, previous_session(session_from(added.first_restated)), done)
        counts = {
            "received": bars.received,
            "accepted": bars.new + bars.corrected,
            "duplicates": bars.duplicates,
            "quarantined": bars.quarantined,
            "actions": added.new + added.corrected,
        }
        connection.execute(
            load_sql("backfill_chunks/update_done"),
            {**backfill.keys, **counts, "symbols_hash": _hash(symbols), "batch_id": bars.batch_id},
        )
    return counts


def _done(connection: Connection, backfill: Backfill) -> set[str]:
    return {
        row["symbol"] for row in connection.execute(load_sql("backfill_chunks/select_done"), backfill.keys)
    }


def _hash(symbols: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(symbols).encode()).hexdigest()
