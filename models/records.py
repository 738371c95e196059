"""The records that pass between stages: frozen, typed, free of storage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

PRICE_TICK = Decimal("0.0001")  # US stocks trade in no finer steps
Side = str  # "long" | "short" | "flat" for signals, "buy" | "sell" for orders and fills


@dataclass(frozen=True, slots=True)
class Signal:
    """A model's wanted position in one symbol after one session's close.

    score is in [-1, 1]; confidence in [0, 1]; position_size is a fraction of the model's capital; stop_loss
    and take_profit are fractions of the entry price, trailing_stop_usd a distance per share in the session's
    raw price; expected_return is a fraction over the holding period. None when the model states none.
    """

    symbol: str
    session_date: dt.date
    side: Side
    score: float
    confidence: float
    expected_return: float | None = None
    position_size: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop_usd: float | None = None


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (value = new shares per old) or a dividend (USD per share, after a split of that day)."""

    symbol: str
    ex_date: dt.date
    action_type: str  # "split" | "dividend"
    value: Decimal


@dataclass(frozen=True, slots=True)
class TargetPosition:
    """The wanted holding for the next session, in that session's share basis.

    reference_price is the raw close of session_date divided by any split going ex at the next session;
    current_quantity is in the same basis. target_weight is a fraction of equity, signed.
    """

    symbol: str
    session_date: dt.date
    score: float
    target_weight: float
    target_quantity: int
    current_quantity: int
    reference_price: Decimal
    reason: str = ""  # why the target is 0 although the score is not
    residual_usd: float = 0.0  # what whole shares leave of weight x equity, signed


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit's verdict on one target: what was measured, the threshold, and the quantity it allows."""

    limit: str
    value: float | None
    threshold: float | None
    allowed_quantity: int  # signed change in shares that this limit lets through
    reason: str  # empty when the limit did not bind


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """The verdict on one wanted change of a holding; quantities are signed changes in shares."""

    symbol: str
    session_date: dt.date
    decision: str  # "approved" | "reduced" | "rejected"
    requested_quantity: int
    approved_quantity: int
    reason: str
    checks: Sequence[LimitCheck]


@dataclass(frozen=True, slots=True)
class Order:
    """A market day order, or an exit that rests as a child of the order that opened its holding.

    A market order is decided after session_date's close, to fill at the next session's open; stop_loss and
    take_profit are the exits of the holding it opens, fractions of the entry price. An exit (stop, limit,
    trailing_stop) is placed at session_date's open and rests until it fills or is cancelled.
    """

    client_order_id: str
    symbol: str
    session_date: dt.date
    side: Side  # "buy" | "sell"
    quantity: int  # positive whole shares in the next session's share basis; an exit's in session_date's
    reference_price: Decimal  # the close it was decided on; an exit's the average cost
    stop_loss: float | None = None
    take_profit: float | None = None
    order_type: str = "market"
    time_in_force: str = "day"  # an exit's "gtc"
    parent: str | None = None  # an exit's: client_order_id of the order that opened the holding
    stop_price: Decimal | None = None  # USD
    limit_price: Decimal | None = None  # USD


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution in session_date; quantity positive; price after slippage, USD per share."""

    broker_fill_id: str
    client_order_id: str
    symbol: str
    session_date: dt.date
    side: Side
    quantity: int
    price: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal  # cost against the open or the exit's own price, >= 0, already inside price


@dataclass(frozen=True, slots=True)
class CashMovement:
    """Money paid into the account or taken out of it before session_date's open."""

    session_date: dt.date
    kind: str  # "deposit" | "withdrawal"
    amount_usd: Decimal  # positive


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One leg of a double-entry transaction; amounts of one transaction_key sum to zero exactly.

    Debits are positive, credits negative. ledger_account is one of cash, securities, capital, commission,
    dividend, interest, borrow, fee, realized_pnl (see models.accounting).
    """

    transaction_key: str
    session_date: dt.date
    # deposit, withdrawal, adoption, fill, commission, dividend, cash_in_lieu, delisting, interest, borrow, fee
    kind: str
    ledger_account: str
    symbol: str | None
    amount_usd: Decimal
