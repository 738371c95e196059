"""Splits and dividends that were told, moved or changed after their session was booked.

What has been booked up to a session is what was believed at the latest cutoff before it. What is believed at its own
cutoff may differ: of a dividend the difference is booked then, on the shares held when it went ex, so that one whose
date was corrected is paid once and one that came late is paid at all. After a split the shares that were held and those
traded since are of two kinds that the books cannot tell apart: it stops the session before anything is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal

from data_layer.sessions import previous_session, session_from
from data_layer.storage.database import Connection, load_sql
from models.accounting import CENT
from models.errors import DataQualityError
from models.records import LedgerEntry
from plugins.stages.trading_state import Day, Pass, State, Told

ZERO = Decimal(0)


def told_since(connection: Connection, session: dt.date, cutoff: dt.datetime) -> list[Told]:
    """Return what is believed at a session's cutoff otherwise than when the sessions before it were decided.

    Args:
        connection: any role that may read.
        session: the first one to know of it.
        cutoff: its own.
    """
    keys = {"session": session, "cutoff": cutoff, "eve": previous_session(session)}
    rows = connection.execute(load_sql("corporate_actions/select_told"), keys)
    return [
        Told(r["symbol"], session_from(r["ex_date"]), r["action_type"], _value(r["before"]), _value(r["believed"]))
        for r in rows
    ]


def with_shares(connection: Connection, account: str, told: Sequence[Told]) -> list[Told]:
    """Return the same with the shares the account is stored to have held as each went ex, before the fills."""
    found = []
    for action in told:
        key = {"account_id": account, "symbol": action.symbol, "session": action.session_date}
        row = connection.execute(load_sql("positions/select_entitled"), key).fetchone()
        found.append(replace(action, shares=Decimal(row["shares"]) if row else ZERO))
    return found


def book_told(state: State, day: Day, result: Pass) -> None:
    """Book what dividends told late or otherwise since make a difference of, for and against the account.

    A real broker books its own; nobody looked in a session decided before there was such a rule.

    Raises:
        DataQualityError: for a split of what was held, before anything of the session is written.
    """
    if day.executed is not None or not day.rules.get("books_told_late", False):
        return
    total = ZERO
    for action in day.told:
        shares = action.shares
        if action.session_date in state.entitled:
            shares = state.entitled[action.session_date].get(action.symbol, ZERO)
        if not shares:
            continue
        if action.action_type == "split":
            raise _wrong_shares(day, action, shares)
        paid = _cents(shares, action.believed) - _cents(shares, action.before)
        state.book.cash += paid
        total += paid
        key = f"dividend:{action.symbol}:{action.session_date}:told:{day.session}"
        legs = {"cash": paid, "dividend": -paid}
        result.ledger += [
            LedgerEntry(key, day.session, "dividend", account, action.symbol, usd)
            for account, usd in legs.items()
            if usd
        ]
    if state.opening:  # the engine would have been paid the same
        state.opening = replace(state.opening, told_usd=total)


def note_entitled(state: State, day: Day) -> None:
    """Keep the shares held as a session has opened, before its fills: those that what goes ex is paid on."""
    state.entitled[day.session] = {s: p.quantity for s, p in state.book.positions.items() if p.quantity}


def _wrong_shares(day: Day, action: Told, shares: Decimal) -> DataQualityError:
    was = "it was not known" if action.before is None else f"it was booked as {action.before.normalize():f}"
    now = "there is none" if action.believed is None else f"it is {action.believed.normalize():f}"
    return DataQualityError(
        f"the split of {action.symbol} on {action.session_date}: {was} when {shares} shares were held, now {now}; "
        "what was traded since cannot be told apart", stage="risk_execution", key="session", value=str(day.session),
        remedy="make reset-account REASON=: a new account holds nothing of it",
    )  # fmt: skip


def _cents(shares: Decimal, per_share: Decimal | None) -> Decimal:
    return (shares * per_share).quantize(CENT, ROUND_HALF_EVEN) if per_share is not None else ZERO


def _value(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
