"""An account at a real broker with planned orders, written straight into the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from data_layer.brokers.alpaca import AlpacaBroker
from data_layer.brokers.alpaca_client import PaperClient
from data_layer.brokers.base import client_order_id
from data_layer.storage.database import Connection, transaction
from data_layer.storage.limits import load_defaults
from plugins.execution.approval import decide_approval, request_approval, use_approval
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import Desk
from tests.support.order_rows import hashes
from tests.support.rows import insert

ACCOUNT = "alpaca"
SESSION = dt.date(2024, 7, 1)


def broker_at(desk: Desk, seconds: float = 0.3) -> AlpacaBroker:
    return AlpacaBroker(PaperClient("key", "secret", desk.url, seconds), STUB["id"])


def open_account(owner: str) -> None:
    """Write the account, which must be there before its orders, and the limits."""
    with transaction(owner) as connection:
        load_defaults(connection)
        insert(connection, "accounts", id=ACCOUNT, broker="alpaca", broker_account=STUB["account_number"],
               initial_cash_usd=Decimal(100_000))  # fmt: skip


def close_at(owner: str, symbol: str, price: float, session: dt.date = SESSION) -> None:
    """Write a symbol's bar of a session."""
    with transaction(owner) as connection:
        _write_bar(connection, symbol, price, session)


def _write_bar(connection: Connection, symbol: str, price: float, session: dt.date) -> None:
    connection.execute("DELETE FROM market_data WHERE (symbol, date) = (%s, %s)", [symbol, session])
    insert(connection, "market_data", symbol=symbol, date=session, open=price, high=price, low=price, close=price,
           volume=1000, source="test", batch_id=1, known_at=session, backfilled=False)  # fmt: skip


def plan_orders(
    owner: str, symbols: Sequence[str], session: dt.date = SESSION, quantity: int = 10, held: int = 0, **values: Any
) -> list[str]:
    """Write a planned order of each symbol with its bar, target and decision; return their names.

    quantity: signed; held: what the account has of each, signed.
    """
    names = []
    with transaction(owner) as connection:
        for symbol in symbols:
            key = {"account_id": ACCOUNT, "session_date": session, "symbol": symbol}
            insert(connection, "target_positions", **key, score=1, target_weight=0.05, target_quantity=held + quantity,
                   current_quantity=held, reference_price=50)  # fmt: skip
            insert(connection, "risk_decisions", **key, decision="approved", requested_quantity=quantity,
                   approved_quantity=quantity, reason="", checks="[]")  # fmt: skip
            decision = connection.execute(
                "SELECT id FROM risk_decisions WHERE (account_id, session_date, symbol) = (%s, %s, %s)",
                list(key.values()),
            ).fetchone()
            side = "buy" if quantity > 0 else "sell"
            row = {**key, "client_order_id": client_order_id(ACCOUNT, symbol, side, session), "side": side,
                   "quantity": abs(quantity), **values}  # fmt: skip
            insert(connection, "orders", **row, **hashes(row), begun="planned", risk_decision_id=decision["id"],
                   reference_price=50)  # fmt: skip
            _write_bar(connection, symbol, 50.0, session)
            names.append(row["client_order_id"])
    return names


def approve_all(writer: str, session: dt.date = SESSION, run_id: str = "run") -> int:
    """Ask, approve and use."""
    found = request_approval(writer, ACCOUNT, session, run_id)
    assert found is not None
    decide_approval(writer, found[0], True, "tester")
    assert use_approval(writer, ACCOUNT, session, run_id) == ""
    return found[0]


def states(database: Any) -> dict[str, str]:
    """Return the state of each order by symbol."""
    with transaction(database.reader) as connection:
        return {
            r["symbol"]: r["state"]
            for r in connection.execute("SELECT symbol, state FROM orders ORDER BY symbol")
        }
