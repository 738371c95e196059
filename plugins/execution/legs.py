"""Exits that rest at a real broker as legs of their entry: written down as its children, followed to their end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from data_layer.brokers.base import ENDED, OrderReport, client_order_id, payload_hash
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from models.records import Order

LEG_TYPES = {"stop", "limit"}


def gone_legs(
    connection: Connection, account: str, open_orders: Iterable[OrderReport]
) -> dict[str, str]:
    """Return the exits that rest in the books and are not open at the broker, by its ids, with their entries' names."""
    there = {report.broker_order_id for report in open_orders}
    rows = connection.execute(load_sql("orders/select_legs"), {"account_id": account})
    return {row["broker_order_id"]: row["parent"] for row in rows if row["broker_order_id"] not in there}


def note_legs(
    connection: Connection, account: str, session: dt.date, reports: Iterable[OrderReport], gone: Iterable[str]
) -> None:
    """Write the exits of entries that have executed in full, and end those that the broker has ended.

    Before that the broker holds them back, and there is no holding yet that they are the other side of.

    Args:
        connection: the caller's transaction.
        account: accounts.id.
        session: in which they are placed, or end.
        reports: of entries, with their legs.
        gone: the broker's ids of exits that are not open any more, whether reports tell of them or not.
    """
    key = {"account_id": account, "session": session}
    known = {r["broker_order_id"]: r for r in connection.execute(load_sql("orders/select_broker_ids"), key)}
    rows, states = [], dict.fromkeys(gone, "cancelled")
    for report in {r.broker_order_id: r for r in reports}.values():
        parent = known.get(report.broker_order_id)
        if parent is None or not report.filled_quantity:
            continue
        for leg in report.legs:
            states[leg.broker_order_id] = leg.state
            written = report.state == "filled" or leg.state in ENDED
            if written and leg.order_type in LEG_TYPES and leg.price is not None and leg.broker_order_id not in known:
                rows.append(_leg_row(account, session, leg, parent))
    ended = [
        {"broker_order_id": name, "state": state}
        for name, state in states.items()
        if state in ENDED - {"filled"}
    ]
    connection.execute(load_sql("orders/insert_legs"), {**key, "rows": json_text(rows)})
    connection.execute(load_sql("orders/update_legs"), {**key, "rows": json_text(ended)})


def note_leg_fills(connection: Connection, account: str) -> None:
    """Add up what was executed of exits, once their fills are written."""
    connection.execute(load_sql("orders/update_leg_fills"), {"account_id": account})


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
