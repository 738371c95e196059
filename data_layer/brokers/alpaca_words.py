"""Alpaca's words in ours: what it answers about orders, fills and cash, and the requests it is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from data_layer.brokers.base import CashActivity, Execution, OrderReport
from data_layer.settings import is_symbol
from models.errors import DataQualityError, RetryableError
from models.records import Order

STATES = {
    "filled": "filled", "canceled": "cancelled", "expired": "expired", "rejected": "rejected",
    "partially_filled": "partially_filled",
}  # fmt: skip
LIVE = {
    "new", "accepted", "pending_new", "accepted_for_bidding", "held", "calculated", "done_for_day", "stopped",
    "suspended", "pending_cancel", "pending_replace", "replaced",
}  # fmt: skip
KINDS = {"DIV": "dividend", "INT": "interest", "FEE": "fee", "CSD": "transfer", "CSW": "transfer"}
CENT = Decimal("0.01")
MOST_SHARES = 10_000_000  # far above any order of a paper account, far below what a float holds exactly


def request_of(order: Order) -> Any:
    """Return an order as alpaca-py's request: market, with its exits as legs that rest until they fill.

    The levels are fractions of the close the order was decided on, for nobody knows its fill yet. An order with
    legs is good till cancelled, because its legs are what it is; the market part fills at the open all the same.

    Raises:
        DataQualityError: for an order that is malformed; alpaca-py itself takes NaN and negative quantities.
    """
    from alpaca.trading.enums import OrderClass, OrderSide, TimeInForce
    from alpaca.trading.requests import MarketOrderRequest, StopLossRequest, TakeProfitRequest

    _check(order)
    side = 1 if order.side == "buy" else -1
    legs: dict[str, Any] = {}
    if order.stop_loss is not None:
        legs["stop_loss"] = StopLossRequest(stop_price=_level(order, -side * order.stop_loss))
    if order.take_profit is not None:
        legs["take_profit"] = TakeProfitRequest(limit_price=_level(order, side * order.take_profit))
    return MarketOrderRequest(
        symbol=order.symbol,
        qty=order.quantity,
        side=OrderSide(order.side),
        time_in_force=TimeInForce.GTC if legs else TimeInForce.DAY,
        client_order_id=order.client_order_id,
        **({"order_class": OrderClass.BRACKET if len(legs) == 2 else OrderClass.OTO} if legs else {}),
        **legs,
    )


def report_of(row: Any) -> OrderReport:
    """Return an order as Alpaca shows it.

    Raises:
        RetryableError: when it is not one, or in a state nobody knows.
    """
    try:
        status, filled = row["status"], _whole(row["filled_qty"] or 0)
        if status not in STATES and status not in LIVE:
            raise ValueError(status)
        state = STATES.get(status) or ("partially_filled" if filled else "accepted")
        return OrderReport(
            client_order_id=_text(row["client_order_id"]),
            broker_order_id=_text(row["id"]),
            symbol=_text(row["symbol"]),
            side=_text(row["side"]),
            quantity=_whole(row["qty"]),
            order_type=_text(row.get("type") or row.get("order_type")),
            state=state,
            filled_quantity=filled,
            price=next(
                (_amount(row[k]) for k in ("stop_price", "limit_price") if row.get(k) is not None), None
            ),
            legs=tuple(report_of(leg) for leg in row.get("legs") or ()),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _strange("order", row) from error


def execution_of(row: Any) -> Execution:
    """Return a FILL activity.

    Raises:
        RetryableError: when it is not one.
    """
    try:
        return Execution(
            broker_fill_id=_text(row["id"]),
            broker_order_id=_text(row["order_id"]),
            symbol=_text(row["symbol"]),
            side={"buy": "buy", "sell": "sell", "sell_short": "sell"}[row["side"]],
            quantity=_whole(row["qty"]),
            price=_amount(row["price"]),
            cumulative=_whole(row["cum_qty"]),
            executed_at=dt.datetime.fromisoformat(row["transaction_time"]).astimezone(dt.UTC),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _strange("fill", row) from error


def activity_of(row: Any) -> CashActivity:
    """Return an activity that moved cash without a fill; kinds nobody knows are other.

    Raises:
        RetryableError: when it is not one.
    """
    try:
        kind = _text(row["activity_type"])
        return CashActivity(
            activity_id=_text(row["id"]),
            kind=KINDS.get(kind[:3], "other"),
            day=dt.date.fromisoformat(row["date"]),
            symbol=row.get("symbol"),
            amount_usd=_amount(row["net_amount"]),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _strange("activity", row) from error


def positions_of(rows: Any, field: str) -> Mapping[str, Decimal]:
    """Return a number of each position by symbol: qty, signed, or avg_entry_price.

    Raises:
        RetryableError: when it is not a list of positions.
    """
    try:
        return {_text(row["symbol"]): _amount(row[field]) for row in rows}
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise _strange("positions", rows) from error


def amount_of(row: Any, name: str) -> Decimal:
    """Return a field in USD.

    Raises:
        RetryableError: when it is not a finite number.
    """
    try:
        return _amount(row[name])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise _strange(name, row) from error


def instant_of(row: Any, name: str) -> dt.datetime:
    """Return a field as an instant, UTC.

    Raises:
        RetryableError: when it is not one with a time zone.
    """
    try:
        found = dt.datetime.fromisoformat(_text(row[name]))
        if found.tzinfo is None:
            raise ValueError(name)
        return found.astimezone(dt.UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise _strange(name, row) from error


def _check(order: Order) -> None:
    fractions = [f for f in (order.stop_loss, order.take_profit) if f is not None]
    sound = (
        is_symbol(order.symbol)
        and order.side in {"buy", "sell"}
        and type(order.quantity) is int
        and 0 < order.quantity <= MOST_SHARES
        and order.order_type == "market"
        and order.time_in_force == "day"
        and order.reference_price.is_finite()
        and 0 < order.reference_price < 10**8
        and all(0 < f < 100 for f in fractions)  # also refuses NaN
        and (order.stop_loss is None or order.stop_loss < 1 or order.side == "sell")
        and (order.take_profit is None or order.take_profit < 1 or order.side == "buy")
    )
    if not sound:
        raise DataQualityError("not an order that may be sent", stage="submit_orders", key="order", value=order,
                               remedy="nothing was sent; look at its row in orders")  # fmt: skip


def _level(order: Order, change: float) -> float:
    """Return a leg's price to the cent, as Alpaca demands from a dollar up; 0.0001 below."""
    price = order.reference_price * (1 + Decimal(repr(change)))
    rounded = price.quantize(CENT if price >= 1 else Decimal("0.0001"))
    if rounded <= 0:
        raise DataQualityError("an exit at no price", stage="submit_orders", key="order", value=order,
                               remedy="nothing was sent")  # fmt: skip
    return float(rounded)


def _whole(value: Any) -> int:
    number = _amount(value)
    if number != int(number) or number < 0:
        raise ValueError(value)
    return int(number)


def _amount(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(value) from None
    if not number.is_finite():
        raise ValueError(value)
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 128:
        raise ValueError(value)
    return value


def _strange(what: str, row: Any) -> RetryableError:
    return RetryableError(f"not a {what} as Alpaca describes one", stage="brokers", key=what, value=str(row)[:200],
                          remedy="it is asked again later")  # fmt: skip
