"""Cancels what is out at a real broker; what became of an order says the broker, never the request."""

from __future__ import annotations

from data_layer.brokers.base import ENDED, Broker
from data_layer.storage.database import load_sql, transaction
from models.errors import AlmanacError, RetryableError
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
                record(uri, order, report.state, report)
            state = report.state if report else "unknown"
        except AlmanacError as error:
            state = "failed"
            failures.append(f"{order.symbol}: {error}"[:200])
        counts[state] = counts.get(state, 0) + 1
    if failures:
        raise RetryableError(f"{len(failures)} orders not cancelled: {'; '.join(failures[:20])}", stage=STAGE,
                             key="orders", value=counts, remedy="repeat it, or cancel them at the broker")  # fmt: skip
    return counts
