"""The paper account in the database: loading it as of a session, writing what was decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from data_layer.storage.audit import event
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.merge import Mode, merge
from models.accounting import Book, Position, Snapshot
from models.errors import DataQualityError
from models.records import Order, RiskDecision
from plugins.stages.trading_day import ACCOUNT, Day, Pass

KEY = ("account_id", "session_date", "symbol")
LEDGER_KEY = ("account_id", "transaction_key", "ledger_account")


def load_book(connection: Connection, session: dt.date) -> Book:
    """Return the account's book as stored at a session's close.

    Raises:
        DataQualityError: when the account was not marked at that close.
    """
    key = {"account_id": ACCOUNT, "session": session}
    cash = connection.execute(load_sql("positions/select_cash"), key).fetchone()
    if cash is None:
        raise DataQualityError(
            "the account has no snapshot at the close before", stage="risk_execution", key="session",
            value=str(session), remedy="run risk_execution for that session first",
        )  # fmt: skip
    rows = connection.execute(load_sql("positions/select_positions"), key)
    return Book.from_state(cash["cash_usd"], [Position(**row) for row in rows])


def load_orders(connection: Connection, session: dt.date) -> list[Order]:
    """Return the orders that were sent out after a session's close."""
    rows = connection.execute(load_sql("orders/select_sent"), {"account_id": ACCOUNT, "session": session})
    return [Order(**row) for row in rows]


def write_pass(
    connection: Connection, done: Pass, sessions: Sequence[dt.date], mode: Mode, stage: str
) -> dict[str, int]:
    """Write (or, in verify, compare) the rows of a pass; what is there already stays as it is.

    Args:
        connection: the caller's transaction.
        done: what was decided.
        sessions: those it decides; verify demands that they hold no row besides.
        mode: insert or verify.
        stage: for error messages.

    Returns:
        Rows inserted by table.
    """
    written: dict[str, int] = {}
    scope: Mapping[str, Sequence[Any]] = {"account_id": [ACCOUNT], "session_date": list(sessions)}

    def put(table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
        if rows or mode == "verify":
            frame = pd.DataFrame(rows, columns=None if rows else list(key))
            merged = merge(connection, table, frame, key=key, mode=mode, scope=scope, stage=stage)
            written[table] = merged.inserted

    put("target_positions", [_row(t) for t in done.targets], KEY)
    put("risk_decisions", [_decision_row(d) for d in done.decisions], KEY)
    decided = _ids(connection, "risk_decisions/select_ids", [d.session_date for d in done.decisions])
    orders = [{**_row(o), "risk_decision_id": decided[o.session_date, o.symbol]} for o in done.orders]
    put("orders", orders, ("client_order_id",))
    ordered = _ids(connection, "orders/select_ids", [f.client_order_id for f in done.fills])
    fills = [{**_row(f), "order_id": ordered[f.client_order_id,]} for f in done.fills]
    put("fills", [_without(f, "client_order_id") for f in fills], ("broker_fill_id",))
    put("ledger_entries", [_row(e) for e in done.ledger], LEDGER_KEY)
    put("positions", [_position_row(p, s.session_date) for s in done.snapshots for p in s.positions], KEY)
    put("account_snapshots", [_snapshot_row(s) for s in done.snapshots], KEY[:2])
    if mode == "insert":
        _settle_orders(connection, done)
    return written


def order_events(days: Sequence[Day], done: Pass) -> Iterator[dict[str, Any]]:
    """One event per decision, fill, order that ended without one, and batch of orders held back."""
    for day in days:
        held_back = day.rules["blocked"] or ("dry_run" if day.rules["dry_run"] else "")
        if held_back:
            key = f"held_back/{ACCOUNT}/{day.session}"
            yield _event(key, "execution.blocked", day.session, {"reason": held_back})
    for d in done.decisions:
        name = "risk.rejected" if d.decision == "rejected" else "risk.approved"
        payload = {"decision": d.decision, "requested": d.requested_quantity, "approved": d.approved_quantity,
                   "reason": d.reason}  # fmt: skip
        key = f"decision/{ACCOUNT}/{d.session_date}/{d.symbol}"
        yield _event(key, name, d.session_date, payload, symbol=d.symbol)
    for f in done.fills:
        payload = {"side": f.side, "quantity": f.quantity, "price": str(f.price)}
        key = f"fill/{f.broker_fill_id}"
        yield _event(key, "execution.completed", f.session_date, payload, symbol=f.symbol,
                     correlation=f.client_order_id)  # fmt: skip
    for e in done.expired:
        key = f"expired/{e.client_order_id}"
        yield _event(key, "execution.blocked", e.session_date, {"reason": e.reason}, symbol=e.symbol,
                     correlation=e.client_order_id)  # fmt: skip


def _event(key: str, kind: str, session: dt.date, payload: Mapping[str, Any], **more: str) -> dict[str, Any]:
    return event(key, kind, session, "risk_execution", payload, **more)


def _settle_orders(connection: Connection, done: Pass) -> None:
    """Write what became of orders: each of them leaves the state submitted once."""
    filled = [(f.client_order_id, "filled", f.quantity, "") for f in done.fills]
    expired = [(e.client_order_id, "expired", 0, e.reason) for e in done.expired]
    planned = [(client_order_id, "planned", 0, "dry_run") for client_order_id in done.planned]
    names = ("client_order_id", "state", "filled", "reason")
    states = [dict(zip(names, row, strict=True)) for row in (*filled, *expired, *planned)]
    if states:
        connection.execute(load_sql("orders/update_states"), {"rows": json_text(states)})


def _row(record: Any) -> dict[str, Any]:
    return {"account_id": ACCOUNT, **asdict(record)}


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _decision_row(decision: RiskDecision) -> dict[str, Any]:
    row = _row(decision)
    return {**row, "checks": list(row["checks"])}


def _position_row(position: Position, session: dt.date) -> dict[str, Any]:
    return {
        **_row(position),
        "session_date": session,
        "average_cost": position.average_cost,
        "market_value_usd": position.market_value_usd,
        "unrealized_pnl_usd": position.unrealized_pnl_usd,
    }


def _snapshot_row(snapshot: Snapshot) -> dict[str, Any]:
    return {**_without(_row(snapshot), "positions"), "net_exposure_usd": snapshot.securities_usd}


def _ids(connection: Connection, statement: str, names: Iterable[Any]) -> dict[Any, int]:
    wanted = {"account_id": ACCOUNT, "names": sorted(set(names))}
    if not wanted["names"]:
        return {}
    rows = connection.execute(load_sql(statement), wanted).fetchall()
    return {tuple(v for k, v in row.items() if k != "id"): row["id"] for row in rows}
