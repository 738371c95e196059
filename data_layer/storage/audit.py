"""The trail: events that are appended once and never changed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.event_schemas import check, newest

EVENT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:almanac:audit-event")


def event(
    key: str,
    event_type: str,
    session: dt.date,
    source: str,
    payload: Mapping[str, Any],
    *,
    symbol: str | None = None,
    correlation: str | None = None,
) -> dict[str, Any]:
    """Return an audit event; the same key always makes the same event."""
    return {
        "event_id": str(uuid.uuid5(EVENT_NAMESPACE, key)),
        "correlation_id": correlation or key,
        "idempotency_key": key,
        "event_type": event_type,
        "session_date": str(session),
        "symbol": symbol,
        "source": source,
        "schema_version": newest(event_type),
        "payload": payload,
    }


def write_events(connection: Connection, events: Iterable[Mapping[str, Any]]) -> None:
    """Append events; those that are there already are left alone.

    Raises:
        DataQualityError: when one of them is not what its schema says; then none is written.
    """
    insert_events(connection, event_rows(events))


def event_rows(events: Iterable[Mapping[str, Any]]) -> str:
    """Return events as ``insert_events`` takes them; empty for none.

    Raises:
        DataQualityError: when one of them is not what its schema says.
    """
    rows = list(events)
    for one in rows:
        check(one)
    return json_text(rows) if rows else ""


def insert_events(connection: Connection, rows: str) -> None:
    """Append what ``event_rows`` gave; events that are there already are left alone."""
    if rows:
        connection.execute(load_sql("audit_events/insert_events"), {"rows": rows})
