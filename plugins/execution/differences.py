"""Books beside broker: what differs, what explains it, and what nobody can explain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from data_layer.brokers.base import CashActivity, Execution

ZERO = Decimal(0)
Dividend = tuple[str, dt.date, Decimal]  # ticker of the day, the day, USD, signed
Renamed = tuple[str, dt.date, dt.date, str]  # ticker, its first day, the day it ended, what the share is called now
# The broker rounds each fill and fee to the cent: a session of four hundred orders stays below a dollar or two.
TOLERANCE_USD = Decimal("1.00")


@dataclass(frozen=True, slots=True)
class CashDifference:
    """Why the broker's cash is not the books'.

    to_book: activities the books do not know yet (fees, interest, transfers), each to be booked once.
    omitted_usd: dividends that the books have and the broker has not paid: its paper accounts omit some, and
    pay others weeks after the ex-date. unexplained_usd: what is left.
    """

    to_book: tuple[CashActivity, ...]
    omitted_usd: Decimal
    unexplained_usd: Decimal

    @property
    def is_explained(self) -> bool:
        """Whether what is left is rounding."""
        return abs(self.unexplained_usd) <= TOLERANCE_USD


def explain_cash(
    books_usd: Decimal,
    broker_usd: Decimal,
    activities: Iterable[CashActivity],
    booked: Iterable[str],
    dividends: Iterable[Dividend],
    renames: Sequence[Renamed] = (),
) -> CashDifference:
    """Explain a difference in cash by what is known of both sides.

    Args:
        books_usd: cash in the books, fills of the session included.
        broker_usd: cash at the broker.
        activities: what moved cash there without a fill since the account began.
        booked: ids of those that the books have already.
        dividends: what the books have credited since the account began.
        renames: a dividend may be credited under one ticker and paid under the next.
    """
    done, difference = set(booked), broker_usd - books_usd
    known = list(activities)
    to_book = tuple(
        a for a in known if a.activity_id not in done and a.kind in {"fee", "interest", "transfer"}
    )
    paid = _by_share(
        ((a.symbol, a.day, a.amount_usd) for a in known if a.kind == "dividend" and a.symbol), renames
    )
    credited = _by_share(dividends, renames)
    omitted = sum((amount - paid.get(symbol, ZERO) for symbol, amount in credited.items()), ZERO)
    # What the broker paid for symbols that the books credited nothing for is not explained by anything we know.
    return CashDifference(to_book, omitted, difference - sum((a.amount_usd for a in to_book), ZERO) + omitted)


def explain_positions(
    books: Mapping[str, Decimal],
    broker: Mapping[str, Decimal],
    later: Sequence[Execution] = (),
    splits: Mapping[str, Decimal] | None = None,
) -> list[str]:
    """Return the symbols whose shares differ, one line each.

    Args:
        books: signed shares at the session's close.
        broker: signed shares at the broker now.
        later: executed after that session: they are booked in the next one.
        splits: new shares per old going ex at the next session, which the broker may have applied already.
    """
    moved = dict.fromkeys(books.keys() | broker.keys(), ZERO)
    for execution in later:
        sign = 1 if execution.side == "buy" else -1
        moved[execution.symbol] = moved.get(execution.symbol, ZERO) + sign * execution.quantity
    lines = []
    for symbol in sorted(moved):
        held, there = books.get(symbol, ZERO), broker.get(symbol, ZERO)
        ratio = (splits or {}).get(symbol, Decimal(1))
        if there not in {held + moved[symbol], Decimal(int(held * ratio)) + moved[symbol]}:
            lines.append(
                f"a holding nobody knows: {symbol} {there} at the broker, {held + moved[symbol]} in the books"
            )
    return lines


def _by_share(dividends: Iterable[Dividend], renames: Sequence[Renamed]) -> dict[str, Decimal]:
    """Add up by what each share is called now."""
    found: dict[str, Decimal] = {}
    for ticker, day, amount in dividends:
        symbol = next((now for old, begins, ends, now in renames if old == ticker and begins <= day < ends), ticker)
        found[symbol] = found.get(symbol, ZERO) + amount
    return found
