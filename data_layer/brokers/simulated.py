"""The simulated broker: day orders fill at the open, exits inside the bar, after slippage and commission."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from data_layer.brokers.base import Broker, Executions, ExpiredOrder
from models.errors import ConfigError, DataQualityError
from models.records import PRICE_TICK, Fill, Order

CENT = Decimal("0.01")


class SimulatedBroker(Broker):
    """Fills every order in full at open x (1 +- slippage), rounded against us to 0.0001 USD.

    A stop fills at its price, or at the open that has jumped over it, and slips; a target does not slip: it
    is a limit order.

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

    def exit_fills(
        self,
        exits: Sequence[Order],
        opens: Mapping[str, Decimal],
        ranges: Mapping[str, tuple[Decimal, Decimal]],
        session_date: dt.date,
    ) -> tuple[Fill, ...]:
        """Fill at most one exit of a symbol, see Broker.

        Raises:
            DataQualityError: for a malformed or repeated exit, one without its price, or one placed later.
        """
        _check_orders(exits, session_date + dt.timedelta(days=1))
        by_symbol: dict[str, list[Order]] = {}
        for order in exits:
            if order.symbol in opens:
                by_symbol.setdefault(order.symbol, []).append(order)
        fills = []
        for symbol, group in by_symbol.items():
            opening, (high, low) = opens[symbol], ranges[symbol]
            side = 1 if group[0].side == "sell" else -1  # of the holding
            worst, finest = (low, high) if side > 0 else (high, low)
            stops = [o for o in group if o.stop_price is not None]
            nearest = max(stops, key=lambda o: side * (o.stop_price or 0), default=None)
            target = next((o for o in group if o.limit_price is not None), None)
            if nearest and nearest.stop_price and side * worst <= side * nearest.stop_price:
                at = side * min(side * opening, side * nearest.stop_price)
                fills.append(self._fill(nearest, at, session_date))
            elif target and target.limit_price and side * finest >= side * target.limit_price:
                at = side * max(side * opening, side * target.limit_price)
                fills.append(self._fill(target, at, session_date))
        return tuple(fills)

    def _fill(self, order: Order, opening: Decimal, session_date: dt.date) -> Fill:
        sound = opening.is_finite() and opening > 0
        slippage = self._slippage if order.limit_price is None else Decimal(0)
        if sound and order.side == "buy":
            price = (opening * (1 + slippage)).quantize(PRICE_TICK, ROUND_CEILING)
        elif sound:
            price = (opening * (1 - slippage)).quantize(PRICE_TICK, ROUND_FLOOR)
        if not sound or price <= 0:
            raise DataQualityError(
                f"no fill at {opening} for {order.symbol} on {session_date}", stage="reconcile_fills",
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
        prices = [order.stop_price, order.limit_price]
        sound = sound and prices.count(None) == (2 if order.order_type == "market" else 1)
        if not sound or order.client_order_id in seen or order.session_date >= session_date:
            raise DataQualityError(
                f"not an order for {session_date}: malformed, repeated, or decided too late",
                stage="reconcile_fills", key="client_order_id", value=order, remedy="look at table orders",
            )  # fmt: skip
        seen.add(order.client_order_id)
