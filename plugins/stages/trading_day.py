"""The steps of one session of the paper account: fill, aim, check, order, mark; no database, no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from data_layer.brokers.base import ExpiredOrder, client_order_id
from data_layer.brokers.simulated import SimulatedBroker
from models.accounting import Book, Snapshot
from models.portfolio import SkippedTarget, build_targets
from models.records import CorporateAction, Fill, LedgerEntry, Order, RiskDecision, TargetPosition
from models.risk.base import RiskContext
from models.risk.check import build_limits, check_risk

ACCOUNT = "paper"


@dataclass(frozen=True)
class Day:
    """What is known of one session when it is decided, prices raw.

    rules (models with a vote, weights, limits, costs) are stored with the session, so that it can be decided
    again.
    """

    session: dt.date
    opens: Mapping[str, Decimal]
    closes: Mapping[str, Decimal]
    actions: Sequence[CorporateAction]  # going ex at this session
    next_splits: Mapping[str, Decimal]  # going ex at the next one
    scores: Mapping[str, Sequence[float]]  # by symbol, of the models with a vote
    rules: Mapping[str, Any]
    restricted: frozenset[str] = frozenset()  # never to be traded: what is held of them stays
    renames: Sequence[tuple[str, str, dt.date]] = ()  # old ticker, new one and its first session, up to this one


@dataclass
class State:
    """The account between two steps of a session."""

    book: Book
    orders: list[Order] = field(default_factory=list)  # sent after the session before
    opened: bool = True  # False before the first deposit


@dataclass
class Pass:
    """All that deciding some sessions produced, in order, ready to be written in one transaction."""

    targets: list[TargetPosition] = field(default_factory=list)
    decisions: list[RiskDecision] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)  # client order ids that a dry run kept back
    fills: list[Fill] = field(default_factory=list)
    expired: list[ExpiredOrder] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    skipped: list[SkippedTarget] = field(default_factory=list)


def reconcile(state: State, day: Day, result: Pass) -> None:
    """Book the first deposit and what goes ex, fill the orders sent before at this open, and book that.

    A renamed share's holding and orders go on under the new ticker before anything else.
    """
    for old, new, effective in day.renames:
        state.book.rename(old, new, effective)
        state.orders = [
            replace(o, symbol=new) if o.symbol == old and o.session_date < effective else o for o in state.orders
        ]
    costs = ("commission_per_share", "commission_minimum", "slippage_bps")
    broker = SimulatedBroker(*(Decimal(day.rules[name]) for name in costs))
    executed = broker.fills(state.orders, day.opens, day.session)
    result.fills += executed.fills
    result.expired += executed.expired
    if not state.opened:
        result.ledger += state.book.deposit(day.session, Decimal(day.rules["initial_cash"]))
        state.opened = True
    marks = {
        a.symbol: state.book.positions[a.symbol].price / a.value
        for a in day.actions
        if a.action_type == "split" and a.symbol in state.book.positions
    }
    result.ledger += state.book.apply_actions(day.session, day.actions, marks)
    for fill in executed.fills:
        result.ledger += state.book.apply_fill(fill)
    state.orders = []


def targets(state: State, day: Day, result: Pass) -> None:
    """Turn the session's scores into wanted holdings."""
    marked = state.book.mark(day.session, day.closes)
    plan = build_targets(
        day.session,
        day.scores,
        active_models=max(len(day.rules["models"]), 1),
        closes=day.closes,
        next_splits=day.next_splits,
        positions={p.symbol: p.quantity for p in marked.positions},
        equity_usd=marked.equity_usd,
        full_score_weight=day.rules["full_score_weight"],
        restricted=day.restricted,
    )
    result.targets += plan.targets
    result.skipped += plan.skipped


def decide(state: State, day: Day, result: Pass) -> None:
    """Check every wanted change of the session against every limit."""
    marked = state.book.mark(day.session, day.closes)
    context = RiskContext(
        equity_usd=marked.equity_usd,
        holdings_usd={p.symbol: p.market_value_usd for p in marked.positions},
        kill_switch=day.rules["kill_switch"],
    )
    wanted = [t for t in result.targets if t.session_date == day.session]
    result.decisions += check_risk(wanted, build_limits(day.rules["limits"]), context)


def order(state: State, day: Day, result: Pass) -> None:
    """Order what was approved, or only plan it in a dry run; nothing when it was blocked meanwhile."""
    if day.rules["blocked"]:
        return
    prices = {t.symbol: t.reference_price for t in result.targets if t.session_date == day.session}
    allowed = [d for d in result.decisions if d.session_date == day.session and d.approved_quantity]
    made = [_order(decision, prices[decision.symbol]) for decision in allowed]
    result.orders += made
    if day.rules["dry_run"]:
        result.planned += [o.client_order_id for o in made]
    else:
        state.orders = made


def mark(state: State, day: Day, result: Pass) -> None:
    """Value the account at the session's close."""
    result.snapshots.append(state.book.mark(day.session, day.closes))


Step = Callable[[State, Day, Pass], None]
STEPS: tuple[Step, ...] = (reconcile, targets, decide, order, mark)


def _order(decision: RiskDecision, price: Decimal) -> Order:
    side = "buy" if decision.approved_quantity > 0 else "sell"
    return Order(
        client_order_id=client_order_id(ACCOUNT, decision.symbol, side, decision.session_date),
        symbol=decision.symbol,
        session_date=decision.session_date,
        side=side,
        quantity=abs(decision.approved_quantity),
        reference_price=price,
    )
