"""What a real broker says happened: orders, fills, holdings and cash are read from it, never guessed.

What it has and we do not know (an order, a fill, a holding) is nobody's to book: it latches the kill switch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from data_layer.brokers.base import (
    ENDED,
    Broker,
    CashActivity,
    Execution,
    Holdings,
    OrderReport,
    client_order_id,
    payload_hash,
)
from data_layer.storage.audit import write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, transaction
from models.errors import DataQualityError, RetryableError
from models.records import Order
from plugins.execution.broker import order_of
from plugins.execution.sending import STAGE, blocked_event

NEW_YORK = ZoneInfo("America/New_York")
# A fill is told within minutes; after an outage or a correction within days. Older ones are read each time too.
LATE = dt.timedelta(days=10)
LEG_TYPES = {"stop", "limit"}


@dataclass(frozen=True)
class Truth:
    """One reading of the broker."""

    reports: Mapping[str, OrderReport | None]  # of the orders that were out, by client_order_id
    open_orders: Sequence[OrderReport]
    executions: Sequence[Execution]
    activities: Sequence[CashActivity]
    holdings: Holdings


def ask_broker(uri: str, account: str, broker: Broker, session: dt.date, opened: dt.date) -> Truth:
    """Read everything from the broker; nothing is written.

    Args:
        uri: any connection that may read.
        account: accounts.id.
        broker: has it.
        session: the first one to be booked.
        opened: the last session before the account was ours: what was executed till then is not booked.

    Raises:
        BlockedError: when the account does not prove itself.
        RetryableError: when no sound answer came.
    """
    broker.prove()
    with transaction(uri) as connection:
        key = {"account_id": account}
        out = connection.execute(load_sql("orders/select_out"), {**key, "names": []}).fetchall()
        known = connection.execute(load_sql("orders/select_broker_ids"), key).fetchall()
    since = max(opened + dt.timedelta(days=1), min([session - LATE, *(row["session_date"] for row in out)]))
    executions = broker.executions(since)
    told: dict[str, int] = {}
    for execution in executions:
        told[execution.broker_order_id] = max(told.get(execution.broker_order_id, 0), execution.cumulative)
    late = {r["client_order_id"] for r in known
            if r["order_type"] == "market" and told.get(r["broker_order_id"], 0) > r["filled_quantity"]}  # fmt: skip
    reports = {name: broker.find(name) for name in sorted(late | {row["client_order_id"] for row in out})}
    return Truth(reports, broker.open_orders(), executions, broker.cash_activities(since), broker.holdings())


def note_truth(connection: Connection, account: str, sessions: Sequence[dt.date], truth: Truth) -> list[str]:
    """Write what the broker said, in the caller's transaction; return what nobody knows, one line each.

    A fill is booked in the session it was executed in, or in the first of those to be booked when it is told late.

    Raises:
        RetryableError: when the fills told do not add up yet to what the orders say is executed.
    """
    key, session = {"account_id": account}, sessions[0]
    asked = connection.execute(load_sql("orders/select_out"), {**key, "names": list(truth.reports)}).fetchall()
    events = []
    for row in asked:
        report, order = truth.reports.get(row["client_order_id"]), order_of(row)
        if report is None and (row["client_order_id"] not in truth.reports or row["session_date"] >= session):
            continue
        if report is not None and not report.is_of(order):
            raise DataQualityError("the broker has another order of this name", stage=STAGE, key="order",
                                   value=order.client_order_id, remedy="compare with the broker")  # fmt: skip
        values = {"client_order_id": order.client_order_id, "state": "expired", "filled": 0,
                  "reason": "the broker never had it", "broker_order_id": None}  # fmt: skip
        if report is not None:
            values |= {"state": report.state, "filled": report.filled_quantity, "reason": report.reason,
                       "broker_order_id": report.broker_order_id}  # fmt: skip
        connection.execute(load_sql("orders/update_reported"), values)
        if values["state"] in ENDED - {"filled"}:
            events.append(
                blocked_event(order.client_order_id, order, f"{values['state']} {values['reason']}".strip())
            )
    write_events(connection, events)
    connection.execute(load_sql("orders/update_missed"), {**key, "session": sessions[-1]})
    _note_legs(connection, account, session, [r for r in truth.reports.values() if r], truth.open_orders)
    strange = _note_fills(connection, account, sessions, truth)
    known = {r["broker_order_id"] for r in connection.execute(load_sql("orders/select_broker_ids"), key)}
    mine = {leg.broker_order_id for r in truth.open_orders if r.broker_order_id in known for leg in r.legs}
    return strange + [
        f"an open order nobody knows: {r.side} {r.quantity} {r.symbol} ({r.broker_order_id})"
        for r in truth.open_orders
        if r.broker_order_id not in known | mine
    ]


def session_of(execution: Execution) -> dt.date:
    """Return the session a fill was executed in: the day in New York."""
    return execution.executed_at.astimezone(NEW_YORK).date()


def booked_in(execution: Execution, sessions: Sequence[dt.date]) -> dt.date | None:
    """Return the session a fill is booked in, None for one that is executed after all of them."""
    return next((s for s in sessions if s >= session_of(execution)), None)


def _note_fills(
    connection: Connection, account: str, sessions: Sequence[dt.date], truth: Truth
) -> list[str]:
    key = {"account_id": account}
    names = {r["broker_order_id"]: r["client_order_id"]
             for r in connection.execute(load_sql("orders/select_broker_ids"), key)}  # fmt: skip
    due = [(e, s) for e in truth.executions if (s := booked_in(e, sessions))]
    rows = [
        {**asdict(e), "client_order_id": names[e.broker_order_id], "session_date": str(s),
         "executed_at": e.executed_at.isoformat(), "price": str(e.price), "commission_usd": str(e.commission_usd)}
        for e, s in due if e.broker_order_id in names
    ]  # fmt: skip
    # One that was told before keeps the session it was booked in.
    connection.execute(load_sql("broker_fills/insert_fills"), {**key, "rows": json_text(rows)})
    later = {e.broker_order_id for e in truth.executions if booked_in(e, sessions) is None}
    short = [
        row
        for row in connection.execute(load_sql("broker_fills/select_incomplete"), key)
        if not any(names.get(b) == row["client_order_id"] for b in later)
    ]
    if short:
        raise RetryableError("the fills told do not add up to what is executed", stage=STAGE, key="orders",
                             value=[dict(row) for row in short[:5]], remedy="the broker is asked again")  # fmt: skip
    return [
        f"a fill nobody knows: {e.side} {e.quantity} {e.symbol} at {e.price} ({e.broker_fill_id})"
        for e, _ in due
        if e.broker_order_id not in names
    ]


def _note_legs(
    connection: Connection, account: str, session: dt.date, reports: Sequence[OrderReport],
    open_orders: Sequence[OrderReport],
) -> None:  # fmt: skip
    """Write the exits of entries that have executed, and end those that the broker has ended."""
    parents = {r["broker_order_id"]: r
               for r in connection.execute(load_sql("orders/select_broker_ids"), {"account_id": account})}  # fmt: skip
    rows, ended = [], []
    for report in {r.broker_order_id: r for r in [*reports, *open_orders]}.values():
        parent = parents.get(report.broker_order_id)
        if parent is None or not report.filled_quantity:
            continue
        for leg in report.legs:
            ended += [{"broker_order_id": leg.broker_order_id, "state": leg.state}] * (
                leg.state in ENDED - {"filled"}
            )
            if leg.order_type in LEG_TYPES and leg.price is not None and leg.broker_order_id not in parents:
                rows.append(_leg_row(account, session, leg, parent))
    for_account = {"account_id": account, "session": session}
    connection.execute(load_sql("orders/insert_legs"), {**for_account, "rows": json_text(rows)})
    connection.execute(load_sql("orders/update_legs"), {**for_account, "rows": json_text(ended)})


def _leg_row(
    account: str, session: dt.date, leg: OrderReport, parent: Mapping[str, object]
) -> dict[str, object]:
    assert leg.price is not None  # noqa: S101
    limit = leg.order_type == "limit"
    order = Order(
        client_order_id=client_order_id(account, leg.symbol, leg.side, session, exit_type=leg.order_type),
        symbol=leg.symbol, session_date=session, side=leg.side, quantity=leg.quantity, reference_price=leg.price,
        order_type=leg.order_type, time_in_force="gtc",
        stop_price=None if limit else leg.price, limit_price=leg.price if limit else None,
    )  # fmt: skip
    return {
        "client_order_id": order.client_order_id, "risk_decision_id": parent["risk_decision_id"],
        "session_date": str(session), "symbol": leg.symbol, "side": leg.side, "quantity": leg.quantity,
        "order_type": leg.order_type, "reference_price": str(leg.price), "parent_order_id": parent["id"],
        "stop_price": None if order.stop_price is None else str(order.stop_price),
        "limit_price": None if order.limit_price is None else str(order.limit_price),
        "broker_order_id": leg.broker_order_id, "payload_hash": payload_hash(account, order),
        "decision_hash": parent["decision_hash"],
    }  # fmt: skip
