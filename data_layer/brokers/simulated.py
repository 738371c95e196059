"""The simulated broker: an account in memory whose orders the simulated market fills at the next open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from data_layer.brokers.base import (
    ENDED,
    Broker,
    CashActivity,
    Execution,
    Holdings,
    NoAnswerError,
    OrderReport,
)
from data_layer.brokers.market import SimulatedMarket, check_orders
from models.records import Order


class SimulatedBroker(SimulatedMarket, Broker):
    """Takes market day orders and fills them when a session is traded; the same calls give the same bytes.

    The daily run hands it a session's orders at once (fills, exit_fills), so that years pass in seconds; one
    by one they come to the same. It has no exits of its own: those are the account's.

    Args:
        commission_per_share: see SimulatedMarket, as the next three.
        commission_minimum: USD.
        slippage_bps: of the open.
        volume_share: of a session's volume.
        cash_usd: what the account begins with.
        account: its id.
    """

    name = "simulated"

    def __init__(
        self,
        commission_per_share: Decimal,
        commission_minimum: Decimal,
        slippage_bps: Decimal,
        volume_share: Decimal | None = None,
        cash_usd: Decimal = Decimal(0),
        account: str = "simulated",
    ) -> None:
        super().__init__(commission_per_share, commission_minimum, slippage_bps, volume_share)
        self._account, self._cash = account, cash_usd
        self._orders: dict[str, Order] = {}
        self._reports: dict[str, OrderReport] = {}
        self._executions: list[Execution] = []
        self._positions: dict[str, Decimal] = {}
        self._now = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

    def prove(self) -> str:
        """See Broker; there is nothing else it could be."""
        return self._account

    def submit(self, order: Order) -> OrderReport:
        """See Broker; it refuses nothing that is well formed."""
        check_orders([order], order.session_date + dt.timedelta(days=1))
        if order.client_order_id in self._orders:
            raise NoAnswerError(
                "the broker has an order of this name", stage="submit_orders", key="client_order_id",
                value=order.client_order_id, remedy="look it up and compare",
            )  # fmt: skip
        report = OrderReport(
            order.client_order_id, f"sim-{order.client_order_id}", order.symbol, order.side, order.quantity,
            order.order_type, "accepted",
        )  # fmt: skip
        self._orders[order.client_order_id], self._reports[order.client_order_id] = order, report
        return report

    def clock(self) -> dt.datetime:
        """See Broker: the open of the session traded last, long ago before the first."""
        return self._now

    def find(self, client_order_id: str) -> OrderReport | None:
        """See Broker."""
        return self._reports.get(client_order_id)

    def look_up(self, broker_order_id: str) -> OrderReport | None:
        """See Broker."""
        return next((r for r in self._reports.values() if r.broker_order_id == broker_order_id), None)

    def cancel(self, report: OrderReport) -> None:
        """See Broker."""
        mine = self._reports[report.client_order_id]
        if mine.state not in ENDED:
            self._reports[mine.client_order_id] = replace(mine, state="cancelled", reason="cancelled by us")

    def open_orders(self) -> tuple[OrderReport, ...]:
        """See Broker."""
        return tuple(r for r in self._reports.values() if r.state not in ENDED)

    def executions(self, since: dt.date) -> tuple[Execution, ...]:
        """See Broker."""
        return tuple(e for e in self._executions if e.executed_at.date() >= since)

    def cash_activities(self, since: dt.date) -> tuple[CashActivity, ...]:
        """See Broker; the books of the simulated account pay its dividends."""
        return ()

    def holdings(self) -> Holdings:
        """See Broker."""
        held = {symbol: quantity for symbol, quantity in self._positions.items() if quantity}
        return Holdings(self._account, self._cash, held)

    def trade(
        self, opens: Mapping[str, Decimal], session_date: dt.date, volumes: Mapping[str, float] | None = None
    ) -> None:
        """Trade one session: every open order fills at its open, as far as there is volume, or expires.

        Args:
            opens: see SimulatedMarket.fills.
            session_date: after that in which any open order was decided.
            volumes: shares traded in it.
        """
        due = [self._orders[r.client_order_id] for r in self.open_orders()]
        executed = self.fills(due, opens, session_date, volumes)
        opened = self._now = dt.datetime.combine(session_date, dt.time(14, 30), dt.UTC)
        for fill in executed.fills:
            mine = self._reports[fill.client_order_id]
            sign = 1 if fill.side == "buy" else -1
            self._cash -= sign * fill.price * fill.quantity + fill.commission_usd
            self._positions[fill.symbol] = self._positions.get(fill.symbol, Decimal(0)) + sign * fill.quantity
            self._executions.append(Execution(
                fill.broker_fill_id, mine.broker_order_id, fill.symbol, fill.side, fill.quantity, fill.price,
                fill.quantity, opened, fill.commission_usd,
            ))  # fmt: skip
            state = "filled" if fill.quantity == mine.quantity else "partially_filled"
            self._reports[fill.client_order_id] = replace(
                mine, state=state, filled_quantity=fill.quantity
            )
        for gone in executed.expired:
            mine = self._reports[gone.client_order_id]
            self._reports[gone.client_order_id] = replace(mine, state="expired", reason=gone.reason)
