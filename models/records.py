"""The records that pass between stages: frozen, typed, free of storage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

Side = str  # "long" | "short" | "flat" for signals, "buy" | "sell" for orders and fills


@dataclass(frozen=True, slots=True)
class Signal:
    """A model's wanted position in one symbol after one session's close.

    score is in [-1, 1]; confidence in [0, 1]; position_size and stop_loss are fractions (of the model's
    capital, of the entry price); expected_return is a fraction over the holding period, None when the model
    states none.
    """

    symbol: str
    session_date: dt.date
    side: Side
    score: float
    confidence: float
    expected_return: float | None = None
    position_size: float | None = None
    stop_loss: float | None = None


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
    checks: tuple[LimitCheck, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A market day order, decided after session_date's close, to fill at the next session's open."""

    client_order_id: str
    symbol: str
    session_date: dt.date
    side: Side  # "buy" | "sell"
    quantity: int  # positive whole shares in the next session's share basis
    reference_price: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution at session_date's open; quantity positive; price after slippage, USD per share."""

    broker_fill_id: str
    client_order_id: str
    symbol: str
    session_date: dt.date
    side: Side
    quantity: int
    price: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal  # cost against the open, >= 0, already inside price


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One leg of a double-entry transaction; amounts of one transaction_key sum to zero exactly.

    Debits are positive, credits negative. ledger_account is one of cash, securities, capital, commission,
    dividend, realized_pnl (see models.accounting).
    """

    transaction_key: str
    session_date: dt.date
    kind: str  # "deposit" | "fill" | "commission" | "dividend" | "cash_in_lieu"
    ledger_account: str
    symbol: str | None
    amount_usd: Decimal
