"""Takes over an account at a real broker: an empty one by itself, one that holds something by a command, once.

The books begin with what the broker says on the last session completed: cash against capital, holdings at what
they cost against capital. What happened there before is not ours to know.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from data_layer.brokers.base import Broker, Holdings
from data_layer.runtime.account import following
from data_layer.storage.audit import event, write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.accounting import Book, Position
from models.errors import BlockedError, DataQualityError
from models.records import LedgerEntry
from plugins.execution.broker import REAL_ACCOUNT
from plugins.stages.account import write_pass
from plugins.stages.pass_rows import rows_of
from plugins.stages.trading_state import Pass

STAGE = "risk_execution"
QUANTUM = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Opened:
    """The account: its id, the broker's own, and the session at whose close it was taken over."""

    account: str
    broker_account: str
    session: dt.date


def find_opened(connection: Connection, broker: str) -> Opened | None:
    """Return the account that is traded at a broker, None before it was taken over."""
    row = connection.execute(load_sql("account_adoptions/select_adoption"), {"broker": broker}).fetchone()
    return Opened(row["id"], row["broker_account"], row["session_date"]) if row else None


def open_account(uri: str, broker: Broker, session: dt.date, adopt: bool = False) -> Opened:
    """Return the account at the broker; take it over when that has not happened yet.

    Args:
        uri: writer's connection URI.
        broker: has proven itself when this returns.
        session: the last one before the account's first; its closes value what is adopted.
        adopt: True: take over what it holds, and close the account taken over before when it is another one.

    Raises:
        BlockedError: when it holds something and nobody has said to adopt it, or has orders; or when it is another
            account than the one taken over before, and nobody has said so, or a session of that is half decided.
        DataQualityError: for a holding that cannot be kept in these books.
    """
    number = broker.prove()
    with transaction(uri) as connection:
        take_lock(connection, STAGE)
        opened = find_opened(connection, broker.name)
        if opened is not None and opened.broker_account == number:
            if adopt:
                raise _blocked("it has been taken over before", number, "an account is adopted once")
            return opened
        if opened is not None and not adopt:
            raise _blocked("another account than the one taken over", number,
                           "run `make adopt`: it closes the old one and begins new books")  # fmt: skip
        held = broker.holdings()
        if broker.open_orders():
            raise _blocked("it has open orders", number, "cancel them at the broker")
        if held.positions and not adopt:
            raise _blocked(f"it holds {len(held.positions)} positions", number, "run `make adopt` once")
        account = REAL_ACCOUNT if opened is None else _close(connection, opened, session, number)
        _write_opening(connection, account, broker.name, number, session, held)
        return Opened(account, number, session)


def _close(connection: Connection, old: Opened, session: dt.date, number: str) -> str:
    """Close an account, which stays readable, for another one at the broker; return that one's id.

    Nobody can ask what became of what was out: it has ended, and holdings are neither sold nor carried over.
    """
    begun = connection.execute(load_sql("stage_runs/select_begun"), {"stage": STAGE}).fetchone()
    if begun is not None and begun["session_date"] is not None and begun["session_date"] > session:
        raise _blocked("a session of the account before is half decided", number, "let risk_execution complete it")
    reason = f"account closed: {number} is traded instead"
    keys = {"account_id": old.account, "reason": reason, "session": session}
    connection.execute(load_sql("orders/update_of_closed"), keys)
    connection.execute(load_sql("accounts/update_closed"), {"id": old.account, "reason": reason})
    new = following(old.account)
    payload = {"from": old.account, "to": new, "reason": reason}
    write_events(connection, [event(f"reset/{old.account}", "account.reset", session, "account", payload)])
    return new


def _write_opening(
    connection: Connection, account: str, broker: str, number: str, session: dt.date, held: Holdings
) -> None:
    key = {"id": account, "broker": broker, "broker_account": number, "cash": held.cash_usd}
    connection.execute(load_sql("accounts/insert_real"), key)
    book, done = Book(), Pass(account)
    done.ledger += book.deposit(session, held.cash_usd) if held.cash_usd else []
    wanted = {"symbols": sorted(held.positions), "session": session}
    closes = {r["symbol"]: r for r in connection.execute(load_sql("market_data/select_closes_of"), wanted)}
    for symbol, quantity in sorted(held.positions.items()):
        close = closes.get(symbol)
        if quantity != int(quantity) or close is None:
            raise DataQualityError("a holding these books cannot keep: a fraction, or without bars", stage="adopt",
                                   key=symbol, value=quantity, remedy="sell it there, or add its bars")  # fmt: skip
        price = Decimal(repr(close["close"])).quantize(QUANTUM)
        cost = (quantity * held.average_costs.get(symbol, price)).quantize(QUANTUM)
        book.positions[symbol] = Position(
            symbol, quantity, cost, Decimal(0).quantize(QUANTUM), price, close["date"]
        )
        name = f"adoption:{symbol}:{session}"
        done.ledger += [
            LedgerEntry(name, session, "adoption", "securities", symbol, cost),
            LedgerEntry(name, session, "adoption", "capital", symbol, -cost),
        ]
    done.snapshots.append(book.mark(session, {}))
    done.exits[session] = {}, {}
    done.shown[session] = frozenset(book.positions)
    write_pass(connection, rows_of(done), [session], "insert", STAGE)
    positions = _described(held.positions, held.average_costs)
    connection.execute(
        load_sql("account_adoptions/insert_adoption"),
        {
            "account_id": account,
            "session": session,
            "cash": held.cash_usd,
            "positions": json_text(positions),
        },
    )
    payload = {"broker_account": number, "cash_usd": str(held.cash_usd), "positions": positions}
    write_events(
        connection, [event(f"adopted/{account}", "account.adopted", session, "account", payload)]
    )


def _described(positions: Mapping[str, Decimal], costs: Mapping[str, Decimal]) -> dict[str, dict[str, str]]:
    return {
        s: {"quantity": str(q), "average_cost": str(costs.get(s, ""))} for s, q in sorted(positions.items())
    }


def _blocked(problem: str, number: str, remedy: str) -> BlockedError:
    return BlockedError(
        f"account {number}: {problem}", stage="adopt", key="account", value=number, remedy=remedy
    )
