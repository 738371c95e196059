"""Exits of the paper account: what rests for each holding, what fills, what keeps it from being entered again.

An order that opens a holding has its exits as children. They are brought in line with the holding at each
open, after splits and the day's orders: a holding that grew, shrank, split or was renamed has them cancelled
and placed anew, one that is closed has them cancelled. With STOPS_AT_CLOSE none rests; the close is judged.
Exits only reduce risk: no limit holds them back, and they rest and fill while the kill switch is thrown. A
restricted share is never traded, so its holding loses its exits, and has none till it is entered anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from data_layer.brokers.base import client_order_id
from data_layer.brokers.market import SimulatedMarket
from models.accounting import Position
from models.ensemble import Ballots
from models.exits import Exits, tightest
from models.records import Fill, Order
from plugins.stages.trading_state import CancelledExit, Day, Pass, State


def begin_or_end(state: State, day: Day, order: Order, fill: Fill, before: Decimal) -> None:
    """Follow one of the day's fills: a holding that begins gets its exits, one that ends loses them."""
    after = state.book.positions[fill.symbol].quantity
    if before * after <= 0:
        state.exits.pop(fill.symbol, None)
    if before * after <= 0 and after and day.exits != "none":
        state.exits[fill.symbol] = Exits(
            order.client_order_id, order.stop_loss, order.take_profit, fill.price
        )


def bring_in_line(state: State, day: Day, result: Pass, touched: Iterable[str]) -> None:
    """Cancel and place exits so that they are those of the holdings as the session has opened."""
    # Besides those touched: exits without a holding, and those that a close has added or a setting has ended.
    due = set(touched) | (state.resting.keys() - state.exits.keys())
    if day.exits == "resting":
        due |= {
            s
            for s, e in state.exits.items()
            if (_trails_anew(e, state.resting[s]) if s in state.resting else not e.are_none)
        }
    else:
        due |= state.resting.keys()
    for symbol in sorted(due):
        wanted = _wanted(state, day, symbol) if day.exits == "resting" else []
        resting = state.resting.pop(symbol, [])
        kept = [o for o in resting if any(_same(o, w) for w in wanted)]
        _cancel(result, day, [o for o in resting if o not in kept], symbol, _why(state, day, symbol))
        placed = [w for w in wanted if not any(_same(w, o) for o in kept)]
        result.placed += placed
        if kept or placed:
            state.resting[symbol] = [*kept, *placed]


def fill_inside_bar(state: State, day: Day, result: Pass, broker: SimulatedMarket) -> None:
    """Fill the exits that the bar has reached, cancel the others of the holding, and book it."""
    out = [
        replace(o, stop_price=state.exits[symbol].trailing) if o.order_type == "trailing_stop" else o
        for symbol, orders in state.resting.items()
        if symbol in day.opens
        for o in orders
    ]
    if not out:
        return
    ranges = {o.symbol: day.range(o.symbol) for o in out}
    for fill in broker.exit_fills(out, day.opens, ranges, day.session):
        others = state.resting.pop(fill.symbol)
        result.hit |= {o.client_order_id: o for o in others if o.client_order_id == fill.client_order_id}
        others = [o for o in others if o.client_order_id != fill.client_order_id]
        _cancel(result, day, others, fill.symbol, "another exit has filled")
        result.fills.append(fill)
        result.ledger += state.book.apply_fill(fill)
        state.ended[fill.symbol] = 1 if fill.side == "sell" else -1
        del state.exits[fill.symbol]


def end_by_leg(state: State, result: Pass, order: Order, fill: Fill) -> None:
    """Follow a fill of an exit that rests at a real broker: its holding is not entered again before the score turns."""
    if order.order_type != "market":
        result.hit[order.client_order_id] = order
        state.ended[fill.symbol] = 1 if fill.side == "sell" else -1
        state.resting.pop(fill.symbol, None)


def watch(state: State, day: Day) -> None:
    """Move the trailing stops by the session's bars, for the next one."""
    trailing = day.votes.trailing if isinstance(day.votes, Ballots) else day.votes.keys()
    for symbol, exits in list(state.exits.items()):
        if symbol in day.restricted:
            del state.exits[symbol]
        elif symbol in day.closes:
            side = _side(state.book.positions[symbol])
            distance = tightest(day.votes[symbol], side)[2] if symbol in trailing else None
            state.exits[symbol] = exits.watched(*day.range(symbol), distance, side)


def kept_flat(state: State, day: Day) -> dict[str, str]:
    """Return why a symbol's target is 0 whatever its score: an exit has ended the side that it still wants.

    At the close an exit reached then ends its holding here, by the order that the target leads to. A side
    that was ended may be entered again once the score has turned to 0 or to the other side.
    """
    flat: dict[str, str] = {}
    judged = state.exits if day.exits == "at_close" else {}
    scores = state.blend.wanted()
    wanted = {s: scores.get(s, 0.0) for s in state.ended.keys() | judged.keys()}
    for symbol, side in list(state.ended.items()):
        if symbol in day.closes and side * wanted[symbol] <= 0:
            del state.ended[symbol]
        elif symbol in day.closes:
            flat[symbol] = "an exit has ended it: not again before the score turns"
    for symbol, exits in judged.items():
        position = state.book.positions[symbol]
        side, cost = _side(position), position.average_cost
        if symbol in flat or symbol not in day.closes or side * wanted[symbol] <= 0 or cost is None:
            continue
        if kind := exits.reached(day.closes[symbol], cost, side):
            state.ended[symbol] = side
            flat[symbol] = f"{kind} reached at the close"
    return flat


def _wanted(state: State, day: Day, symbol: str) -> list[Order]:
    exits, position = state.exits.get(symbol), state.book.positions.get(symbol)
    if exits is None or position is None or position.average_cost is None:
        return []
    side = _side(position)
    name = "sell" if side > 0 else "buy"
    return [
        Order(
            client_order_id=client_order_id(day.account, symbol, name, day.session, exit_type=kind),
            symbol=symbol,
            session_date=day.session,
            side=name,
            quantity=abs(int(position.quantity)),
            reference_price=position.average_cost,
            order_type=kind,
            time_in_force="gtc",
            parent=exits.entry_order,
            stop_price=None if kind == "limit" else price,
            limit_price=price if kind == "limit" else None,
        )
        for kind, price in exits.levels(position.average_cost, side).items()
    ]


def _why(state: State, day: Day, symbol: str) -> str:
    held = state.book.positions.get(symbol)
    if not held or not held.quantity:
        return "the holding is closed"
    if symbol not in state.exits:
        return "the share is restricted"
    return "the holding has changed" if day.exits == "resting" else "exits are judged at the close"


def _same(one: Order, other: Order) -> bool:
    """Whether two exits ask for the same; where a trailing stop stands is not part of it."""
    facts = [
        (o.symbol, o.side, o.quantity, o.order_type, o.parent, o.limit_price,
         None if o.order_type == "trailing_stop" else o.stop_price)
        for o in (one, other)
    ]  # fmt: skip
    return facts[0] == facts[1]


def _trails_anew(exits: Exits, resting: Iterable[Order]) -> bool:
    return exits.trailing is not None and all(o.order_type != "trailing_stop" for o in resting)


def _cancel(result: Pass, day: Day, orders: Iterable[Order], symbol: str, reason: str) -> None:
    result.cancelled += [CancelledExit(o.client_order_id, symbol, day.session, reason) for o in orders]


def _side(position: Position) -> int:
    return 1 if position.quantity > 0 else -1
