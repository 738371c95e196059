"""Cancels what is out at a real broker; what became of an order says the broker, never the request."""

from __future__ import annotations

import datetime as dt

from data_layer.brokers.base import ENDED, Broker, OrderReport
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import load_sql, transaction
from models.errors import AlmanacError, RetryableError
from models.records import Order
from plugins.execution.broker import order_of
from plugins.execution.sending import STAGE, record


def cancel_open(uri: str, account: str, broker: Broker) -> dict[str, int]:
    """Ask for the cancellation of every order that is out, and record what became of each; return counts by state.

    Raises:
        RetryableError: at the end, with the list, when one could not be asked or looked up.
    """
    broker.prove()
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("orders/select_out"), {"account_id": account, "names": []}).fetchall()
    counts: dict[str, int] = {}
    failures = []
    for row in rows:
        order = order_of(row)
        try:
            report = broker.find(order.client_order_id)
            if report is not None and report.state not in ENDED:
                broker.cancel(report)
                report = broker.find(order.client_order_id)
            if report is not None:
                _note(uri, order, report)
            state = report.state if report else "unknown"
        except AlmanacError as error:
            state = "failed"
            failures.append(f"{order.symbol}: {error}"[:200])
        counts[state] = counts.get(state, 0) + 1
    if failures:
        raise RetryableError(f"{len(failures)} orders not cancelled: {'; '.join(failures[:20])}", stage=STAGE,
                             key="orders", value=counts, remedy="repeat it, or cancel them at the broker")  # fmt: skip
    return counts


def _note(uri: str, order: Order, report: OrderReport) -> None:
    with transaction(uri) as connection:
        record(connection, order, report.state, report)


def free_symbols(uri: str, account: str, session: dt.date, broker: Broker) -> None:
    """Cancel the exits that rest for symbols about to be traded: they would hold the shares, or fit no longer.

    What is left of such a holding is judged at the close.

    Raises:
        RetryableError: while one is still there.
    """
    key = {"account_id": account, "session": session}
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("orders/select_in_the_way"), key).fetchall()
    if not rows:
        return
    wanted = {row["broker_order_id"] for row in rows}
    for leg in broker.open_orders():
        if leg.broker_order_id in wanted:
            broker.cancel(leg)
    left = wanted & {leg.broker_order_id for leg in broker.open_orders()}
    gone = [{"broker_order_id": name, "state": "cancelled"} for name in sorted(wanted - left)]
    with transaction(uri) as connection:
        connection.execute(load_sql("orders/update_legs"), {**key, "rows": json_text(gone)})
    if left:
        raise RetryableError("exits are still there", stage=STAGE, key="orders", value=sorted(left),
                             remedy="they are asked for again")  # fmt: skip
