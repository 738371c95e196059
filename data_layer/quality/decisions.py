"""What people decide about data the gate does not let pass: release, reject, accept. Each leaves its trail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.quality.row_checks import check_rows
from data_layer.sessions import FIRST_DAY, is_session, last_closed
from data_layer.settings import Settings
from data_layer.sources import available_sources
from data_layer.sources.base import BAR_COLUMNS
from data_layer.storage.audit import event, write_events
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import Connection, load_sql, take_lock
from data_layer.storage.vendors import vendors_of
from models.errors import ConfigError, DataQualityError

STAGE = "data_ingestion"
SHORTEST_REASON = 3  # letters; the tables hold the same bound


def quarantined_rows(connection: Connection, number: int | None = None) -> list[dict[str, Any]]:
    """Return rows in quarantine with the last decision about each, all or the one of that id."""
    return connection.execute(load_sql("quarantine/select_with_decision"), {"id": number}).fetchall()


def reject(connection: Connection, number: int, reason: str) -> bool:
    """Note that a row in quarantine stays out for good; the gate no longer counts it.

    Returns:
        False when that was decided already.

    Raises:
        ConfigError: for an unknown row, an empty reason, and a row that has been released.
    """
    _check_reason(reason)
    take_lock(connection, STAGE)
    row = _row(connection, number)
    if row["decision"] == "released":
        raise _refuse("the row has been released", "REJECT", number, "correct the bar at its source")
    if row["decision"] == "rejected":
        return False
    _decide(connection, row, "rejected", reason, None)
    return True


def release(
    connection: Connection,
    number: int,
    reason: str,
    *,
    settings: Settings,
    now: dt.datetime,
    later_stages: Sequence[str],
) -> bool:
    """Store a bar from quarantine after all, the way every bar is stored.

    It must pass the row checks now: because the calendar has been corrected, the session has closed since, or
    because it is the one of two contradicting rows that is right. What no check and no table can take stays.
    Where a vendor named earlier in SOURCES has spoken of the bar, it is kept as a word and replaces nothing.

    Args:
        connection: writer's transaction.
        number: quarantine.id.
        reason: why it is right.
        settings: the home's, for its order of vendors.
        now: instant of the decision (UTC).
        later_stages: stages whose completed sessions rest on the bar, marked stale where it comes late.

    Returns:
        False when it was released already.

    Raises:
        ConfigError: for an unknown row, an empty reason, a row that is no bar.
        DataQualityError: when the row still cannot be true.
    """
    _check_reason(reason)
    take_lock(connection, STAGE)
    row = _row(connection, number)
    if row["decision"] == "released":
        return False
    if row["kind"] != "bars":
        raise _refuse("a corporate action", "RELEASE", number, "correct it at its source and fetch it again")
    checked = check_rows(_as_received(row), source=row["source"], now=now)
    if checked.accepted.empty:
        raise DataQualityError(
            f"the row still cannot be true: {checked.quarantined['reason'].iloc[0]}",
            stage="quarantine",
            key="RELEASE",
            value=number,
            remedy="correct it at its source; a day the calendar has wrong belongs in include/calendar_overrides.csv",
        )
    session = checked.accepted["date"].iloc[0].date()
    parameters = {"stage": STAGE, "model": ""}
    done = [
        r["session_date"] for r in connection.execute(load_sql("stage_runs/select_completed"), parameters)
    ]
    run_id = f"quarantine/{number}"
    stored = store_bars(
        connection,
        checked,
        Provenance(
            source=row["source"],
            run_id=run_id,
            start=session,
            end=session,
            symbols=[row["symbol"]],
            delay=available_sources()[row["source"]].delay,
            now=now,
            decided=max(done, default=None),
            vendors=vendors_of(connection, settings),
        ),
    )
    if stored.first_restated and done:
        stale = {
            "since": stored.first_restated,
            "reason": f"{run_id}: {reason}",
            "stages": list(later_stages),
        }
        connection.execute(load_sql("stage_runs/update_stale"), stale)
    batch = connection.execute(load_sql("ingestion_batches/select_of_run"), {"run_id": run_id}).fetchone()
    _decide(connection, row, "released", reason, (batch or {})["id"])
    return True


def accept(
    connection: Connection,
    session: dt.date,
    symbol: str,
    reason: str,
    *,
    now: dt.datetime,
    asked_for: Collection[str] = (),
) -> bool:
    """Accept a session as it is, or what is missing or wrong of one symbol in it; the table audits itself.

    Args:
        connection: writer's transaction.
        session: the session.
        symbol: symbol as received; empty for the whole session.
        reason: why.
        now: instant of the decision (UTC).
        asked_for: symbols that the home asks for; of one without any bar nothing may be stored yet.

    Returns:
        False when it was accepted already.

    Raises:
        ConfigError: for a day that is no session or has not closed, an unknown symbol, an empty reason.
    """
    _check_reason(reason)
    if session > last_closed(now) or session < FIRST_DAY or not is_session(session):
        raise _refuse(
            "not a session that has closed", "SESSION", session, "name a day the exchange traded on"
        )
    if symbol and symbol not in asked_for:
        known = connection.execute(load_sql("session_exceptions/select_known"), {"symbol": symbol}).fetchone()
        if not (known or {})["known"]:
            raise _refuse("nothing is known of this symbol", "SYMBOL", symbol, "see trading_universe")
    parameters = {"session": session, "symbol": symbol, "reason": reason}
    found = connection.execute(load_sql("session_exceptions/insert_exception"), parameters)
    return found.rowcount > 0


def _row(connection: Connection, number: int) -> dict[str, Any]:
    rows = quarantined_rows(connection, number)
    if not rows:
        raise _refuse("no such row in quarantine", "id", number, "list them with make quarantine")
    return rows[0]


def _decide(
    connection: Connection, row: Mapping[str, Any], decision: str, reason: str, batch: int | None
) -> None:
    parameters = {"id": row["id"], "decision": decision, "reason": reason, "batch_id": batch}
    connection.execute(load_sql("quarantine_decisions/insert_decision"), parameters)
    payload = {
        "quarantine_id": row["id"],
        "reason": reason,
        "why_quarantined": row["reason"],
        "raw": row["raw"],
    }
    # A row whose date nobody can read belongs to the batch it came in.
    session = row["session_date"] or row["end_date"]
    key = f"quarantine/{row['id']}/{decision}"
    write_events(
        connection,
        [event(key, f"quality.{decision}", session, "quarantine", payload, symbol=row["symbol"])],
    )


def _as_received(row: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([{name: row["raw"].get(name) for name in BAR_COLUMNS}], dtype=object)
    readable = row["session_date"] is not None
    frame["date"] = pd.to_datetime(pd.Series([row["session_date"] if readable else None]))
    return frame.assign(date_text="" if readable else row["raw"].get("date"))


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise _refuse("say why", "REASON", reason, "name the reason; it stays on record")


def _refuse(what: str, key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(what, stage="quality", key=key, value=str(value), remedy=remedy)
