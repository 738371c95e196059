"""What one session of the paper account is decided from, what it leads to, and what lasts from step to step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import takewhile
from typing import Any, Protocol, TypeVar

from data_layer.brokers.base import CashActivity, ExpiredOrder
from models.accounting import Book, Snapshot
from models.ensemble import Blend
from models.exits import Exits, Vote
from models.lookback import Lookback
from models.parity import Opening, Parity
from models.portfolio import SkippedTarget
from models.records import (
    CashMovement,
    CorporateAction,
    Fill,
    LedgerEntry,
    Order,
    RiskDecision,
    TargetPosition,
)
from models.risk.latch import Watch

ACCOUNT = "paper"  # the first account; the one a session belongs to stands in its rules


@dataclass(frozen=True)
class Executed:
    """What a real broker says to be booked in a session: fills, the orders they belong to by name, cash."""

    fills: Sequence[Fill] = ()
    cash: Sequence[CashActivity] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """An action of an earlier session, as it was booked and as it is believed now; None for none."""

    symbol: str
    session_date: dt.date
    action_type: str
    before: Decimal | None
    believed: Decimal | None
    shares: Decimal = Decimal(0)  # held as it went ex, where that is stored


@dataclass(frozen=True)
class Day:
    """What is known of one session when it is decided, prices raw.

    rules (models with a vote, weights, limits, costs, how exits are judged) are stored with the session, so
    that it can be decided again.
    """

    session: dt.date
    opens: Mapping[str, Decimal]
    closes: Mapping[str, Decimal]
    ranges: Mapping[str, tuple[float, float]]  # high and low
    actions: Sequence[CorporateAction]  # going ex at this session
    next_splits: Mapping[str, Decimal]  # going ex at the next one
    votes: Mapping[str, Sequence[Vote]]  # by symbol, of the models with a vote
    rules: Mapping[str, Any]
    volumes: Mapping[str, float] = field(default_factory=dict)  # shares
    executed: Executed | None = None  # of an account at a real broker; None: the simulated market decides
    restricted: frozenset[str] = frozenset()  # never to be traded: what is held of them stays
    renames: Sequence[
        tuple[str, str, dt.date]
    ] = ()  # old ticker, new one and its first session, up to this one
    lookback: Lookback | None = None  # the recent past of all symbols
    index: Sequence[str] = ()  # whose mean return is the benchmark's
    sectors: Mapping[str, str] = field(default_factory=dict)

    members: frozenset[str] = frozenset()  # of the universe
    movements: Sequence[CashMovement] = ()  # paid in and taken out before this session's open
    resplit: frozenset[str] = frozenset()  # their split at this session is not what the session before decided by
    told: Sequence[Told] = ()  # of earlier sessions, known otherwise since the one before

    @property
    def account(self) -> str:
        """Id of the account the session belongs to; the first one in sessions decided before there were several."""
        return str(self.rules.get("account", ACCOUNT))

    @property
    def exits(self) -> str:
        """How exits are judged: resting, at_close; none in a session decided before there were any."""
        return str(self.rules.get("exits", "none"))

    def range(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the session's high and low of a symbol that has a bar."""
        high, low = self.ranges[symbol]
        return Decimal(repr(high)), Decimal(repr(low))

    def in_old_shares(self, symbol: str) -> bool:
        """Tell whether what was decided at the session before counts other shares than those that trade now.

        A real broker says itself what becomes of an order; nobody looked in a session decided before this rule.
        """
        known = self.executed is None and self.rules.get("expires_in_old_shares", False)
        return known and symbol in self.resplit

    def has_left(self, symbol: str) -> bool:
        """Tell whether a share belongs to the universe no more and trades no more; a real broker says so itself.

        Nothing has left in a session decided before there was such a rule.
        """
        known = self.executed is None and self.rules.get("pays_out_delisted", False)
        return known and symbol not in self.members and symbol not in self.opens


@dataclass(frozen=True, slots=True)
class CancelledExit:
    """An exit that was taken back, and why."""

    client_order_id: str
    symbol: str
    session_date: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class Watched:
    """What a session's check found: the account's fall, why nothing was allowed, and how long what is held is."""

    session_date: dt.date
    watch: Watch
    kill_switch: str  # empty when orders were allowed
    held: Mapping[str, tuple[int, int]]  # side, and at how many closes it has been held


@dataclass
class State:
    """The account between two steps of a session."""

    book: Book
    orders: list[Order] = field(default_factory=list)  # sent after the session before
    opened: bool = True  # False before the first deposit
    exits: dict[str, Exits] = field(default_factory=dict)  # by symbol held
    resting: dict[str, list[Order]] = field(default_factory=dict)  # exits out at the broker, by symbol
    ended: dict[str, int] = field(default_factory=dict)  # the side an exit has ended, till the score turns
    held: dict[str, tuple[int, int]] = field(default_factory=dict)  # side, and closes at which it was held
    watch: Watch = field(default_factory=Watch)
    blend: Blend = field(default_factory=Blend.none)  # the session's, from one step to the next
    approved: dict[str, int] = field(default_factory=dict)  # signed shares, after the session before
    rejected: frozenset[str] = frozenset()  # of these, whose order the broker refused
    valued: Snapshot | None = None  # at the close of the session valued last
    opening: Opening | None = None  # the account before the session's open
    entitled: dict[dt.date, dict[str, Decimal]] = field(default_factory=dict)  # by session, shares at its open
    exits_out: dict[str, list[Order]] = field(default_factory=dict)  # exits that rested once it had opened
    closed: dict[str, tuple[Decimal, int]] = field(default_factory=dict)  # as last written, of symbols not held

    def value(self, day: Day) -> Snapshot:
        """Value the account at the session's close, once: after its open nothing more is booked."""
        if self.valued is None or self.valued.session_date != day.session:
            self.valued = self.book.mark(day.session, day.closes)
        return self.valued

    def news(self) -> frozenset[str]:
        """Return the symbols to write at this close: those held, and those that changed since they are not."""
        news = set()
        for symbol, held in self.book.positions.items():
            if held.quantity:
                self.closed.pop(symbol, None)
                news.add(symbol)
                continue
            told = held.realized_pnl_usd, self.ended.get(symbol, 0)
            if self.closed.get(symbol) != told:
                self.closed[symbol] = told
                news.add(symbol)
        return frozenset(news)

    def rename(self, old: str, new: str, effective: dt.date) -> bool:
        """Let a renamed share's holding, orders and exits go on under the new ticker; True when it is held."""
        known = old in self.book.positions
        self.book.rename(old, new, effective)
        self.orders = [
            replace(o, symbol=new) if o.symbol == old and o.session_date < effective else o
            for o in self.orders
        ]
        if not known or old in self.book.positions:
            return False
        self.closed.pop(old, None)
        if old in self.exits:
            self.exits.setdefault(new, self.exits.pop(old))
        if old in self.ended:
            self.ended.setdefault(new, self.ended.pop(old))
        if old in self.held:
            self.held.setdefault(new, self.held.pop(old))
        self.resting.setdefault(new, []).extend(self.resting.pop(old, []))
        return True


@dataclass
class Pass:
    """All that deciding some sessions of one account produced, in order, ready to be written in one transaction."""

    account: str = ACCOUNT
    blends: list[tuple[dt.date, Blend]] = field(default_factory=list)
    targets: list[TargetPosition] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)
    decisions: list[RiskDecision] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    planned: dict[str, str] = field(default_factory=dict)  # client order id: why it was kept back
    placed: list[Order] = field(default_factory=list)  # exits
    cancelled: list[CancelledExit] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    hit: dict[str, Order] = field(default_factory=dict)  # exits that filled, by client order id
    expired: list[ExpiredOrder] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    refused: list[CashMovement] = field(default_factory=list)  # withdrawals of more than was free
    snapshots: list[Snapshot] = field(default_factory=list)
    parity: list[Parity] = field(default_factory=list)
    skipped: list[SkippedTarget] = field(default_factory=list)
    shown: dict[dt.date, frozenset[str]] = field(default_factory=dict)  # symbols whose positions are written
    # By session, as of its close: exits by symbol, sides ended by symbol.
    exits: dict[dt.date, tuple[Mapping[str, Exits], Mapping[str, int]]] = field(default_factory=dict)

    def targets_of(self, session: dt.date) -> list[TargetPosition]:
        """Return the targets of the session decided last."""
        return of_session(self.targets, session)


class _Dated(Protocol):
    @property
    def session_date(self) -> dt.date: ...


Record = TypeVar("Record", bound=_Dated)


def of_session(records: Sequence[Record], session: dt.date) -> list[Record]:
    """Return the newest session's records from those of many sessions in order, without looking at the others."""
    newest = list(takewhile(lambda r: r.session_date == session, reversed(records)))
    return newest[::-1]
