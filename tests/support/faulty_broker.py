"""A simulated broker whose network and desk misbehave by the seed: the same seed, the same faults."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from data_layer.brokers.base import Execution, Holdings, NoAnswerError, NotSentError, OrderReport
from data_layer.brokers.simulated import SimulatedBroker
from models.errors import RetryableError
from models.records import Order


class FaultyBroker(SimulatedBroker):
    """Partial fills come from small volumes; the rest is here.

    Args:
        seed: of every fault.
        cash_usd: to begin with.
    """

    def __init__(self, seed: int, cash_usd: Decimal):
        super().__init__(
            Decimal("0.005"), Decimal(1), Decimal(5), Decimal("0.1"), cash_usd, account="PA-SIMULATED"
        )
        self.dice = random.Random(seed)  # noqa: S311
        self.taken: list[str] = []
        self.seen_at: dict[str, int] = {}  # when a fill is told: at which reading, counted from its execution
        self.readings = 0

    def submit(self, order: Order) -> OrderReport:
        chance = self.dice.random()
        if chance < 0.06:
            raise NotSentError("HTTP 429")
        if chance < 0.14:
            raise NoAnswerError("504 before it arrived")
        if chance < 0.20 and order.client_order_id not in self._orders:
            return OrderReport(order.client_order_id, "", order.symbol, order.side, order.quantity, "market",
                               "rejected", reason="no buying power")  # fmt: skip
        report = super().submit(order)
        self.taken.append(order.client_order_id)
        if chance < 0.32:
            raise NoAnswerError("reset after it arrived")
        return report

    def find(self, client_order_id: str) -> OrderReport | None:
        self._may_fail()
        return super().find(client_order_id)

    def executions(self, since: dt.date) -> tuple[Execution, ...]:
        """A fifth of the fills is told a reading or two late, some are told twice."""
        self._may_fail()
        self.readings += 1
        told: list[Execution] = []
        for execution in super().executions(since):
            name = execution.broker_fill_id
            if name not in self.seen_at:
                self.seen_at[name] = self.readings + (
                    self.dice.choice([1, 2]) if self.dice.random() < 0.2 else 0
                )
            if self.seen_at[name] <= self.readings:
                told += [execution] * (2 if self.dice.random() < 0.1 else 1)
        return tuple(told)

    def holdings(self) -> Holdings:
        self._may_fail()
        return super().holdings()

    def trade(
        self, opens: Mapping[str, Decimal], session_date: dt.date, volumes: Mapping[str, float] | None = None
    ) -> None:
        """Some orders are cancelled by the desk before they trade."""
        for report in self.open_orders():
            if self.dice.random() < 0.05:
                self._reports[report.client_order_id] = replace(
                    report, state="cancelled", reason="by the desk"
                )
        super().trade(opens, session_date, volumes)

    def _may_fail(self) -> None:
        if self.dice.random() < 0.05:
            raise RetryableError("disconnected")
