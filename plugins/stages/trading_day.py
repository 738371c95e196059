"""The steps of one session of the paper account: fill, blend, aim, check, order, mark; no database, no clock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from data_layer.brokers.base import ExpiredOrder, client_order_id
from data_layer.brokers.market import SimulatedMarket
from models.exits import tightest
from models.records import Order, RiskDecision, TargetPosition
from plugins.stages.broker_cash import book_cash
from plugins.stages.cash import move_cash
from plugins.stages.deciding import blend_votes, decide, targets
from plugins.stages.exits import begin_or_end, bring_in_line, end_by_leg, fill_inside_bar
from plugins.stages.parity import note_exits, note_opening, note_parity
from plugins.stages.told_late import book_told, note_entitled
from plugins.stages.trading_state import Day, Pass, State, of_session


def reconcile(state: State, day: Day, result: Pass) -> None:
    """Book what goes ex, fill the orders sent before at this open, then the exits the bar has reached.

    The order of events is the backtest engine's (models.backtest.kernel). A renamed share's holding and
    orders go on under the new ticker before anything else; then money earns and costs, and moves in and out.
    An order in shares of before a split that it was decided without expires: the next close decides anew.
    """
    touched = {new for old, new, effective in day.renames if state.rename(old, new, effective)}
    note_opening(state, day)
    market = market_of(day)
    if day.executed is None:
        sound = [o for o in state.orders if not day.in_old_shares(o.symbol)]
        executed = market.fills(sound, day.opens, day.session, day.volumes)
        fills, sent = executed.fills, {o.client_order_id: o for o in sound}
        result.expired += executed.expired
        result.expired += [
            ExpiredOrder(o.client_order_id, o.symbol, day.session,
                         f"in shares of before a split of {o.symbol} on {day.session} that was told or changed since")
            for o in state.orders if day.in_old_shares(o.symbol)
        ]  # fmt: skip
    else:
        fills, sent = tuple(day.executed.fills), dict(day.executed.orders)
        result.ledger += book_cash(state.book, day.session, day.executed.cash)
    result.fills += fills
    move_cash(state, day, result)
    book_told(state, day, result)
    splits = {
        a.symbol: a.value
        for a in day.actions
        if a.action_type == "split" and a.symbol in state.book.positions
    }
    # What a split leaves below a share is sold at the open, as the engine does; without a bar at the last close.
    marks = {
        symbol: day.opens.get(symbol, state.book.positions[symbol].price / ratio)
        for symbol, ratio in splits.items()
    }
    result.ledger += state.book.apply_actions(day.session, day.actions, marks)
    for symbol in splits.keys() & state.exits.keys():
        if state.book.positions[symbol].quantity:
            state.exits[symbol] = state.exits[symbol].split(splits[symbol])
        else:  # less than a share is paid out
            del state.exits[symbol]
    left = [s for s, p in state.book.positions.items() if p.quantity and day.has_left(s)]
    for symbol in left:
        result.ledger += state.book.pay_out(symbol, day.session)
        state.exits.pop(symbol, None)
    note_entitled(state, day)
    for fill in fills:
        held = state.book.positions.get(fill.symbol)
        before = held.quantity if held else Decimal(0)
        result.ledger += state.book.apply_fill(fill)
        begin_or_end(state, day, sent[fill.client_order_id], fill, before)
        end_by_leg(state, result, sent[fill.client_order_id], fill)
    state.orders = []
    if day.executed is None:  # at a real broker exits are its own orders
        bring_in_line(state, day, result, {*touched, *splits, *left, *(f.symbol for f in fills)})
        note_exits(state, day)
        fill_inside_bar(state, day, result, market)


def order(state: State, day: Day, result: Pass) -> None:
    """Order what was approved, or only plan it in a dry run; nothing when it was blocked meanwhile."""
    state.approved = {
        d.symbol: d.approved_quantity for d in of_session(result.decisions, day.session) if d.approved_quantity
    }
    state.rejected = frozenset()
    if day.rules["blocked"]:
        return
    aims = {t.symbol: t for t in result.targets_of(day.session)}
    allowed = [d for d in of_session(result.decisions, day.session) if d.approved_quantity]
    made = [_order(decision, aims[decision.symbol], day) for decision in allowed]
    result.orders += made
    if day.rules.get("missed"):
        result.expired += [
            ExpiredOrder(o.client_order_id, o.symbol, day.session, "missed: a later session is sent") for o in made
        ]
        result.planned |= dict.fromkeys((o.client_order_id for o in made), "missed")
    elif day.rules["dry_run"]:
        result.planned |= dict.fromkeys((o.client_order_id for o in made), "dry_run")
    elif day.rules.get("broker"):  # a real one: planned until somebody has approved them
        result.planned |= dict.fromkeys((o.client_order_id for o in made), "")
    else:
        state.orders = made


def mark(state: State, day: Day, result: Pass) -> None:
    """Value the account at the session's close."""
    result.snapshots.append(state.value(day))
    result.shown[day.session] = state.news()
    note_parity(state, day, result)
    result.exits[day.session] = dict(state.exits), dict(state.ended)


Step = Callable[[State, Day, Pass], None]
STEPS: tuple[Step, ...] = (reconcile, blend_votes, targets, decide, order, mark)


def market_of(day: Day) -> SimulatedMarket:
    """Return the simulated market at the session's costs."""
    costs = ("commission_per_share", "commission_minimum", "slippage_bps")
    per_share, least, slippage = (Decimal(day.rules[name]) for name in costs)
    share = day.rules.get("volume_share")  # none in sessions decided before there was one
    return SimulatedMarket(per_share, least, slippage, Decimal(share) if share else None)


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
