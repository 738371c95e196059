"""The paper account in the database: loading it as of a session, and writing what a pass over sessions decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from data_layer.brokers.base import ExpiredOrder
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.merge import Mode, merge
from models.accounting import Book, Position, Snapshot
from models.portfolio import SkippedTarget
from models.records import Fill, LedgerEntry, Order, RiskDecision, TargetPosition

ACCOUNT = "paper"
KEY = ("account_id", "session_date", "symbol")


@dataclass
class Pass:
    """All that deciding some sessions produced, in order, ready to be written in one transaction."""

    targets: list[TargetPosition] = field(default_factory=list)
    decisions: list[RiskDecision] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)  # client order ids that a dry run kept back
    fills: list[Fill] = field(default_factory=list)
    expired: list[ExpiredOrder] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    skipped: list[SkippedTarget] = field(default_factory=list)


def load_book(connection: Connection, session: dt.date) -> Book:
    """Return the account's book as stored at a session's close."""
    key = {"account_id": ACCOUNT, "session": session}
    cash = connection.execute(load_sql("positions/select_cash"), key).fetchone()
    rows = connection.execute(load_sql("positions/select_positions"), key)
    return Book.from_state(cash["cash_usd"] if cash else Decimal(0), [Position(**row) for row in rows])


def load_orders(connection: Connection, session: dt.date) -> list[Order]:
    """Return the orders that were sent out after a session's close."""
    rows = connection.execute(load_sql("orders/select_sent"), {"account_id": ACCOUNT, "session": session})
    return [Order(**row) for row in rows]


def write_pass(connection: Connection, done: Pass, mode: Mode, stage: str) -> dict[str, int]:
    """Write (or, in verify, compare) the rows of a pass; what is there already stays as it is.

    Returns:
        Rows inserted by table.
    """
    written: dict[str, int] = {}

    def put(table: str, rows: Sequence[Mapping[str, Any]] | pd.DataFrame, key: Sequence[str]) -> None:
        if len(rows):
            merged = merge(connection, table, pd.DataFrame(rows), key=key, mode=mode, stage=stage)
            written[table] = merged.inserted

    put("target_positions", [_row(t) for t in done.targets], KEY)
    put("risk_decisions", [_decision_row(d) for d in done.decisions], KEY)
    decision_ids = _ids(connection, "risk_decisions/select_ids", [d.session_date for d in done.decisions])
    orders = [
        {**_row(o), "risk_decision_id": decision_ids[o.session_date, o.symbol]} for o in done.orders
    ]  # fmt: skip
    put("orders", orders, ("client_order_id",))
    order_ids = _ids(connection, "orders/select_ids", [f.client_order_id for f in done.fills])
    fills = pd.DataFrame([_row(f) for f in done.fills]).rename(columns={"client_order_id": "order_id"})
    if len(fills):
        fills["order_id"] = [order_ids[f.client_order_id,] for f in done.fills]
    put("fills", fills, ("broker_fill_id",))
    put("ledger_entries", [_row(e) for e in done.ledger], ("account_id", "transaction_key", "ledger_account"))
    put("positions", [_position_row(p, s.session_date) for s in done.snapshots for p in s.positions], KEY)
    put("account_snapshots", [_snapshot_row(s) for s in done.snapshots], KEY[:2])
    if mode == "insert":
        _settle_orders(connection, done)
    return written


def _settle_orders(connection: Connection, done: Pass) -> None:
    states = [
        *({"client_order_id": f.client_order_id, "state": "filled", "filled": f.quantity, "reason": ""}
          for f in done.fills),
        *({"client_order_id": e.client_order_id, "state": "expired", "filled": 0, "reason": e.reason}
          for e in done.expired),
        *({"client_order_id": c, "state": "planned", "filled": 0, "reason": "dry_run"} for c in done.planned),
    ]  # fmt: skip
    if states:
        connection.execute(load_sql("orders/update_states"), {"rows": json_text(states)})


def _row(record: Any) -> dict[str, Any]:
    return {"account_id": ACCOUNT, **asdict(record)}


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
    row = {k: v for k, v in _row(snapshot).items() if k != "positions"}
    return {**row, "net_exposure_usd": snapshot.securities_usd}


def _ids(connection: Connection, statement: str, names: Iterable[Any]) -> dict[Any, int]:
    wanted = {"account_id": ACCOUNT, "names": sorted(set(names))}
    if not wanted["names"]:
        return {}
    rows = connection.execute(load_sql(statement), wanted).fetchall()
    return {tuple(v for k, v in row.items() if k != "id"): row["id"] for row in rows}
