"""Which account is traded, and its money besides trades: deposits, withdrawals, interest, borrowing."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from data_layer.brokers.withdrawals import free_cash
from data_layer.settings import Settings
from data_layer.storage.database import Connection, load_sql
from models.errors import BlockedError
from models.records import CashMovement
from plugins.stages.trading_state import ACCOUNT, Day, Pass, State

YEAR = 252  # sessions


def account_of(rules: Mapping[str, Any]) -> str:
    """Return the account of a session that is decided by these rules."""
    return str(rules.get("account", ACCOUNT))


def current_account(connection: Connection, settings: Settings) -> str:
    """Return the account that is traded now; the first simulated one is opened when there is none yet.

    Raises:
        BlockedError: for a real broker's, before its first contact.
    """
    broker, initial_cash = settings.broker.name, settings.initial_cash
    found = connection.execute(load_sql("accounts/select_current"), {"broker": broker}).fetchone()
    if found is None and broker != "simulated":
        raise BlockedError("the account at the broker has not been opened yet", stage="risk_execution", key="BROKER",
                           value=broker, remedy="clear reconcile_fills, or see make adopt")  # fmt: skip
    if found is None:
        connection.execute(load_sql("accounts/insert_account"), {"id": ACCOUNT, "cash": initial_cash})
        return ACCOUNT
    return str(found["id"])


def cash_movements(
    connection: Connection, account: str, sessions: Sequence[dt.date]
) -> Mapping[dt.date, list[CashMovement]]:
    """Return what was asked to be paid in and taken out at each session."""
    moved: dict[dt.date, list[CashMovement]] = defaultdict(list)
    asked = {"account_id": account, "sessions": list(sessions)}
    for row in connection.execute(load_sql("cash_movements/select_of_sessions"), asked):
        moved[row["session_date"]].append(CashMovement(**row))
    return moved


def move_cash(state: State, day: Day, result: Pass) -> None:
    """Book the night's interest and borrowing, the first deposit, then deposits and withdrawals.

    A withdrawal of more than is free by then is refused, and said so; in a session decided before there was such
    a rule, one of more than the cash.
    """
    rates = (Decimal(day.rules.get(name, "0")) / YEAR for name in ("cash_rate", "borrow_rate"))
    if state.opened:
        result.ledger += state.book.accrue(day.session, *rates)
    else:
        result.ledger += state.book.deposit(day.session, Decimal(day.rules["initial_cash"]))
        state.opened = True
    for movement in sorted(day.movements, key=lambda m: (m.kind, m.amount_usd)):  # deposits first
        paid_in = movement.kind == "deposit"
        if not paid_in and movement.amount_usd > _free(state, day):
            result.refused.append(movement)
            continue
        amount = movement.amount_usd if paid_in else -movement.amount_usd
        result.ledger += state.book.deposit(day.session, amount, str(movement.amount_usd))


def _free(state: State, day: Day) -> Decimal:
    """Return what can be taken out before the open, at the last prices: the orders have not been filled yet."""
    if not day.rules.get("withdraws_free_cash", False):
        return state.book.cash
    held = {p.symbol: p.market_value_usd for p in state.book.positions.values()}
    return free_cash(state.book.cash + sum(held.values(), Decimal(0)), held, state.orders)
