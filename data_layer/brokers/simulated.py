"""The simulated broker: day orders fill at the session's open, after slippage and commission."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from data_layer.brokers.base import Broker, Executions, ExpiredOrder
from models.errors import ConfigError, DataQualityError
from models.records import Fill, Order

PRICE_TICK = Decimal("0.0001")  # US stocks trade in no finer steps
CENT = Decimal("0.01")


class SimulatedBroker(Broker):
    """Fills every order in full at open x (1 +- slippage), rounded against us to 0.0001 USD.

    Raises:
        ConfigError: for a negative or non-finite cost, or slippage of 100 % and more.
    """

    name = "simulated"

    def __init__(
        self, commission_per_share: Decimal, commission_minimum: Decimal, slippage_bps: Decimal
    ) -> None:
        self._per_share = _cost("COMMISSION_PER_SHARE", commission_per_share)
        self._minimum = _cost("COMMISSION_MINIMUM", commission_minimum)
        self._slippage = _cost("SLIPPAGE_BPS", slippage_bps, below=Decimal(10_000)) / 10_000

    def fills(
        self, orders: Sequence[Order], opens: Mapping[str, Decimal], session_date: dt.date
    ) -> Executions:
        """Fill the orders whose symbol has a bar; a day order without one expires.

        Commission per order: shares x rate, at least the minimum, rounded to the cent.

        Raises:
            DataQualityError: for an open that is not a positive number, a malformed or repeated order, or
                one decided on this session or later.
        """
        _check_orders(orders, session_date)
        fills: list[Fill] = []
        expired: list[ExpiredOrder] = []
        for order in orders:
            if order.symbol in opens:
                fills.append(self._fill(order, opens[order.symbol], session_date))
            else:
                reason = f"no bar for {order.symbol} on {session_date}"
                expired.append(ExpiredOrder(order.client_order_id, order.symbol, session_date, reason))
        return Executions(tuple(fills), tuple(expired))

    def _fill(self, order: Order, opening: Decimal, session_date: dt.date) -> Fill:
        sound = opening.is_finite() and opening > 0
        if sound and order.side == "buy":
            price = (opening * (1 + self._slippage)).quantize(PRICE_TICK, ROUND_CEILING)
        elif sound:
            price = (opening * (1 - self._slippage)).quantize(PRICE_TICK, ROUND_FLOOR)
        if not sound or price <= 0:
            raise DataQualityError(
                f"no fill at open {opening} for {order.symbol} on {session_date}", stage="reconcile_fills",
                key="open", value=opening, remedy="mend the bar in market_data",
            )  # fmt: skip
        commission = max(order.quantity * self._per_share, self._minimum).quantize(CENT, ROUND_HALF_UP)
        return Fill(
            broker_fill_id=f"sim-{order.client_order_id}-1",  # one order, one fill
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            session_date=session_date,
            side=order.side,
            quantity=order.quantity,
            price=price,
            commission_usd=commission,
            slippage_usd=abs(price - opening) * order.quantity,
        )


def _cost(key: str, value: Decimal, below: Decimal = Decimal("Infinity")) -> Decimal:
    if not (value.is_finite() and 0 <= value < below):
        raise ConfigError("not a cost", stage="reconcile_fills", key=key, value=value,
                          remedy="set a finite number, 0 or more")  # fmt: skip
    return value


def _check_orders(orders: Sequence[Order], session_date: dt.date) -> None:
    seen: set[str] = set()
    for order in orders:
        sound = order.side in {"buy", "sell"} and order.quantity > 0 and order.quantity == int(order.quantity)
        if not sound or order.client_order_id in seen or order.session_date >= session_date:
            raise DataQualityError(
                f"not an order for {session_date}: malformed, repeated, or decided too late",
                stage="reconcile_fills", key="client_order_id", value=order, remedy="look at table orders",
            )  # fmt: skip
        seen.add(order.client_order_id)
