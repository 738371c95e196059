"""Cancels what is out at a real broker; what became of an order says the broker, never the request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

from data_layer.brokers.base import ENDED, Broker
from data_layer.sessions import next_session
from data_layer.settings import Settings
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import load_sql, take_lock, transaction
from models.errors import AlmanacError, BlockedError, RetryableError
from models.records import Order
from plugins.execution.broker import REAL_BROKER, open_broker, order_of
from plugins.execution.opening import find_opened
from plugins.execution.sending import SENDING, STAGE, record


def cancel_open(uri: str, account: str, broker: Broker) -> dict[str, int]:
    """Ask for the cancellation of every order that is out, and record what became of each; return counts by state.

    A sender at work is waited for: it sees the switch, or the approval taken back, at its next order, and the one on
    its way would be overlooked.

    Raises:
        RetryableError: at the end, with the list, when one could not be asked or looked up.
    """
    broker.prove()
    counts: dict[str, int] = {}
    failures = []
    with transaction(uri) as guard:
        take_lock(guard, *SENDING, account)
        with transaction(uri) as connection:
            key = {"account_id": account, "names": []}
            rows = connection.execute(load_sql("orders/select_out"), key).fetchall()
        for row in rows:
            order = order_of(row)
            try:
                state = _cancel(uri, order, broker)
            except AlmanacError as error:
                state = "failed"
                failures.append(f"{order.symbol}: {error}"[:200])
            counts[state] = counts.get(state, 0) + 1
    if failures:
        raise RetryableError(f"{len(failures)} orders not cancelled: {'; '.join(failures[:20])}", stage=STAGE,
                             key="orders", value=counts, remedy="repeat it, or cancel them at the broker")  # fmt: skip
    return counts


def cancel_older(uri: str, account: str, broker: Broker, session: dt.date) -> None:
    """Ask for the cancellation of what was decided before a session and is still out: its open has gone by.

    Left alone it would fill beside the order that the session makes for the same shares. What became of each says
    the reading of the broker that follows; while one stays open, its symbol is not ordered (see sending).

    Raises:
        RetryableError: when one could not be looked up or asked.
    """
    with transaction(uri) as guard:
        take_lock(guard, *SENDING, account)
        with transaction(uri) as connection:
            rows = connection.execute(load_sql("orders/select_out"), {"account_id": account, "names": []}).fetchall()
        for row in rows:
            if row["session_date"] < session:
                report = broker.find(row["client_order_id"])
                if report is not None and report.state not in ENDED:
                    broker.cancel(report)


def cancel_at_broker(uri: str, accounts: Collection[str], settings: Callable[[], Settings]) -> dict[str, int]:
    """Cancel what is out at a real broker in one of these accounts; return counts by state, nothing where none is.

    Args:
        uri: writer's connection URI.
        accounts: ids.
        settings: returns those that say how to reach the broker; not asked for while nothing is out.

    Raises:
        BlockedError: when orders are out, and the settings do not name the broker.
        RetryableError: see cancel_open.
    """
    with transaction(uri) as connection:
        opened = find_opened(connection, REAL_BROKER)
        if opened is None or opened.account not in accounts:
            return {}
        key = {"account_id": opened.account, "names": []}
        out = connection.execute(load_sql("orders/select_out"), key).fetchall()
    if not out:
        return {}
    broker = open_broker(settings())
    if broker is None:
        raise BlockedError(f"{len(out)} orders are out at {REAL_BROKER} and stay there", stage=STAGE, key="BROKER",
                           value="simulated", remedy="set BROKER and its keys, or cancel them there")  # fmt: skip
    return cancel_open(uri, opened.account, broker)


def _cancel(uri: str, order: Order, broker: Broker) -> str:
    """Cancel one order; return its state at the broker, unknown when it has none of that name."""
    report = broker.find(order.client_order_id)
    if report is not None and report.state not in ENDED:
        broker.cancel(report)
        report = broker.find(order.client_order_id)
    if report is None:
        return "unknown"
    with transaction(uri) as connection:
        record(connection, order, report.state, report)
    return report.state


def free_symbols(
    uri: str, account: str, session: dt.date, broker: Broker, *, trades: bool = True, unfit: bool = True
) -> dict[str, str]:
    """Cancel the exits that rest for symbols about to be traded, split or never traded again: restricted ones.

    They hold the shares, fit no longer, or would trade. What is left of such a holding is judged at the close. An exit
    that has gone because it filled leaves another holding than the order was decided on.

    Args:
        uri: writer's connection URI.
        account: accounts.id.
        session: whose orders go out, for the next one's open.
        broker: has the account.
        trades: whether exits of shares about to be traded make way.
        unfit: whether those of shares that split before the next open, or are restricted, do.

    Returns:
        The symbols that may not be ordered, and why.

    Raises:
        RetryableError: while one is still there.
    """
    key = {"account_id": account, "session": session}
    wanted_now = {**key, "fills_on": next_session(session), "trades": trades, "unfit": unfit}
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("orders/select_in_the_way"), wanted_now).fetchall()
    if not rows:
        return {}
    wanted = {row["broker_order_id"] for row in rows}
    for leg in broker.open_orders():
        if leg.broker_order_id in wanted:
            broker.cancel(leg)
    left = wanted & {leg.broker_order_id for leg in broker.open_orders()}
    gone, held = [], {}
    for row in rows:
        if row["broker_order_id"] in left:
            continue
        found = broker.look_up(row["broker_order_id"])
        if found and found.state in ENDED - {"filled"} and found.filled_quantity <= row["filled_quantity"]:
            gone.append({"broker_order_id": found.broker_order_id, "state": found.state})
        else:  # it rests on in the books, which take its fill from the next reading of the broker
            what = f"{found.state}, {found.filled_quantity} shares executed" if found else "not at the broker"
            held[row["symbol"]] = f"an exit of it is {what}, of which the books know {row['filled_quantity']}"
    with transaction(uri) as connection:
        connection.execute(load_sql("orders/update_legs"), {**key, "rows": json_text(gone)})
    if left:
        raise RetryableError("exits are still there", stage=STAGE, key="orders", value=sorted(left),
                             remedy="they are asked for again")  # fmt: skip
    return held
