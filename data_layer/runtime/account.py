"""`make deposit AMOUNT= [SESSION=]`, `make withdraw AMOUNT=`, `make reset-account REASON=`: the paper account's money.

A movement is asked for here and booked by risk_execution before the open of its session. Both take the stage's
lock, so that a session is never half decided without it. Asking twice for the same is asking once.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from data_layer.brokers.withdrawals import free_cash
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.runtime.remember import home_settings
from data_layer.sessions import is_session, next_session
from data_layer.settings import home_path, parse_date
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.kill_switch import heed_switch
from models.errors import ConfigError
from models.records import Order

STAGE = "risk_execution"
MOST_USD = Decimal(10) ** 12
FEWEST_LETTERS = 3


def move(
    connection: Connection, kind: str, amount: Decimal, session: dt.date | None
) -> tuple[str, dt.date, bool]:
    """Ask for a deposit or a withdrawal at a session's open.

    Args:
        connection: the writer's.
        kind: deposit or withdrawal.
        amount: USD, positive.
        session: one not decided yet; None for the next one.

    Returns:
        The account, the session, and whether it was not asked for before.

    Raises:
        ConfigError: for a session that has begun or is none, or a withdrawal of more than will be free, as known now.
    """
    take_lock(connection, STAGE)
    account, begun, free = _account(connection)
    if session is None and begun is None:
        raise _refused("SESSION", "", "no session has been decided yet", "name the session it is for")
    at = session or next_session(begun or dt.date.min)
    if not is_session(at):
        raise _refused("SESSION", at, "the exchange is closed", "name a day it trades on")
    if begun is not None and at <= begun:
        raise _refused("SESSION", at, "the session is decided already", f"name one after {begun}")
    asked = {"account_id": account, "session_date": at, "kind": kind, "amount_usd": amount}
    open_ones = connection.execute(
        load_sql("cash_movements/select_open"), {"account_id": account, "begun": begun}
    ).fetchall()
    new = connection.execute(load_sql("cash_movements/insert_movement"), asked).rowcount == 1
    before = [r for r in open_ones if r["session_date"] <= at]
    left = free + sum((r["amount_usd"] * (1 if r["kind"] == "deposit" else -1) for r in before), Decimal(0))
    if kind == "withdrawal" and new and amount > left:
        raise _refused("AMOUNT", amount, f"the account has {max(left, Decimal(0)):.2f} USD of cash that is free: "
                       "not ordered for, not owed for short sales",
                       "withdraw less, or let holdings be sold first")  # fmt: skip
    if new:
        payload = {"account": account, "amount_usd": str(amount)}
        key = f"{kind}/{account}/{at}/{amount}"
        write_events(connection, [event(key, f"account.{kind}", at, "account", payload)])
    return account, at, new


def reset(connection: Connection, reason: str, initial_cash: Decimal) -> tuple[str, str, int]:
    """Close the account that is traded and open another; the old one stays as it is, readable.

    Its orders that are out end with it; its holdings are neither sold nor carried over. How scores become targets
    (portfolio_settings) goes on; movements that wait for a session do not.

    Returns:
        The old account, the new one, and how many movements will not be booked.

    Raises:
        ConfigError: while a session is half decided or the kill switch is latched, or without a reason.
    """
    if len(reason.strip()) < FEWEST_LETTERS:
        raise _refused("REASON", reason, "a reset stays on record", "say why")
    take_lock(connection, STAGE)
    old, begun, _ = _account(connection)
    if heed_switch(connection, old).reason:  # whoever latches meanwhile waits, and finds the new account
        raise _refused("account", old, "the kill switch is latched",
                       "arm it first, with make rearm REASON=: a reset must not")  # fmt: skip
    last = connection.execute(load_sql("accounts/select_last_snapshot"), {"id": old}).fetchone()
    marked = last["session_date"] if last else None
    if begun is not None and begun != marked:
        raise _refused("session", begun, "the session is half decided", "let risk_execution complete it")
    keys = {"account_id": old, "reason": f"account closed: {reason}", "session": marked}
    connection.execute(load_sql("orders/update_of_closed"), keys)
    connection.execute(load_sql("accounts/update_closed"), {"id": old, "reason": reason})
    new = following(old)
    connection.execute(load_sql("accounts/insert_account"), {"id": new, "cash": initial_cash})
    connection.execute(load_sql("portfolio_settings/update_inherited"), {"new": new, "old": old})
    waiting = {"account_id": old, "begun": begun}
    dropped = connection.execute(load_sql("cash_movements/select_open"), waiting).rowcount
    payload = {"from": old, "to": new, "reason": reason, "movements_dropped": dropped}
    day = marked or dt.date(1970, 1, 1)
    write_events(connection, [event(f"reset/{old}", "account.reset", day, "account", payload)])
    return old, new, dropped


def _account(connection: Connection) -> tuple[str, dt.date | None, Decimal]:
    """Return the account, the last session that has begun with it, and its free cash when it was last marked."""
    found = connection.execute(load_sql("accounts/select_current"), {"broker": "simulated"}).fetchone()
    if found is None:
        raise _refused("account", "", "there is no account yet", "run risk_execution once")
    begun = connection.execute(load_sql("stage_runs/select_begun"), {"stage": STAGE}).fetchone()
    last = connection.execute(load_sql("accounts/select_last_snapshot"), {"id": found["id"]}).fetchone()
    free = _free(connection, found["id"], last) if last else found["initial_cash_usd"]
    return found["id"], begun["session_date"] if begun else None, free


def _free(connection: Connection, account: str, last: Mapping[str, Any]) -> Decimal:
    key = {"account_id": account, "session": last["session_date"]}
    held = {r["symbol"]: r["market_value_usd"] for r in connection.execute(load_sql("positions/select_values"), key)}
    orders = [Order(**row) for row in connection.execute(load_sql("orders/select_sent"), key)]
    return free_cash(last["equity_usd"], held, orders)


def following(account: str) -> str:
    """Return the id of the account that follows one that is closed: paper, paper-2, paper-3."""
    name, _, number = account.partition("-")
    return f"{name}-{int(number or 1) + 1}"


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 < amount < MOST_USD and amount == round(amount, 2)):
        raise _refused("AMOUNT", text, "not an amount", "give USD, more than 0, in whole cents")
    return amount


def _refused(key: str, value: object, what: str, remedy: str) -> ConfigError:
    return ConfigError(what, stage="account", key=key, value=str(value), remedy=remedy)


def main() -> int:
    """Do what the first argument says: deposit, withdraw or reset."""
    verb = sys.argv[1]
    settings, _ = home_settings(home_path())
    if settings.broker.name != "simulated":
        raise _refused("BROKER", settings.broker.name, "that account's money is the broker's",
                       "do it there; these commands are the simulated account's")  # fmt: skip
    with transaction(Home(settings.almanac_home).uri("quant_writer")) as connection:
        if verb == "reset":
            old, new, dropped = reset(connection, os.environ.get("REASON", ""), settings.initial_cash)
            say(
                f"account {new} is open with {settings.initial_cash:,.2f} USD; {old} is closed and stays readable"
            )
            if dropped:
                say(f"{dropped} deposits and withdrawals that waited for {old} will not be booked")
            return 0
        day = os.environ.get("SESSION", "")
        session = parse_date(day, key="SESSION", stage="account") if day else None
        kind = "deposit" if verb == "deposit" else "withdrawal"
        account, at, new_one = move(connection, kind, _amount(os.environ.get("AMOUNT", "")), session)
    say(
        f"{kind} for account {account} {'will be' if new_one else 'was already asked for, and will be'} booked at {at}"
    )
    return 0


if __name__ == "__main__":
    ends(main)
