"""The steps of one session of the paper account: fill, aim, check, order, mark; no database, no clock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from data_layer.brokers.base import client_order_id
from data_layer.brokers.simulated import SimulatedBroker
from models.exits import tightest
from models.portfolio import build_targets
from models.records import Order, RiskDecision, TargetPosition
from models.risk.base import RiskContext
from models.risk.check import build_limits, check_risk
from plugins.stages.cash import move_cash
from plugins.stages.exits import begin_or_end, bring_in_line, fill_inside_bar, kept_flat, watch
from plugins.stages.trading_state import Day, Pass, State, of_session


def reconcile(state: State, day: Day, result: Pass) -> None:
    """Book what goes ex, fill the orders sent before at this open, then the exits the bar has reached.

    The order of events is the backtest engine's (models.backtest.kernel). A renamed share's holding and
    orders go on under the new ticker before anything else; then money earns and costs, and moves in and out.
    """
    touched = {new for old, new, effective in day.renames if state.rename(old, new, effective)}
    costs = ("commission_per_share", "commission_minimum", "slippage_bps")
    broker = SimulatedBroker(*(Decimal(day.rules[name]) for name in costs))
    executed = broker.fills(state.orders, day.opens, day.session)
    result.fills += executed.fills
    result.expired += executed.expired
    move_cash(state, day, result)
    splits = {
        a.symbol: a.value
        for a in day.actions
        if a.action_type == "split" and a.symbol in state.book.positions
    }
    marks = {symbol: state.book.positions[symbol].price / ratio for symbol, ratio in splits.items()}
    result.ledger += state.book.apply_actions(day.session, day.actions, marks)
    for symbol in splits.keys() & state.exits.keys():
        if state.book.positions[symbol].quantity:
            state.exits[symbol] = state.exits[symbol].split(splits[symbol])
        else:  # less than a share is paid out
            del state.exits[symbol]
    sent = {o.client_order_id: o for o in state.orders}
    for fill in executed.fills:
        held = state.book.positions.get(fill.symbol)
        before = held.quantity if held else Decimal(0)
        result.ledger += state.book.apply_fill(fill)
        begin_or_end(state, day, sent[fill.client_order_id], fill, before)
    state.orders = []
    bring_in_line(state, day, result, {*touched, *splits, *(f.symbol for f in executed.fills)})
    fill_inside_bar(state, day, result, broker)


def targets(state: State, day: Day, result: Pass) -> None:
    """Move the trailing stops at the close, then turn the session's scores into wanted holdings."""
    marked = state.book.mark(day.session, day.closes)
    watch(state, day)
    plan = build_targets(
        day.session,
        {symbol: [v.score for v in votes] for symbol, votes in day.votes.items()},
        active_models=max(len(day.rules["models"]), 1),
        closes=day.closes,
        next_splits=day.next_splits,
        positions={p.symbol: p.quantity for p in marked.positions},
        equity_usd=marked.equity_usd,
        full_score_weight=day.rules["full_score_weight"],
        restricted=day.restricted,
        flat=kept_flat(state, day),
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
    wanted = of_session(result.targets, day.session)
    result.decisions += check_risk(wanted, build_limits(day.rules["limits"]), context)


def order(state: State, day: Day, result: Pass) -> None:
    """Order what was approved, or only plan it in a dry run; nothing when it was blocked meanwhile."""
    if day.rules["blocked"]:
        return
    aims = {t.symbol: t for t in of_session(result.targets, day.session)}
    allowed = [d for d in of_session(result.decisions, day.session) if d.approved_quantity]
    made = [_order(decision, aims[decision.symbol], day) for decision in allowed]
    result.orders += made
    if day.rules["dry_run"]:
        result.planned += [o.client_order_id for o in made]
    else:
        state.orders = made


def mark(state: State, day: Day, result: Pass) -> None:
    """Value the account at the session's close."""
    result.snapshots.append(state.book.mark(day.session, day.closes))
    result.shown[day.session] = state.news()
    result.exits[day.session] = dict(state.exits), dict(state.ended)


Step = Callable[[State, Day, Pass], None]
STEPS: tuple[Step, ...] = (reconcile, targets, decide, order, mark)


def _order(decision: RiskDecision, target: TargetPosition, day: Day) -> Order:
    side = "buy" if decision.approved_quantity > 0 else "sell"
    current = target.current_quantity
    final = current + decision.approved_quantity
    stop_loss = take_profit = None
    if final and current * final <= 0 and day.exits != "none":  # it opens a holding
        stop_loss, take_profit, _ = tightest(day.votes.get(decision.symbol, ()), 1 if final > 0 else -1)
    return Order(
        client_order_id=client_order_id(day.account, decision.symbol, side, decision.session_date),
        symbol=decision.symbol,
        session_date=decision.session_date,
        side=side,
        quantity=abs(decision.approved_quantity),
        reference_price=target.reference_price,
        stop_loss=stop_loss,
        take_profit=take_profit,
    )
