"""How much of an account can be taken out without borrowing for what it holds and for what is ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from models.records import Order

ZERO = Decimal(0)


def free_cash(equity_usd: Decimal, held_usd: Mapping[str, Decimal], orders: Iterable[Order]) -> Decimal:
    """Return equity less gross exposure, negative when there is none, whichever of the orders that are out fill.

    Cash alone would say too much: a short sale's proceeds are owed, and as much again secures them; and what
    purchases cost is only paid at the open.

    Args:
        equity_usd: at the last prices.
        held_usd: signed market value by symbol.
        orders: market orders that are out, valued at their reference prices.
    """
    ordered: dict[str, Decimal] = defaultdict(Decimal)
    for o in orders:
        ordered[o.symbol] += o.quantity * o.reference_price * (1 if o.side == "buy" else -1)
    symbols = held_usd.keys() | ordered.keys()
    pairs = ((held_usd.get(s, ZERO), ordered.get(s, ZERO)) for s in symbols)
    return equity_usd - sum((max(abs(held), abs(held + change)) for held, change in pairs), ZERO)
