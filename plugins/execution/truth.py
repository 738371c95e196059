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
)
from data_layer.storage.audit import write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.kill_switch import latch
from models.errors import DataQualityError, RetryableError
from plugins.execution.broker import order_of
from plugins.execution.legs import gone_legs, note_leg_fills, note_legs
from plugins.execution.sending import STAGE, blocked_event

NEW_YORK = ZoneInfo("America/New_York")
# A fill is told within minutes; after an outage or a correction within days. Older ones are read each time too.
LATE = dt.timedelta(days=10)


@dataclass(frozen=True)
class Truth:
    """One reading of the broker."""

    reports: Mapping[str, OrderReport | None]  # of the orders that were out, by client_order_id
    open_orders: Sequence[OrderReport]
    executions: Sequence[Execution]
    activities: Sequence[CashActivity]
    holdings: Holdings
    gone: Sequence[str] = ()  # the broker's ids of exits that are not open any more
    hints: Sequence[str] = ()  # that came before it

    def entries(self) -> list[OrderReport]:
        """Return the orders asked about and the open ones."""
        return [*(report for report in self.reports.values() if report), *self.open_orders]


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
        hints = [row["signature"] for row in connection.execute(load_sql("order_hints/select_unheeded"))]
    first = opened + dt.timedelta(days=1)
    since = max(first, min([session - LATE, *(row["session_date"] for row in out)]))
    # Before the fills: an exit that is gone by now has told them.
    open_orders = broker.open_orders()
    executions = broker.executions(since)
    told: dict[str, int] = {}
    for execution in executions:
        told[execution.broker_order_id] = max(told.get(execution.broker_order_id, 0), execution.cumulative)
    late = {r["client_order_id"] for r in known
            if r["order_type"] == "market" and told.get(r["broker_order_id"], 0) > r["filled_quantity"]}  # fmt: skip
    with transaction(uri) as connection:
        gone = gone_legs(connection, account, open_orders)
    names = late | set(gone.values()) | {row["client_order_id"] for row in out}
    reports = {name: broker.find(name) for name in sorted(names)}
    # All of them: what was paid at any time stands against all dividends that the books have credited.
    activities, holdings = broker.cash_activities(first), broker.holdings()
    return Truth(reports, open_orders, executions, activities, holdings, list(gone), hints)


def note_truth(
    connection: Connection, account: str, sessions: Sequence[dt.date], truth: Truth, *, settle: bool = True
) -> list[str]:
    """Write what the broker said, in the caller's transaction; return what nobody knows, one line each.

    A fill is booked in the session it was executed in, or in the first of those to be booked when it is told late.

    Args:
        connection: the caller's transaction.
        account: accounts.id.
        sessions: to be booked, in order.
        truth: what the broker said.
        settle: those sessions are over: what was never sent, or never arrived, has ended.

    Raises:
        RetryableError: when the fills told do not add up yet to what the orders say is executed.
    """
    key, session = {"account_id": account}, sessions[0]
    asked = connection.execute(load_sql("orders/select_out"), {**key, "names": list(truth.reports)}).fetchall()
    events = []
    for row in asked:
        report, order = truth.reports.get(row["client_order_id"]), order_of(row)
        waits = not settle or row["session_date"] >= session or row["client_order_id"] not in truth.reports
        if report is None and (waits or row["state"] in ENDED):
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
    if settle:
        connection.execute(load_sql("orders/update_missed"), {**key, "session": sessions[-1]})
    note_legs(connection, account, session, truth.entries(), truth.gone)
    strange = _note_fills(connection, account, sessions, truth)
    connection.execute(load_sql("order_hints/update_heeded"), {"signatures": list(truth.hints)})
    known = {r["broker_order_id"] for r in connection.execute(load_sql("orders/select_broker_ids"), key)}
    mine = {leg.broker_order_id for r in truth.open_orders if r.broker_order_id in known for leg in r.legs}
    return strange + [
        f"an open order nobody knows: {r.side} {r.quantity} {r.symbol} ({r.broker_order_id})"
        for r in truth.open_orders
        if r.broker_order_id not in known | mine
    ]


def latch_unknown(uri: str, account: str, problems: Sequence[str]) -> None:
    """Latch the kill switch when there is something that nobody knows, in a transaction of its own."""
    if problems:
        with transaction(uri) as connection:
            latch(connection, account, "; ".join(problems)[:500], "reconciliation")


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
    note_leg_fills(connection, account)
    later = {e.broker_order_id for e in truth.executions if booked_in(e, sessions) is None}
    legs = {leg.broker_order_id: leg.filled_quantity for report in truth.entries() for leg in report.legs}
    added_up = connection.execute(load_sql("orders/select_broker_ids"), key)
    short = [row for row in added_up if row["filled_quantity"] < legs.get(row["broker_order_id"], 0)]
    short += connection.execute(load_sql("broker_fills/select_incomplete"), key).fetchall()
    due_later = {names.get(name) for name in later}
    short = [row for row in short if row["client_order_id"] not in due_later]
    if short:
        raise RetryableError("the fills told do not add up to what is executed", stage=STAGE, key="orders",
                             value=[dict(row) for row in short[:5]], remedy="the broker is asked again")  # fmt: skip
    return [
        f"a fill nobody knows: {e.side} {e.quantity} {e.symbol} at {e.price} ({e.broker_fill_id})"
        for e, _ in due
        if e.broker_order_id not in names
    ]
