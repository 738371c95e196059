"""What the backtest engine would have made of the same approved changes, beside what the account made of them.

Both begin a session with the account as it stood at the close before. The engine (models.backtest.kernel) fills each
approved change at the open, slipped and rounded against it to a tick, as far as the session's volume allows, then the
exits that rest, and values what it holds at the close. A fill of quantity q (signed) at price p with fee f is worth
q x (close - p) - f by the close, so the difference of the two is a sum over fills, and each part of it has one cause:

    missed or rejected  (q - q') x (close - p') less the fee that was not paid, p' and f' being the engine's
    price               -q x (p - p')
    fee                 f'(q) - f, and interest or borrowing that was charged otherwise
    data                what is left: another close, dividend or split than the engine's bars say
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from models.accounting import CENT, QUANTUM, Position, split_quantity
from models.records import PRICE_TICK, CorporateAction, Fill, Order

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fill costs: USD per share, USD an order at least, fraction of the price; rates per session.

    volume_share: of a session's volume that an order may be at most; None for no limit.
    """

    per_share: Decimal
    minimum: Decimal
    slippage: Decimal
    cash_rate: Decimal = ZERO
    borrow_rate: Decimal = ZERO
    volume_share: Decimal | None = None

    def price(self, at: Decimal, quantity: int, *, slips: bool = True) -> Decimal:
        """Return the price of a fill, worse than at by the slippage and then to the next tick."""
        slip = self.slippage if slips else ZERO
        if quantity > 0:
            return (at * (1 + slip)).quantize(PRICE_TICK, ROUND_CEILING)
        return (at * (1 - slip)).quantize(PRICE_TICK, ROUND_FLOOR)

    def fee(self, quantity: Decimal | int) -> Decimal:
        """Return the commission of a fill of that many shares, none for none."""
        if not quantity:
            return ZERO
        return max(abs(Decimal(quantity)) * self.per_share, self.minimum).quantize(CENT, ROUND_HALF_UP)

    def limited(self, change: int, volume: float | None) -> int:
        """Return what of a change can be traded; without a limit, or a volume, all of it."""
        if self.volume_share is None or volume is None:
            return change
        most = int(self.volume_share * int(volume))
        return max(-most, min(change, most))


@dataclass(frozen=True, slots=True)
class Opening:
    """The account before a session: cash, holdings, and the changes approved, signed shares by symbol.

    told_usd: what dividends of sessions before bring now that they are told, or take back.
    """

    cash: Decimal
    positions: Mapping[str, Position]
    approved: Mapping[str, int]
    rejected: frozenset[str] = frozenset()  # of these, whose order the broker refused
    told_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Bars:
    """The session's raw prices in USD, and the shares traded, by symbol, as the engine sees them."""

    opens: Mapping[str, Decimal]
    ranges: Mapping[str, tuple[Decimal, Decimal]]  # high and low, of those that exits rest for
    closes: Mapping[str, Decimal]
    actions: Sequence[CorporateAction]
    volumes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parity:
    """One session's profit in USD, money paid in or out left out: the engine's, the account's, and why they differ."""

    session_date: dt.date
    engine_usd: Decimal
    account_usd: Decimal
    data_usd: Decimal
    price_usd: Decimal
    fee_usd: Decimal
    missed_usd: Decimal
    rejected_usd: Decimal


@dataclass(slots=True)
class _Traded:
    """One side's fills of a symbol in a session."""

    quantity: Decimal = ZERO
    paid: Decimal = ZERO  # quantity x price
    fee: Decimal = ZERO

    def add(self, quantity: Decimal | int, price: Decimal, fee: Decimal) -> None:
        self.quantity += quantity
        self.paid += quantity * price
        self.fee += fee


def compare(
    session_date: dt.date,
    opening: Opening,
    bars: Bars,
    exits: Mapping[str, Sequence[Order]],
    costs: Costs,
    fills: Sequence[Fill],
    carried_usd: Decimal,
    account_usd: Decimal,
) -> Parity:
    """Return one session's comparison.

    Args:
        session_date: the session.
        opening: the account before it.
        bars: its prices and what goes ex.
        exits: orders that rest once the session has opened, by symbol; a trailing stop with its price.
        costs: of fills, and of a night.
        fills: what the account's orders were filled with.
        carried_usd: interest the account was paid, less what it was charged, borrowing included.
        account_usd: the account's profit of the session.
    """
    held, marks, ahead = _carry(opening, bars)
    short = sum((-p.market_value_usd for p in opening.positions.values() if p.quantity < 0), ZERO)
    earned = opening.cash * (costs.cash_rate if opening.cash >= 0 else costs.borrow_rate)
    night = earned.quantize(QUANTUM, ROUND_HALF_EVEN) - (short * costs.borrow_rate).quantize(QUANTUM, ROUND_HALF_EVEN)
    ours: dict[tuple[str, bool], _Traded] = {}
    for symbol, approved in opening.approved.items():
        change = costs.limited(approved, bars.volumes.get(symbol))
        if change and symbol in bars.opens:
            ours.setdefault((symbol, False), _Traded()).add(
                change, costs.price(bars.opens[symbol], change), costs.fee(change)
            )
            held[symbol] = held.get(symbol, ZERO) + change
    for symbol, orders in exits.items():
        found = _exit(bars, symbol, orders, held.get(symbol, ZERO), costs)
        if found:
            ours.setdefault((symbol, True), _Traded()).add(-held[symbol], found, costs.fee(held[symbol]))
            held[symbol] = ZERO
    theirs: dict[tuple[str, bool], _Traded] = {}
    leaving = {o.client_order_id for orders in exits.values() for o in orders}
    for f in fills:
        signed = f.quantity if f.side == "buy" else -f.quantity
        key = (f.symbol, f.client_order_id in leaving)
        theirs.setdefault(key, _Traded()).add(signed, f.price, f.commission_usd)
    closes = {**marks, **bars.closes}
    engine = ahead + night + opening.told_usd + sum((q * closes[s] for s, q in held.items() if q), ZERO)
    engine -= sum((t.paid + t.fee for t in ours.values()), ZERO) + _value(opening.positions)
    price = fee = missed = refused = ZERO
    for key in ours.keys() | theirs.keys():
        e, a = ours.get(key, _Traded()), theirs.get(key, _Traded())
        at = e.paid / e.quantity if e.quantity else a.paid / a.quantity if a.quantity else ZERO
        usual = e.fee if a.quantity == e.quantity else costs.fee(a.quantity)
        undone = (a.quantity - e.quantity) * (closes.get(key[0], at) - at) - (usual - e.fee)
        price -= a.paid - a.quantity * at
        fee += usual - a.fee
        missed, refused = (missed, refused + undone) if key[0] in opening.rejected else (missed + undone, refused)
    fee += carried_usd - night
    parts = [x.quantize(QUANTUM, ROUND_HALF_EVEN) for x in (price, fee, missed, refused)]
    engine, account_usd = engine.quantize(QUANTUM), account_usd.quantize(QUANTUM)
    return Parity(session_date, engine, account_usd, account_usd - engine - sum(parts, ZERO), *parts)


def _value(positions: Mapping[str, Position]) -> Decimal:
    return sum((p.market_value_usd for p in positions.values()), ZERO)


def _carry(opening: Opening, bars: Bars) -> tuple[dict[str, Decimal], dict[str, Decimal], Decimal]:
    """Return shares and last marks after splits, and the cash that splits and dividends bring."""
    held = {s: p.quantity for s, p in opening.positions.items() if p.quantity}
    marks = {s: p.price for s, p in opening.positions.items()}
    cash = ZERO
    for action in sorted(bars.actions, key=lambda a: (a.symbol, a.action_type != "split")):
        symbol = action.symbol
        if not held.get(symbol):
            continue
        if action.action_type == "dividend":
            cash += (held[symbol] * action.value).quantize(CENT, ROUND_HALF_EVEN)
            continue
        marks[symbol] = (marks[symbol] / action.value).quantize(QUANTUM, ROUND_HALF_EVEN)
        whole = split_quantity(held[symbol], action.value)
        rest = held[symbol] * action.value - whole
        cash += (rest * bars.opens.get(symbol, marks[symbol])).quantize(CENT, ROUND_HALF_EVEN)
        held[symbol] = whole
    return held, marks, cash


def _exit(
    bars: Bars, symbol: str, orders: Sequence[Order], held: Decimal, costs: Costs
) -> Decimal | None:
    """Return the price of the exit that the bar reaches, stops first; None when it reaches none."""
    if not held or symbol not in bars.opens or symbol not in bars.ranges:
        return None
    side, opened, (high, low) = (1 if held > 0 else -1), bars.opens[symbol], bars.ranges[symbol]
    worst, finest = (low, high) if side > 0 else (high, low)
    stops = [side * o.stop_price for o in orders if o.stop_price is not None]
    goals = [side * o.limit_price for o in orders if o.limit_price is not None]
    if stops and side * worst <= max(stops):
        return costs.price(side * min(side * opened, max(stops)), -side)
    if goals and side * finest >= goals[0]:
        return costs.price(side * max(side * opened, goals[0]), -side, slips=False)
    return None
