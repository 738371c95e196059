"""The simulated market: day orders fill at the open, exits inside the bar, after slippage and commission."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from data_layer.brokers.base import ExpiredOrder
from models.errors import ConfigError, DataQualityError
from models.records import PRICE_TICK, Fill, Order

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Executions:
    """What became of a session's orders: every order has filled in full or stands in expired."""

    fills: tuple[Fill, ...]
    expired: tuple[ExpiredOrder, ...]


class SimulatedMarket:
    """Fills orders at open x (1 +- slippage), rounded against us to 0.0001 USD, in whole shares.

    A market order gets at most volume_share of its symbol's volume in the session; the rest of it expires.
    A stop fills at its price, or at the open that has jumped over it, and slips; a target does not slip: it
    is a limit order. Exits fill whole: what protects a holding is not left in half.

    Args:
        commission_per_share: USD.
        commission_minimum: USD an order.
        slippage_bps: of the open, against us.
        volume_share: fraction of a session's volume that one order may be; None for no limit.

    Raises:
        ConfigError: for a negative or non-finite cost, slippage of 100 % and more, or a share that is none.
    """

    def __init__(
        self,
        commission_per_share: Decimal,
        commission_minimum: Decimal,
        slippage_bps: Decimal,
        volume_share: Decimal | None = None,
    ) -> None:
        self._per_share = _cost("COMMISSION_PER_SHARE", commission_per_share)
        self._minimum = _cost("COMMISSION_MINIMUM", commission_minimum)
        self._slippage = _cost("SLIPPAGE_BPS", slippage_bps, below=Decimal(10_000)) / 10_000
        self._volume_share = None if volume_share is None else _cost("VOLUME_SHARE", volume_share)

    def fills(
        self,
        orders: Sequence[Order],
        opens: Mapping[str, Decimal],
        session_date: dt.date,
        volumes: Mapping[str, float] | None = None,
    ) -> Executions:
        """Fill the orders whose symbol has a bar; a day order without one expires.

        Commission per order: shares x rate, at least the minimum, rounded to the cent.

        Args:
            orders: decided after the session before, quantities in this session's share basis.
            opens: raw opens of session_date in USD; a symbol without a bar is not in it.
            session_date: the session the orders were for.
            volumes: shares traded in session_date; a symbol that is not in it, or none at all, has no limit.

        Raises:
            DataQualityError: for an open that is not a positive number, a malformed or repeated order, or
                one decided on this session or later.
        """
        check_orders(orders, session_date)
        fills: list[Fill] = []
        expired: list[ExpiredOrder] = []
        for order in orders:
            quantity, reason = order.quantity, f"no bar for {order.symbol} on {session_date}"
            if order.symbol not in opens:
                quantity = 0
            elif self._volume_share is not None and volumes and order.symbol in volumes:
                most = int(self._volume_share * int(volumes[order.symbol]))
                quantity = min(quantity, most)
                reason = (
                    f"{quantity} of {order.quantity} shares are {self._volume_share} of the session's volume"
                )
            if quantity:
                fills.append(self._fill(order, opens[order.symbol], session_date, quantity))
            if quantity < order.quantity:
                expired.append(ExpiredOrder(order.client_order_id, order.symbol, session_date, reason))
        return Executions(tuple(fills), tuple(expired))

    def exit_fills(
        self,
        exits: Sequence[Order],
        opens: Mapping[str, Decimal],
        ranges: Mapping[str, tuple[Decimal, Decimal]],
        session_date: dt.date,
    ) -> tuple[Fill, ...]:
        """Return the fills of resting exits in this session; what has none rests on.

        Those of one symbol cancel one another: at most one of them fills. Stops come before targets, for
        nobody knows whether the high or the low came first; of two stops the nearer one. One the open has
        jumped over fills at the open.

        Args:
            exits: placed at this session's open or before, quantities in its share basis; a trailing stop
                with the price it stands at.
            opens: raw opens of session_date in USD; a symbol without a bar is not in it.
            ranges: raw high and low of session_date in USD, of the exits' symbols that have a bar.
            session_date: the session.

        Raises:
            DataQualityError: for a malformed or repeated exit, one without its price, or one placed later.
        """
        check_orders(exits, session_date + dt.timedelta(days=1))
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
                fills.append(self._fill(nearest, at, session_date, nearest.quantity))
            elif target and target.limit_price and side * finest >= side * target.limit_price:
                at = side * max(side * opening, side * target.limit_price)
                fills.append(self._fill(target, at, session_date, target.quantity))
        return tuple(fills)

    def _fill(self, order: Order, opening: Decimal, session_date: dt.date, quantity: int) -> Fill:
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
        commission = max(quantity * self._per_share, self._minimum).quantize(CENT, ROUND_HALF_UP)
        return Fill(
            broker_fill_id=f"sim-{order.client_order_id}-1",  # one order, one fill
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            session_date=session_date,
            side=order.side,
            quantity=quantity,
            price=price,
            commission_usd=commission,
            slippage_usd=abs(price - opening) * quantity,
        )


def _cost(key: str, value: Decimal, below: Decimal = Decimal("Infinity")) -> Decimal:
    if not (value.is_finite() and 0 <= value < below):
        raise ConfigError("not a cost", stage="reconcile_fills", key=key, value=value,
                          remedy="set a finite number, 0 or more")  # fmt: skip
    return value


def check_orders(orders: Sequence[Order], session_date: dt.date) -> None:
    """Refuse orders that are malformed, repeated, or decided in this session or later.

    Raises:
        DataQualityError: with the first such order.
    """
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
