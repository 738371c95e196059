"""Sessions of the paper account without a database: bars and votes in, what the account did out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from data_layer.sessions import sessions_between
from data_layer.storage.limits import default_limits
from models.accounting import Book
from models.exits import Vote
from models.lookback import WINDOW, History, Lookback
from models.portfolio_weights import PortfolioRules
from models.records import CorporateAction, Order
from plugins.stages.trading_day import STEPS
from plugins.stages.trading_state import Day, Pass, State

FREE = {"commission_per_share": "0", "commission_minimum": "0", "slippage_bps": "0"}
WIDE = dict.fromkeys((row["name"] for row in default_limits()), 1000.0) | {"min_confidence": 0.0}
# One model's score is what is held, in full.
RULES: Mapping[str, Any] = {
    "models": ["m"], "limits": WIDE, "overrides": {}, "rearm_sessions": None, "last_rearm": 0, "benchmark": "",
    "ensemble": {
        "members": [{"model": "m", "weight": 1.0, "by_confidence": False}], "direction_band": 0.0,
        "score_share": 1.0, "factors": {"": 1.0}, "publish_threshold": 0.0,
    },
    "portfolio": asdict(PortfolioRules(
        full_score_weight=1.0, max_symbol=10.0, max_sector=10.0, max_gross=10.0, max_net=10.0, cash_buffer=-9.0,
        max_turnover=100.0, min_change=0.0,
    )),
    "kill_switch": "", "blocked": "", "dry_run": False, "exits": "resting", "initial_cash": "1000", **FREE,
}  # fmt: skip
CALENDAR = sessions_between(dt.date(2000, 3, 1), dt.date(2013, 3, 1))


def calm(*symbols: str) -> Lookback:
    """Return a past in which nothing moved and everything traded, so that no limit lacks anything."""
    shape = (WINDOW, len(symbols))
    days = np.arange(WINDOW).astype("datetime64[D]")
    bars = np.ones(shape, np.bool_), np.zeros(shape), np.full(shape, 1e12), np.ones(shape)
    return Lookback(History(days, symbols, *bars), WINDOW - 1)


@dataclass
class Bar:
    """One session of one symbol; without prices it did not trade."""

    prices: tuple[float, float, float, float] | None  # open, high, low, close
    vote: Vote | None = None
    split: float = 1.0
    dividend: float = 0.0
    rules: Mapping[str, Any] = field(default_factory=dict)  # that differ on this session
    restricted: bool = False
    volume: float | None = None  # shares traded; None: nobody limits by it


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
            volumes={symbol: bar.volume} if prices and bar.volume is not None else {},
            actions=[CorporateAction(symbol, session, kind, Decimal(repr(value))) for kind, value in actions],
            next_splits={symbol: Decimal(repr(following))} if following != 1 else {},
            votes={symbol: [replace(bar.vote, model="m")]} if bar.vote else {},
            rules={**RULES, **rules, **bar.rules},
            restricted=frozenset({symbol} if bar.restricted else ()),
            lookback=calm(symbol),
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
