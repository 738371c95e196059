"""Sessions of the paper account without a database: bars and votes in, what the account did out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from data_layer.sessions import sessions_between
from models.accounting import Book
from models.exits import Vote
from models.records import CorporateAction, Order
from plugins.stages.trading_day import STEPS
from plugins.stages.trading_state import Day, Pass, State

FREE = {"commission_per_share": "0", "commission_minimum": "0", "slippage_bps": "0"}
RULES: Mapping[str, Any] = {
    "models": ["m"], "full_score_weight": 1.0, "limits": {"max_position": 100.0, "max_gross_exposure": 100.0},
    "kill_switch": "", "blocked": "", "dry_run": False, "exits": "resting", "initial_cash": "1000", **FREE,
}  # fmt: skip
CALENDAR = sessions_between(dt.date(2000, 3, 1), dt.date(2013, 3, 1))


@dataclass
class Bar:
    """One session of one symbol; without prices it did not trade."""

    prices: tuple[float, float, float, float] | None  # open, high, low, close
    vote: Vote | None = None
    split: float = 1.0
    dividend: float = 0.0
    rules: Mapping[str, Any] = field(default_factory=dict)  # that differ on this session
    restricted: bool = False


def make_days(bars: Sequence[Bar], symbol: str = "A", first: int = 0, **rules: Any) -> list[Day]:
    """Return the bars as sessions in a row, the first being that of the calendar's position."""
    days = []
    for at, bar in enumerate(bars):
        session = CALENDAR[first + at]
        prices = bar.prices
        following = bars[at + 1].split if at + 1 < len(bars) else 1.0
        actions = [("split", bar.split)] * (bar.split != 1) + [("dividend", bar.dividend)] * (
            bar.dividend > 0
        )
        days.append(Day(
            session=session,
            opens={symbol: Decimal(repr(prices[0]))} if prices else {},
            closes={symbol: Decimal(repr(prices[3]))} if prices else {},
            ranges={symbol: (prices[1], prices[2])} if prices else {},
            actions=[CorporateAction(symbol, session, kind, Decimal(repr(value))) for kind, value in actions],
            next_splits={symbol: Decimal(repr(following))} if following != 1 else {},
            votes={symbol: [bar.vote]} if bar.vote else {},
            rules={**RULES, **rules, **bar.rules},
            restricted=frozenset({symbol} if bar.restricted else ()),
        ))  # fmt: skip
    return days


@dataclass
class Account:
    """An account as it goes through sessions."""

    state: State = field(default_factory=lambda: State(Book(), opened=False))
    done: Pass = field(default_factory=Pass)

    def take(self, days: Sequence[Day]) -> Account:
        """Take all steps of the sessions."""
        for day in days:
            for step in STEPS:
                step(self.state, day, self.done)
        return self

    def fills(self) -> list[tuple[int, str, int, float]]:
        """Return number of the session, side, quantity and price of each fill."""
        start = self.done.snapshots[0].session_date
        return [
            (CALENDAR.index(f.session_date) - CALENDAR.index(start), f.side, f.quantity, float(f.price))
            for f in self.done.fills
        ]

    def resting(self, symbol: str = "A") -> dict[str, tuple[int, float]]:
        """Return quantity and price of the exits that rest, by type."""
        return {o.order_type: (o.quantity, _price(o)) for o in self.state.resting.get(symbol, [])}

    def held(self) -> list[int]:
        """Return the shares held at each close, of all symbols together."""
        return [sum(int(p.quantity) for p in s.positions) for s in self.done.snapshots]


def _price(order: Order) -> float:
    return float(order.stop_price or order.limit_price or 0)
