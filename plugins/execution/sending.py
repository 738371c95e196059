"""Sends a session's approved orders to a real broker: each once, each on its own, whatever happens in between.

An order is written as submitted before it is sent. Whatever leaves open what became of it (a lost answer, a
process that died) makes it unknown; it is then looked up by its own name and compared, and only an order that
the broker says it does not have is sent again, under the same name, which the broker takes once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from psycopg.errors import CheckViolation

from data_layer.brokers.base import Broker, NoAnswerError, OrderReport, payload_hash
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.kill_switch import heed_switch
from models.errors import AlmanacError, DataQualityError, RetryableError
from models.records import Order
from plugins.execution.approval import HOURS
from plugins.execution.broker import order_of
from plugins.execution.collar import AskTrades, held_back

STAGE = "risk_execution"
SENDING = ("send_orders",)  # with the account's id: the lock of whoever sends or cancels


@dataclass
class Sent:
    """What became of a batch: counts by state, and what failed, one line an order."""

    states: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def count(self, state: str) -> None:
        """Count one order."""
        self.states[state] = self.states.get(state, 0) + 1


def send_batch(
    uri: str, account: str, session: dt.date, broker: Broker, ask_trades: AskTrades | None = None,
    *, run_id: str, held: Mapping[str, str] = MappingProxyType({}),
) -> Sent:
    """Send what is planned, look up what nobody knows of; one order failing leaves the others going.

    An order whose price has left the price collar since it was decided is blocked, and one of a symbol of which an
    order of an earlier session is still out: it may yet fill.

    Args:
        uri: writer's connection URI.
        account: accounts.id.
        session: at whose close the orders were decided.
        broker: has the account.
        ask_trades: for the newest trades that the price collar looks at; without it the last closes held count.
        run_id: of the run that sends: only what was approved in it goes out.
        held: symbols that may not be ordered, and why.

    Raises:
        BlockedError: when the account does not prove to be the pinned paper account; nothing was sent.
        RetryableError: at the end, with the list, when an order failed; a repetition is safe.
    """
    sent = Sent()
    # One connection commits each step, so that what is sent is written before; the other holds the lock, for two
    # senders at once could not tell a dead one's order from the other's.
    with transaction(uri) as guard, transaction(uri) as connection:
        take_lock(guard, *SENDING, account)
        key = {"account_id": account, "session": session, "run_id": run_id}
        rows = connection.execute(load_sql("orders/select_to_send"), key).fetchall()
        connection.commit()
        reasons: Mapping[str, str] = {}
        older: Mapping[str, str] = {}
        if rows:
            broker.prove()
            reasons = held_back(connection, account, session, ask_trades)
            found = connection.execute(load_sql("orders/select_older_out"), key).fetchall()
            older = {r["symbol"]: f"an order of {r['session_date']} is still out" for r in found}
            connection.commit()
        for row in rows:
            trouble = held.get(row["symbol"]) or older.get(row["symbol"]) or reasons.get(row["client_order_id"], "")
            try:
                state = _one(connection, account, broker, row, run_id, trouble)
            except (AlmanacError, CheckViolation) as error:  # the latter: the database refuses just this order
                connection.rollback()
                state = "failed"
                sent.failures.append(f"{row['symbol']}: {error}"[:300])
            else:
                if state in {"rejected", "unknown", "blocked"}:
                    sent.failures.append(f"{row['symbol']}: {state}")
            sent.count(state)
    if sent.failures:
        raise RetryableError(
            f"{len(sent.failures)} of {len(rows)} orders failed: {'; '.join(sent.failures[:20])}", stage=STAGE,
            key="orders", value=dict(sent.states), remedy="a repetition looks up and sends only what is safe to",
        )  # fmt: skip
    return sent


def _one(
    connection: Connection, account: str, broker: Broker, row: Mapping[str, Any], run_id: str, trouble: str
) -> str:
    """Take one order as far as it goes now; return its state. trouble: why it may not be sent."""
    order = order_of(row)
    if payload_hash(account, order) != row["payload_hash"]:
        raise DataQualityError("an order with another payload than the one approved", stage=STAGE, key="order",
                               value=order.client_order_id, remedy="look at its row in orders")  # fmt: skip
    if row["state"] != "planned":
        if row["state"] == "submitted":  # its sender died in between
            record(connection, order, "unknown", reason="its sender ended before the answer")
        if report := broker.find(order.client_order_id):
            return _compared(connection, order, report)
    claimed = {"client_order_id": order.client_order_id,
               "from_state": "planned" if row["state"] == "planned" else "unknown",
               "run_id": run_id, "hours": HOURS}  # fmt: skip
    # Held till the claim is committed: whoever latches meanwhile waits, and then sees the order as sent.
    trouble = trouble or (heed_switch(connection, account).reason and "kill switch")
    if not trouble and not connection.execute(load_sql("orders/update_claimed"), claimed).rowcount:
        trouble = "no approval of this run in force"
    if trouble:
        return _blocked(connection, order, claimed, trouble)
    connection.commit()
    try:
        report = broker.submit(order)
    except NoAnswerError as error:
        record(connection, order, "unknown", reason=str(error)[:300])
        found = broker.find(order.client_order_id)
        return _compared(connection, order, found) if found else "unknown"
    except DataQualityError as error:
        record(connection, order, "rejected", reason=str(error)[:300])
        return "rejected"
    except AlmanacError as error:
        record(connection, order, "unknown", reason=str(error)[:300])
        raise
    if not report.is_of(order):  # it is there all the same: not rejected, and nothing to send again
        record(connection, order, "unknown", reason="the broker answered with another order")
    return _compared(connection, order, report)


def _blocked(connection: Connection, order: Order, claimed: Mapping[str, Any], reason: str) -> str:
    """Block an order; return its state, which is another one when a latch or a revocation has come first."""
    if connection.execute(load_sql("orders/update_held_back"), {**claimed, "reason": reason}).rowcount:
        write_events(connection, [blocked_event(order.client_order_id, order, reason)])
    state = connection.execute(load_sql("orders/select_state"), claimed).fetchone()
    connection.commit()
    return str(state["state"]) if state else "blocked"


def _compared(connection: Connection, order: Order, report: OrderReport) -> str:
    """Record what the broker has, when it is what we meant."""
    if not report.is_of(order):
        raise DataQualityError("the broker has another order of this name", stage=STAGE, key="order",
                               value=f"{order} / {report}", remedy="stop, and compare with the broker")  # fmt: skip
    record(connection, order, report.state, report)
    return report.state


def record(
    connection: Connection, order: Order, state: str, report: OrderReport | None = None, *, reason: str = ""
) -> None:
    """Write an order's state, and what was refused to the audit trail, and commit."""
    values = {
        "client_order_id": order.client_order_id, "state": state, "filled": report.filled_quantity if report else 0,
        "reason": reason or (report.reason if report else ""),
        "broker_order_id": (report.broker_order_id or None) if report else None,
    }  # fmt: skip
    connection.execute(load_sql("orders/update_reported"), values)
    if state == "rejected":
        why = str(values["reason"] or state)
        write_events(connection, [blocked_event(order.client_order_id, order, why)])
    connection.commit()


def blocked_event(key: str, order: Order, reason: str) -> dict[str, Any]:
    """Return the audit event of an order that came to nothing."""
    return event(f"blocked/{key}", "execution.blocked", order.session_date, STAGE, {"reason": reason},
                 symbol=order.symbol, correlation=order.client_order_id)  # fmt: skip
