"""The paper account in the database: loading it as of a session, writing what was decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.storage.audit import event
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.merge import Mode, merge
from models.accounting import Book, Position
from models.errors import DataQualityError
from models.exits import Exits
from models.records import Order
from plugins.stages.decision_rows import load_watch, write_blends, write_watched
from plugins.stages.pass_rows import EXITS, FILL_KEY, HELD, KEY, LEDGER_KEY, ORDER_KEY, Rows
from plugins.stages.trading_state import Day, Pass, State

EXIT_TYPES = ("stop", "limit", "trailing_stop")


def load_state(connection: Connection, account: str, session: dt.date) -> State:
    """Return an account as stored at a session's close: its book, orders sent since, and exits.

    Raises:
        DataQualityError: when the account was not marked at that close.
    """
    key = {"account_id": account, "session": session}
    cash = connection.execute(load_sql("positions/select_cash"), key).fetchone()
    if cash is None:
        raise DataQualityError(
            "the account has no snapshot at the close before", stage="risk_execution", key="session",
            value=str(session), remedy="run risk_execution for that session first",
        )  # fmt: skip
    rows = connection.execute(load_sql("positions/select_positions"), key).fetchall()
    resting: dict[str, list[Order]] = {}
    for row in connection.execute(load_sql("orders/select_resting"), key):
        resting.setdefault(row["symbol"], []).append(Order(**row))
    state = State(
        Book.from_state(cash["cash_usd"], [Position(**{f: row[f] for f in HELD}) for row in rows]),
        [Order(**row) for row in connection.execute(load_sql("orders/select_sent"), key)],
        exits={
            row["symbol"]: Exits(**{f: row[column] for f, column in EXITS.items()})
            for row in rows
            if row["entry_order"]
        },
        resting=resting,
        ended={row["symbol"]: row["ended_side"] for row in rows if row["ended_side"]},
        closed={
            row["symbol"]: (row["realized_pnl_usd"], row["ended_side"]) for row in rows if not row["quantity"]
        },
    )
    load_watch(connection, account, session, state)
    approved = connection.execute(load_sql("risk_decisions/select_approved"), key).fetchall()
    state.approved = {row["symbol"]: row["approved_quantity"] for row in approved}
    state.rejected = frozenset(row["symbol"] for row in approved if row["rejected"])
    return state


def write_pass(
    connection: Connection, rows: Rows, sessions: Sequence[dt.date], mode: Mode, stage: str
) -> dict[str, int]:
    """Write (or, in verify, compare) the rows of a pass; what is there already stays as it is.

    Args:
        connection: the caller's transaction.
        rows: what was decided.
        sessions: those it decides; verify demands that they hold no row besides.
        mode: insert or verify.
        stage: for error messages.

    Returns:
        Rows inserted by table.
    """
    written: dict[str, int] = {}
    done = rows.done
    scope: Mapping[str, Sequence[Any]] = {"account_id": [done.account], "session_date": list(sessions)}

    def put(table: str, frame: pd.DataFrame, key: Sequence[str], **only: Sequence[str]) -> None:
        if len(frame) or mode == "verify":
            within = {**scope, **only}
            merged = merge(connection, table, frame, key=key, mode=mode, scope=within, by_scope=True, stage=stage)
            written[table] = written.get(table, 0) + merged.inserted

    written["ensemble_signals"] = write_blends(connection, rows.blends, sessions, mode, stage)
    put("target_positions", rows.targets, KEY)
    put("risk_decisions", rows.decisions, KEY)
    decided = _ids(connection, done, "risk_decisions/select_ids", [o.session_date for o in done.orders])
    decisions = [decided[o.session_date, o.symbol] for o in done.orders]
    put("orders", _with(rows.orders, risk_decision_id=decisions), ORDER_KEY, order_type=["market"])
    parents = _orders(connection, done, (o.parent for o in done.placed))
    entries = [parents[o.parent or ""] for o in done.placed]
    names = ("risk_decision_id", "parent_order_id", "decision_hash")
    found = dict(zip(names, zip(*entries, strict=True), strict=True)) if entries else {}
    put("orders", _with(rows.exits, **found), ORDER_KEY, order_type=EXIT_TYPES)
    ordered = _orders(connection, done, (f.client_order_id for f in done.fills))
    put("fills", _with(rows.fills, order_id=[ordered[f.client_order_id][1] for f in done.fills]), FILL_KEY)
    put("ledger_entries", rows.ledger, LEDGER_KEY)
    if mode == "insert":
        _settle_orders(connection, done)  # before the positions, against which the exits that rest are held
    put("positions", rows.positions, KEY)
    put("account_snapshots", rows.snapshots, KEY[:2])
    if mode == "insert":  # what an earlier version of the rules was compared by is not asked again
        put("backtest_parity", rows.parity, KEY[:2])
    written["risk_snapshots"] = write_watched(connection, rows.watched, done, sessions, mode, stage)
    return written


def _with(frame: pd.DataFrame, **columns: Sequence[Any]) -> pd.DataFrame:
    """Return the frame with further columns, none of them where it has no rows."""
    return frame.assign(**{name: list(values) for name, values in columns.items()}) if len(frame) else frame


def order_events(days: Sequence[Day], done: Pass) -> Iterator[dict[str, Any]]:
    """One event per decision, fill, order that ended without one, and batch of orders held back."""
    for day in days:
        held_back = day.rules["blocked"] or ("dry_run" if day.rules["dry_run"] else "")
        if held_back:
            key = f"held_back/{done.account}/{day.session}"
            yield _event(key, "execution.blocked", day.session, {"reason": held_back})
    for d in done.decisions:
        name = "risk.rejected" if d.decision == "rejected" else "risk.approved"
        payload = {"decision": d.decision, "requested": d.requested_quantity, "approved": d.approved_quantity,
                   "reason": d.reason}  # fmt: skip
        key = f"decision/{done.account}/{d.session_date}/{d.symbol}"
        yield _event(key, name, d.session_date, payload, symbol=d.symbol)
    for f in done.fills:
        payload = {"side": f.side, "quantity": f.quantity, "price": str(f.price)}
        if f.client_order_id in done.hit:
            payload["exit"] = done.hit[f.client_order_id].order_type
        key = f"fill/{f.broker_fill_id}"
        yield _event(key, "execution.completed", f.session_date, payload, symbol=f.symbol,
                     correlation=f.client_order_id)  # fmt: skip
    for m in done.refused:
        yield _event(f"refused/{done.account}/{m.session_date}/{m.amount_usd}", "execution.blocked", m.session_date,
                     {"reason": f"withdrawal of {m.amount_usd} USD exceeds the cash that is free"})  # fmt: skip
    for e in done.expired:
        key = f"expired/{e.client_order_id}"
        yield _event(key, "execution.blocked", e.session_date, {"reason": e.reason}, symbol=e.symbol,
                     correlation=e.client_order_id)  # fmt: skip

    yield from _exit_events(done)


def _exit_events(done: Pass) -> Iterator[dict[str, Any]]:
    """One event per exit placed or taken back."""
    for o in done.placed:
        price = o.limit_price if o.stop_price is None else o.stop_price
        payload = {"exit": o.order_type, "side": o.side, "quantity": o.quantity, "price": str(price)}
        yield _event(f"placed/{o.client_order_id}", "execution.resting", o.session_date, payload, symbol=o.symbol,
                     correlation=o.client_order_id)  # fmt: skip
    for c in done.cancelled:
        yield _event(f"cancelled/{c.client_order_id}", "execution.cancelled", c.session_date,
                     {"reason": c.reason}, symbol=c.symbol, correlation=c.client_order_id)  # fmt: skip


def _event(key: str, kind: str, session: dt.date, payload: Mapping[str, Any], **more: str) -> dict[str, Any]:
    return event(key, kind, session, "risk_execution", payload, **more)


def _settle_orders(connection: Connection, done: Pass) -> None:
    """Write what became of orders: each of them leaves the state submitted, or resting, once."""
    part: dict[str, int] = {}
    for f in done.fills:
        part[f.client_order_id] = part.get(f.client_order_id, 0) + f.quantity
    expired = [
        (e.client_order_id, "expired", part.pop(e.client_order_id, 0), e.reason, None) for e in done.expired
    ]
    when = {f.client_order_id: f.session_date for f in done.fills if f.client_order_id in done.hit}
    # An exit at a real broker may fill in parts; those are written where the broker is read.
    filled = [(name, "filled", quantity, "", when.get(name)) for name, quantity in part.items()
              if name not in done.hit or quantity == done.hit[name].quantity]  # fmt: skip
    planned = [(client_order_id, "planned", 0, reason, None) for client_order_id, reason in done.planned.items()
               if reason == "dry_run"]
    cancelled = [(c.client_order_id, "cancelled", 0, c.reason, c.session_date) for c in done.cancelled]
    names = ("client_order_id", "state", "filled", "reason", "ended")
    states = [dict(zip(names, row, strict=True)) for row in (*filled, *expired, *planned, *cancelled)]
    if states:
        connection.execute(load_sql("orders/update_states"), {"rows": json_text(states)})


def _ids(connection: Connection, done: Pass, statement: str, names: Iterable[Any]) -> dict[Any, int]:
    wanted = {"account_id": done.account, "names": sorted(set(names))}
    if not wanted["names"]:
        return {}
    rows = connection.execute(load_sql(statement), wanted).fetchall()
    return {tuple(v for k, v in row.items() if k != "id"): row["id"] for row in rows}


def _orders(
    connection: Connection, done: Pass, names: Iterable[str | None]
) -> dict[str, tuple[int, int, str]]:
    """Return decision, id and the decision's hash of orders by their own name."""
    wanted = {"account_id": done.account, "names": sorted({name for name in names if name})}
    if not wanted["names"]:
        return {}
    rows = connection.execute(load_sql("orders/select_ids"), wanted)
    return {row["client_order_id"]: (row["risk_decision_id"], row["id"], row["decision_hash"]) for row in rows}
