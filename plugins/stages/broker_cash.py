"""Money that a real broker moved without a fill, into the books: fees, interest, transfers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from data_layer.brokers.base import CashActivity
from models.accounting import QUANTUM, Book
from models.records import LedgerEntry

ACCOUNTS = {"fee": "fee", "interest": "interest", "transfer": "capital"}


def book_cash(book: Book, session: dt.date, moved: Sequence[CashActivity]) -> list[LedgerEntry]:
    """Book each activity once, under its own id; dividends are booked at their ex-dates and come no second time."""
    entries: list[LedgerEntry] = []
    for activity in moved:
        amount = activity.amount_usd.quantize(QUANTUM)
        kind = activity.kind
        if kind == "transfer":
            kind = "deposit" if amount > 0 else "withdrawal"
        book.cash += amount
        key = f"broker:{activity.activity_id}"
        legs = {"cash": amount, ACCOUNTS[activity.kind]: -amount}
        entries += [
            LedgerEntry(key, session, kind, name, activity.symbol, usd) for name, usd in legs.items() if usd
        ]
    return entries
