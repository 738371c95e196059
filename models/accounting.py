"""The books: fills, splits and dividends become positions, cash and double-entry ledger legs.

Every amount enters the book rounded once to 1e-8 dollars and is only added from then on, so legs
cancel exactly and a book rebuilt from stored rows goes on bit for bit as the one in memory. Debits are
positive, credits negative. Accounts: cash; securities (at cost, short positions negative); capital;
commission; dividend; interest; borrow; realized_pnl (before commissions). Unrealised profit is never booked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Self

from models.errors import DataQualityError
from models.records import CorporateAction, Fill, LedgerEntry

# One for amounts and prices, so that whole shares times a price need no rounding; fine enough that a million
# shares keep their value through a split to half a cent.
QUANTUM = Decimal("0.00000001")
CENT = Decimal("0.01")  # what a broker really pays out
ZERO = Decimal(0).quantize(QUANTUM)


@dataclass(frozen=True, slots=True)
class Position:
    """One symbol's holding; a symbol once traded stays in the book, so that its realised profit stays told.

    quantity: signed whole shares; cost_basis_usd: signed as quantity; realized_pnl_usd: since the account
    began, before commissions; price: the last one traded, of price_date (earlier than the session when
    there was no close), in the share basis of then; a symbol not held keeps its last one.
    """

    symbol: str
    quantity: Decimal
    cost_basis_usd: Decimal
    realized_pnl_usd: Decimal
    price: Decimal
    price_date: dt.date

    @property
    def average_cost(self) -> Decimal | None:
        """USD per share, positive also for shorts; None without shares."""
        return _rounded(self.cost_basis_usd / self.quantity) if self.quantity else None

    @property
    def market_value_usd(self) -> Decimal:
        """Signed value at the mark, exact."""
        return self.quantity * self.price

    @property
    def unrealized_pnl_usd(self) -> Decimal:
        """Value less cost."""
        return self.market_value_usd - self.cost_basis_usd


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The account after one session's close: equity_usd = cash_usd + securities_usd.

    securities_usd: sum of the signed market values (the net exposure); gross_exposure_usd: of the unsigned.
    """

    session_date: dt.date
    cash_usd: Decimal
    securities_usd: Decimal
    equity_usd: Decimal
    gross_exposure_usd: Decimal
    positions: tuple[Position, ...]  # by symbol, those with no shares left included


class Book:
    """One account. Within a session: splits and dividends going ex, then the open's fills, then mark."""

    def __init__(self) -> None:
        self.cash = ZERO
        self.positions: dict[str, Position] = {}

    @classmethod
    def from_state(cls, cash: Decimal, positions: Iterable[Position]) -> Self:
        """Rebuild the book from one session's stored cash and all its stored positions, exactly."""
        book = cls()
        book.cash = _rounded(cash)
        book.positions = {
            p.symbol: replace(p, cost_basis_usd=_rounded(p.cost_basis_usd),
                              realized_pnl_usd=_rounded(p.realized_pnl_usd),
                              quantity=Decimal(int(p.quantity)), price=_rounded(p.price))
            for p in sorted(positions, key=lambda p: p.symbol)
        }  # fmt: skip
        return book

    def deposit(self, session_date: dt.date, amount: Decimal, name: str = "") -> list[LedgerEntry]:
        """Book money paid in, or taken out (negative), before session_date's open.

        Args:
            session_date: the session.
            amount: USD.
            name: tells it from others of the session; the account's first deposit has none.
        """
        amount = _rounded(amount)
        self.cash += amount
        kind = "deposit" if amount >= 0 else "withdrawal"
        key = f"{kind}:{session_date}" + (f":{name}" if name else "")
        return _entries(key, session_date, kind, None, {"cash": amount, "capital": -amount})

    def accrue(self, session_date: dt.date, cash_rate: Decimal, borrow_rate: Decimal) -> list[LedgerEntry]:
        """Book what a night costs and earns, before anything else of the session; the engine's rule.

        Args:
            session_date: the session after the night.
            cash_rate: per session, on cash held.
            borrow_rate: per session, on cash owed and on what is sold short, at its last price.
        """
        short = sum((-p.market_value_usd for p in self.positions.values() if p.quantity < 0), ZERO)
        interest = _rounded(self.cash * (cash_rate if self.cash >= 0 else borrow_rate))
        lent = _rounded(short * borrow_rate)
        self.cash += interest - lent
        return _entries(
            f"interest:{session_date}",
            session_date,
            "interest",
            None,
            {"cash": interest, "interest": -interest},
        ) + _entries(f"borrow:{session_date}", session_date, "borrow", None, {"cash": -lent, "borrow": lent})

    def apply_fill(self, fill: Fill) -> list[LedgerEntry]:
        """Book one execution and its commission, through zero and partly closing at average cost."""
        sign = 1 if fill.side == "buy" else -1
        sound = fill.side in {"buy", "sell"} and fill.quantity > 0 and _positive(fill.price)
        _require(sound and fill.commission_usd.is_finite(), "not a fill", fill.broker_fill_id, fill)
        quantity = Decimal(sign * fill.quantity)
        held = self.positions.get(fill.symbol) or Position(
            fill.symbol, Decimal(0), ZERO, ZERO, _rounded(fill.price), fill.session_date
        )
        total = _rounded(fill.price * fill.quantity)
        closing = min(abs(held.quantity), abs(quantity)) if held.quantity * quantity < 0 else Decimal(0)
        closed_value = total if closing == fill.quantity else _rounded(fill.price * closing)
        cost = _share_of(held.cost_basis_usd, closing, abs(held.quantity))
        profit = -sign * closed_value - cost  # what the closing part brought in, less what it had cost
        basis_change = sign * (total - closed_value) - cost
        self.positions[fill.symbol] = replace(
            held, quantity=held.quantity + quantity, cost_basis_usd=held.cost_basis_usd + basis_change,
            realized_pnl_usd=held.realized_pnl_usd + profit,
            price=_rounded(fill.price), price_date=fill.session_date,
        )  # fmt: skip
        commission = _rounded(fill.commission_usd)
        self.cash += -sign * total - commission
        traded = {"cash": -sign * total, "securities": basis_change, "realized_pnl": -profit}
        paid = {"commission": commission, "cash": -commission}
        key, day = fill.broker_fill_id, fill.session_date
        return _entries(f"fill:{key}", day, "fill", fill.symbol, traded) + _entries(
            f"commission:{key}", day, "commission", fill.symbol, paid
        )

    def apply_actions(
        self, session_date: dt.date, actions: Iterable[CorporateAction], prices: Mapping[str, Decimal]
    ) -> list[LedgerEntry]:
        """Book what goes ex at session_date: by symbol, the split first, for dividends are per new share.

        Args:
            session_date: the ex-date; positions are those of the close before.
            actions: those of session_date, at most one of a kind per symbol; symbols never held do nothing.
            prices: USD per new share, for cash in lieu of fractions a split leaves.

        Raises:
            DataQualityError: for an action of another date, of a repeated or unknown kind, or without price.
        """
        entries: list[LedgerEntry] = []
        seen: set[tuple[str, str]] = set()
        for action in sorted(actions, key=lambda a: (a.symbol, a.action_type != "split")):
            key = (action.symbol, action.action_type)
            _require(action.ex_date == session_date, "action of another date", action.symbol, action.ex_date)
            _require(key not in seen, "two actions of one kind on one day", action.symbol, action.action_type)
            seen.add(key)
            if action.action_type == "dividend":
                entries += self.apply_dividend(action.symbol, session_date, action.value)
            else:
                _require(action.action_type == "split", "unknown action", action.symbol, action.action_type)
                price = prices.get(action.symbol)
                entries += self.apply_split(action.symbol, session_date, action.value, price)
        return entries

    def apply_dividend(self, symbol: str, ex_date: dt.date, per_share: Decimal) -> list[LedgerEntry]:
        """Credit a cash dividend, rounded to the cent; a short position pays it."""
        _require(per_share.is_finite() and per_share >= 0, "not a dividend", symbol, per_share)
        held = self.positions.get(symbol)
        if held is None or not held.quantity:
            return []
        paid = _rounded((held.quantity * per_share).quantize(CENT, ROUND_HALF_EVEN))
        self.cash += paid
        legs = {"cash": paid, "dividend": -paid}
        return _entries(f"dividend:{symbol}:{ex_date}", ex_date, "dividend", symbol, legs)

    def apply_split(
        self, symbol: str, ex_date: dt.date, ratio: Decimal, price: Decimal | None
    ) -> list[LedgerEntry]:
        """Turn old shares into ratio new ones each; a fraction left over is sold for cash at price.

        Cost stays as it is, but for the fraction's share; a short position pays for its fraction.
        """
        _require(_positive(ratio), "not a split ratio", symbol, ratio)
        held = self.positions.get(symbol)
        if held is None:
            return []
        mark = _rounded(held.price / ratio)
        new = held.quantity * ratio
        whole = split_quantity(held.quantity, ratio)
        fraction = new - whole
        if not fraction:
            self.positions[symbol] = replace(held, quantity=whole, price=mark)
            return []
        if price is None or not _positive(price):
            raise DataQualityError(
                f"no price for the {fraction} shares a split of {symbol} on {ex_date} leaves over",
                stage="accounting", key="symbol", value=symbol,
                remedy="give the last close divided by the ratio",
            )  # fmt: skip
        paid = _rounded((fraction * price).quantize(CENT, ROUND_HALF_EVEN))
        cost = _share_of(held.cost_basis_usd, fraction, new)
        profit = paid - cost
        self.positions[symbol] = replace(
            held, quantity=whole, cost_basis_usd=held.cost_basis_usd - cost,
            realized_pnl_usd=held.realized_pnl_usd + profit, price=mark,
        )  # fmt: skip
        self.cash += paid
        legs = {"cash": paid, "securities": -cost, "realized_pnl": -profit}
        return _entries(f"cash_in_lieu:{symbol}:{ex_date}", ex_date, "cash_in_lieu", symbol, legs)

    def pay_out(self, symbol: str, session_date: dt.date) -> list[LedgerEntry]:
        """Turn the holding of a share that has left the market into cash at its last price, as the engine does."""
        held = self.positions[symbol]
        value, cost = held.market_value_usd, held.cost_basis_usd
        profit = held.realized_pnl_usd + value - cost
        self.positions[symbol] = replace(held, quantity=Decimal(0), cost_basis_usd=ZERO, realized_pnl_usd=profit)
        self.cash += value
        legs = {"cash": value, "securities": -cost, "realized_pnl": cost - value}
        return _entries(f"delisting:{symbol}:{session_date}", session_date, "delisting", symbol, legs)

    def rename(self, old: str, new: str, effective: dt.date) -> None:
        """Carry a holding on under its new ticker; what traded under the old one since is another share."""
        held = self.positions.get(old)
        if held is None or held.price_date >= effective:
            return
        del self.positions[old]
        other = self.positions.get(new)
        self.positions[new] = replace(held, symbol=new) if other is None else replace(
            other, quantity=other.quantity + held.quantity,
            cost_basis_usd=other.cost_basis_usd + held.cost_basis_usd,
            realized_pnl_usd=other.realized_pnl_usd + held.realized_pnl_usd,
        )  # fmt: skip

    def mark(self, session_date: dt.date, closes: Mapping[str, Decimal]) -> Snapshot:
        """Value the book at the session's raw closes; without one a position keeps its last mark and date.

        Raises:
            DataQualityError: for a close that is not a positive number.
        """
        for symbol, held in self.positions.items():
            close = closes.get(symbol) if held.quantity else None
            if close is not None and (held.price_date != session_date or held.price != close):
                _require(_positive(close), "not a close", symbol, close)
                self.positions[symbol] = Position(  # not by replace: this runs for every holding of every session
                    symbol, held.quantity, held.cost_basis_usd, held.realized_pnl_usd, _rounded(close), session_date
                )
        positions = tuple(self.positions[s] for s in sorted(self.positions))
        values = [p.market_value_usd for p in positions if p.quantity]
        securities = sum(values, ZERO)
        gross = sum(map(abs, values), ZERO)
        return Snapshot(session_date, self.cash, securities, self.cash + securities, gross, positions)


def split_quantity(quantity: Decimal, ratio: Decimal) -> Decimal:
    """Return the whole shares, signed, that quantity becomes in a split; the fraction is paid in cash."""
    return Decimal(int(quantity * ratio))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(QUANTUM, ROUND_HALF_EVEN)


def _share_of(basis: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return _rounded(basis * part / whole) if part else ZERO


def _positive(value: Decimal) -> bool:
    return value.is_finite() and value > 0


def _require(holds: bool, message: str, key: str, value: object) -> None:
    if not holds:
        raise DataQualityError(message, stage="accounting", key=key, value=value,
                               remedy="mend the stored row, then run the session again")  # fmt: skip


def _entries(
    key: str, day: dt.date, kind: str, symbol: str | None, legs: Mapping[str, Decimal]
) -> list[LedgerEntry]:
    return [LedgerEntry(key, day, kind, account, symbol, usd) for account, usd in legs.items() if usd]
