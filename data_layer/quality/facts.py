"""What is held of a run's sessions, read from the tables: what the gate and the pages judge by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from data_layer.quality.coverage import Facts, SessionFacts, without_accepted
from data_layer.sessions import sessions_between
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql


def read_facts(
    connection: Connection,
    run_id: str,
    sessions: Sequence[dt.date],
    spans: Sequence[Mapping[str, Any]],
    expected: dt.date,
) -> tuple[Facts, int]:
    """Return the facts about some sessions without what people have accepted, and the newest batch of all.

    Args:
        connection: any role that may read.
        run_id: the run whose newest fetch is judged.
        sessions: its sessions, ascending, at least one.
        spans: symbol, active_from, active_to (None while active) of who should have bars.
        expected: the newest session expected.
    """
    fetch = (
        connection.execute(load_sql("ingestion_batches/select_fetch"), {"run_id": run_id}).fetchone() or {}
    )
    days = set(sessions)
    bad: dict[dt.date, list[tuple[str, str]]] = {}
    homeless = []
    for day, symbol, reason in quarantined_of(connection, run_id, "bars"):
        if day in days and day is not None:
            bad.setdefault(day, []).append((symbol, reason))
        else:
            homeless.append((day, symbol, reason))
    parameters = {"sessions": list(sessions), "rows": json_text(list(spans))}
    rows = connection.execute(load_sql("market_data/select_session_facts"), parameters)
    found = [SessionFacts(**row, quarantined=bad.get(row["session"], [])) for row in rows]
    newest = connection.execute(load_sql("market_data/select_newest_session"), {"until": expected}).fetchone()
    held = (newest or {})["date"]
    # Without any bar, all that was expected is missing.
    behind = len(sessions_between(held or sessions[0], expected)) - (1 if held else 0)
    facts = Facts(found, homeless, fetch["received"], behind, expected)
    return without_accepted(facts, read_accepted(connection)), fetch["newest"]


def read_accepted(connection: Connection) -> frozenset[tuple[dt.date, str]]:
    """Return what people have accepted: session and symbol, empty for all of the session."""
    rows = connection.execute(load_sql("session_exceptions/select_exceptions"))
    return frozenset((row["session_date"], row["symbol"]) for row in rows)


def quarantined_of(connection: Connection, run_id: str, kind: str) -> list[tuple[dt.date | None, str, str]]:
    """Return date, symbol and reason of the undecided rows that a run's newest fetch brought.

    Args:
        connection: any role that may read.
        run_id: the run.
        kind: bars or actions.
    """
    rows = connection.execute(load_sql("quarantine/select_of_run"), {"run_id": run_id, "kind": kind})
    return [(row["session_date"], row["symbol"], row["reason"]) for row in rows]
