"""Reading what risk_execution decided, and throwing its kill switch."""

from __future__ import annotations

import datetime as dt
from typing import Any

from data_layer.settings import Settings
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import latch, rearm
from tests.support.chain import query, run_stage
from tests.support.prepared import END, failed_checks, hashes

STAGE = "risk_execution"


def throw(database: Any, engaged: bool = True, reason: str = "the market is mad") -> None:
    """Latch or arm the kill switch of the paper account."""
    with transaction(database.writer) as connection:
        if engaged:
            latch(connection, "paper", reason)
        else:
            rearm(connection, "paper", reason)


def decisions(database: Any, *days: str) -> list[dict[str, Any]]:
    """Return the sessions' risk decisions."""
    return query(
        database.reader,
        "SELECT * FROM risk_decisions WHERE session_date = ANY(%(days)s) ORDER BY session_date, symbol",
        {"days": [dt.date.fromisoformat(d) for d in days]},
    )


def orders(database: Any, *days: str) -> list[dict[str, Any]]:
    """Return the market orders decided after the sessions' closes."""
    return query(
        database.reader,
        "SELECT * FROM orders WHERE session_date = ANY(%(days)s) AND order_type = 'market' "
        "ORDER BY session_date, symbol",
        {"days": [dt.date.fromisoformat(d) for d in days]},
    )


def audit(database: Any, kind: str, day: str) -> list[dict[str, Any]]:
    """Return a session's audit events of one kind."""
    return query(
        database.reader,
        "SELECT symbol, payload FROM audit_events WHERE event_type = %(kind)s AND session_date = %(day)s",
        {"kind": kind, "day": day},
    )


def held(database: Any, day: str) -> dict[str, int]:
    """Return the shares held at a session's close."""
    rows = query(
        database.reader, "SELECT symbol, quantity FROM positions WHERE session_date = %(d)s", {"d": day}
    )
    return {r["symbol"]: r["quantity"] for r in rows}


def assert_sound(database: Any, settings: Settings) -> None:
    """All invariants hold, and every session can be decided again."""
    assert failed_checks(database.reader) == []
    before = hashes(database.writer)
    run_stage(database.writer, settings, STAGE, start="2005-02-14", end=END)
    assert hashes(database.writer) == before
