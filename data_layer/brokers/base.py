"""What a broker is to the daily run, and the identity of orders: their own name, and hashes of what they say."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from models.errors import RetryableError
from models.records import Order

EPOCH = dt.date(2000, 1, 1)
ENDED = frozenset({"filled", "cancelled", "rejected", "expired"})  # states a broker's order does not leave


@dataclass(frozen=True, slots=True)
class ExpiredOrder:
    """A day order that ended with its session, in whole or in part, and why."""

    client_order_id: str
    symbol: str
    session_date: dt.date
    reason: str


class NoAnswerError(RetryableError):
    """Nobody knows whether the broker has the order: look it up by client_order_id, never send it blindly."""


class NotSentError(RetryableError):
    """The broker certainly does not have the order: it was not reached, or has said so."""


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as the broker has it; quantities in whole shares.

    state: accepted, partially_filled, filled, cancelled, rejected, expired. legs: the exits that rest as its
    children, with ids that the broker gave them. price: of a stop or a limit, USD.
    """

    client_order_id: str
    broker_order_id: str
    symbol: str
    side: str
    quantity: int
    order_type: str
    state: str
    filled_quantity: int = 0
    reason: str = ""
    price: Decimal | None = None
    legs: tuple[OrderReport, ...] = ()

    def is_of(self, order: Order) -> bool:
        """Whether the broker has just what we meant: the same key may never stand for another order."""
        return (self.client_order_id, self.symbol, self.side, self.quantity, self.order_type) == (
            order.client_order_id, order.symbol, order.side, order.quantity, order.order_type
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill in the broker's own words.

    cumulative: shares of its order executed up to and with it; quantity and price (USD a share) positive.
    """

    broker_fill_id: str
    broker_order_id: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    cumulative: int
    executed_at: dt.datetime
    commission_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CashActivity:
    """Money that came or went by itself: kind dividend, fee, interest or other; amount_usd signed for us."""

    activity_id: str
    kind: str
    day: dt.date
    symbol: str | None
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class Holdings:
    """The account at one moment; quantities signed, symbols without shares left out; costs USD a share."""

    account: str
    cash_usd: Decimal
    positions: Mapping[str, Decimal]
    average_costs: Mapping[str, Decimal] = field(default_factory=dict)


class Broker(ABC):
    """Takes orders for one account; one contract test runs every broker.

    Reads raise RetryableError when no sound answer came. Instants are UTC.
    """

    name: ClassVar[str]

    @abstractmethod
    def prove(self) -> str:
        """Return the broker's id of the account, after it has proven to be the paper account that is meant.

        Raises:
            BlockedError: when it is not.
        """

    @abstractmethod
    def submit(self, order: Order) -> OrderReport:
        """Send an order, once; an order the broker refuses comes back in state rejected.

        Raises:
            NoAnswerError: nobody knows what became of it; also for a client_order_id the broker has already.
            NotSentError: it certainly was not taken.
            DataQualityError: for an order that is malformed; nothing was sent.
        """

    @abstractmethod
    def clock(self) -> dt.datetime:
        """Return the broker's own time, by which it decides which open an order is for."""

    @abstractmethod
    def find(self, client_order_id: str) -> OrderReport | None:
        """Return an order as the broker has it, None when it has none of that id."""

    @abstractmethod
    def look_up(self, broker_order_id: str) -> OrderReport | None:
        """Return an order, or an exit, by the broker's id of it, None when it has none of that id."""

    @abstractmethod
    def cancel(self, report: OrderReport) -> None:
        """Ask for an order's cancellation; what became of it says find. One that has ended stays as it is.

        Raises:
            NoAnswerError: nobody knows whether it was asked.
        """

    @abstractmethod
    def open_orders(self) -> tuple[OrderReport, ...]:
        """Return the orders that have not ended, legs standing with their parents and alone."""

    @abstractmethod
    def executions(self, since: dt.date) -> tuple[Execution, ...]:
        """Return all fills executed on or after a day, in the order they happened."""

    @abstractmethod
    def cash_activities(self, since: dt.date) -> tuple[CashActivity, ...]:
        """Return what moved cash without a fill on or after a day."""

    @abstractmethod
    def holdings(self) -> Holdings:
        """Return what the account holds now."""


def client_order_id(
    account: str, symbol: str, side: str, session_date: dt.date, attempt: int = 1, exit_type: str = ""
) -> str:
    """Return the order's identity: the same order always gets the same, so that none is sent twice.

    The first 32 characters of base32(SHA-256) (160 bits) of the fields as a JSON array, which no two
    different field lists share.

    Args:
        account: id of the account.
        symbol: ticker.
        side: buy or sell.
        session_date: the session after whose close it was decided.
        attempt: counts up from 1 when an order that certainly did not execute is sent anew.
        exit_type: stop, limit or trailing_stop, a further field; empty for a market order, which has none.
    """
    fields = [account, symbol, side, session_date.isoformat(), attempt, *([exit_type] if exit_type else [])]
    text = json.dumps(fields, separators=(",", ":"))
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:32]


def payload_hash(account: str, order: Order) -> str:
    """Return the SHA-256 of all that is sent of an order, as the database computes it again (orders_payload_hash).

    The reference price is not sent, and the parent follows from the exit's own name.
    """
    return _hashed(
        account, str((order.session_date - EPOCH).days), order.symbol, order.side, str(order.quantity),
        order.order_type, order.time_in_force, _exact(order.stop_price), _exact(order.limit_price),
        _fraction(order.stop_loss), _fraction(order.take_profit),
    )  # fmt: skip


def decision_hash(account: str, symbol: str, session_date: dt.date, approved_quantity: int) -> str:
    """Return the SHA-256 that a risk decision of this content has in risk_decisions.decision_hash."""
    return _hashed(account, str((session_date - EPOCH).days), symbol, str(approved_quantity))


def _hashed(*fields: str) -> str:
    return hashlib.sha256("/".join(fields).encode()).hexdigest()


def _exact(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


def _fraction(value: float | None) -> str:
    """Return a float as Postgres writes it: the shortest digits, whole numbers without a point."""
    return "" if value is None else repr(value).removesuffix(".0")
